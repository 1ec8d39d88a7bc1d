"""ERNIE of Tsinghua: which vector stands at which token, and what a model without entities does."""

from __future__ import annotations

import pytest
import torch

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.base import KnowledgeModel
from kbtools.models.masking.mentions import HIDDEN
from kbtools.models.parts.alignment import beside, meant
from kbtools.models.parts.tables import EntityTable
from kbtools.models.training.stage import train
from tests import tiny_models, tiny_vectors
from tests.tiny_models import tiny

KB = "entities.wikidata"


@pytest.fixture(scope="module")
def model():
    return tiny("ernie_thu")


@pytest.fixture(scope="module")
def made(model):
    """A model whose biases and entity side are not near 0."""
    made = model.still(seed=1).eval()
    for name, weight in made.named_parameters():
        if name.startswith("body.fusion") and (weight.dim() > 1 or name.endswith("bias")):
            torch.nn.init.normal_(weight, std=0.3)
    return made


def states(made, some):
    with torch.no_grad():
        return made(some).hidden


def told(made, **settings):
    """Make it anew with other settings of the body, and the same weights."""
    config = made.config.__class__.from_dict(made.config.to_dict())
    config.settings = {**config.settings, **settings}
    again = KnowledgeModel(config, tables=made.tables).eval()
    again.load_state_dict(made.state_dict())
    return again


def changed(some, **columns):
    return some | {f"{KB}.{name}": value for name, value in columns.items()}


def mentions(spans, gold, length=8, **more):
    """A batch with given mentions: places and entities."""
    spans = torch.tensor(spans).view(len(spans), -1, 2)
    there = torch.ones(spans.shape[:2], dtype=torch.bool)
    return {
        "input_ids": torch.full((len(spans), length), 9), f"{KB}.spans": spans, f"{KB}.spans.mask": there,
        f"{KB}.gold": torch.tensor(gold), **more,
    }  # fmt: skip


def test_a_mention_means_what_was_put_there_or_told_or_decided():
    some = mentions([[[1, 2], [3, 4], [5, 6], [6, 7]]], [[5, -1, -2, 8]])
    some[f"{KB}.spans.mask"][0, 3] = False
    assert meant(some, "wikidata").tolist() == [[5, -1, -2, -1]]
    some[f"{KB}.best"] = torch.tensor([[1, 2, 3, 4]])
    assert meant(some, "wikidata").tolist() == [[5, 2, -2, -1]]
    some[f"{KB}.entity"] = torch.tensor([[-1, 7, 7, 7]])
    assert meant(some, "wikidata").tolist() == [[-1, 7, 7, -1]]
    with pytest.raises(ConfigError, match=r"entities\.wikidata: nothing says which entity"):
        meant(
            {name: one for name, one in some.items() if name.split(".")[-1] in {"spans", "mask"}}, "wikidata"
        )


def test_who_is_meant_is_hidden_with_the_words():
    some = mentions([[[1, 2], [3, 4], [5, 6], [6, 7]]], [[5, 6, 7, 8]])
    some["entity_masking.wikidata.fate"] = torch.tensor([[0, 1, 2, 3]], dtype=torch.int8)
    assert meant(some, "wikidata").tolist() == [[5, 6, -1, -1]]
    some[f"{KB}.best"] = torch.tensor([[5, 6, HIDDEN, 3]])
    assert meant(some, "wikidata").tolist() == [[5, 6, HIDDEN, 3]]


def test_an_entity_stands_at_the_first_token_of_its_mention():
    some = mentions([[[1, 3], [1, 5], [6, 8]], [[0, 1], [0, 1], [2, 4]]], [[-1, 4, 2], [3, 5, -1]])
    found = beside(some, "wikidata", some[f"{KB}.gold"])
    assert found.there.nonzero().tolist() == [[0, 1], [0, 6], [1, 0]]
    assert found.mention[found.there].tolist() == [1, 2, 0]  # the first of those that mean something
    every = beside(some, "wikidata", some[f"{KB}.gold"], pieces=True)
    assert every.there.nonzero().tolist() == [[0, 1], [0, 2], [0, 3], [0, 4], [0, 6], [0, 7], [1, 0]]


def test_vectors_stand_where_their_mentions_begin(model, made):
    some = model.raw(model.tasks[0])
    seen = []
    handle = made.body.fusion["1"].inner.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    states(made, some)
    handle.remove()
    wanted = torch.zeros(*some["input_ids"].shape, 12)
    eids, spans = meant(some, "wikidata"), some[f"{KB}.spans"]
    for row, mention in (eids >= 0).nonzero().tolist():
        wanted[row, spans[row, mention, 0]] = made.tables["wikidata"](eids[row, mention])
    assert (eids >= 0).sum() > 5
    assert torch.equal(seen[0], wanted)


def test_pieces_behind_the_first_do_not_matter(model, made):
    some = model.raw(model.tasks[0])
    short = some[f"{KB}.spans"].clone()
    short[..., 1] = short[..., 0] + 1
    assert torch.equal(states(made, some), states(made, changed(some, spans=short)))
    every = told(made, alignment="pieces")
    assert not torch.equal(states(every, some), states(made, some))
    assert torch.equal(states(every, changed(some, spans=short)), states(made, some))


def test_without_entities_it_is_the_text_encoder_to_the_bit(model):
    made = told(model.still().eval(), cls_entity=False)  # new: biases are 0
    some = model.raw(model.tasks[0])
    none = changed(some, entity=torch.full_like(some[f"{KB}.gold"], -1))
    with torch.no_grad():
        plain = made.body.text(some).hidden
    assert torch.equal(states(made, none), plain)
    assert not torch.equal(states(made, some), plain)


def test_no_mention_all_removed_and_no_column_are_the_same(model, made):
    some = model.raw(model.tasks[0])
    removed = changed(some, entity=torch.full_like(some[f"{KB}.gold"], -1))
    nothing = some | {name: one[:, :0] for name, one in some.items() if name.startswith(KB)}
    without = {name: one for name, one in some.items() if not name.startswith(KB)}
    found = states(made, removed)
    assert torch.equal(states(made, nothing), found)
    assert torch.equal(states(made, without), found)
    assert found.isfinite().all()


def test_an_entity_without_a_vector_is_none(model, made):
    some = model.raw(model.tasks[0])
    unknown = changed(some, entity=torch.where(meant(some, "wikidata") >= 0, 10**9, -1))
    removed = changed(some, entity=torch.full_like(some[f"{KB}.gold"], -1))
    assert torch.equal(states(made, unknown), states(made, removed))


def test_eager_attention_gives_the_same(model, made):
    some = model.raw(model.tasks[0])
    config = made.config.__class__.from_dict(made.config.to_dict())
    config._attn_implementation = "eager"
    eager = KnowledgeModel(config, tables=made.tables).eval()
    eager.load_state_dict(made.state_dict())
    assert eager.body.fusion["2"].attention.self.config._attn_implementation == "eager"
    valid = some["attention_mask"]
    torch.testing.assert_close(states(eager, some)[valid], states(made, some)[valid], atol=1e-5, rtol=1e-4)


def test_the_vectors_are_frozen_and_in_no_state(model):
    made = model.still()
    assert not [name for name in made.state_dict() if "entities" in name or "tables" in name]
    table = made.tables["wikidata"]
    before = table(torch.arange(50)).clone()
    batch, targets = model.batch(model.tasks[0])
    optimiser = torch.optim.SGD(made.parameters(), lr=1.0)
    model.loss(made, model.tasks[0], batch, targets).backward()
    optimiser.step()
    assert torch.equal(table(torch.arange(50)), before)
    assert not table(torch.arange(50)).requires_grad


def test_places_that_are_no_tokens_are_named(made):
    for spans in ([[[1, 40]]], [[[-3, 1]]]):
        with pytest.raises(ConfigError, match=r"entities\.wikidata\.spans: from -?\d+ to \d+, in rows of 8"):
            made(mentions(spans, [[1]]))


def test_another_knowledge_base_is_refused(model, made, tmp_path):
    other = {name.replace("wikidata", "umls"): one for name, one in mentions([[[1, 2]]], [[1]]).items()}
    with pytest.raises(ConfigError, match="entities of umls, but the model's vectors are of wikidata"):
        made(other)
    tiny_vectors.made(tmp_path / "vectors", dim=12, kb="umls")
    given = [f"{task}={model.data.shards[task].path}" for task in model.tasks]
    with pytest.raises((ConfigError, ArtefactError), match="umls"):
        train(
            "ernie_thu.tiny", shards=given, vectors=[tmp_path / "vectors"], out=tmp_path / "run", quiet=True
        )


def test_vectors_that_do_not_fit_are_refused(model, tmp_path):
    def make(settings, *tables):
        config = model.model().config
        config.settings = {**config.settings, **settings}
        return KnowledgeModel(config, tables={one.kb: one for one in tables}, seed=0)

    tiny_vectors.made(tmp_path / "three", dim=3, kb="wikidata")
    narrow = EntityTable.open(tmp_path / "three")
    with pytest.raises(
        ConfigError, match=r"wikidata have 3 numbers, model\.settings\.width says 12: set it to 3"
    ):
        make({}, narrow)
    wide, other = (
        EntityTable.open(tiny_models.vectors("wikidata")),
        EntityTable.open(tiny_models.vectors("wordnet")),
    )
    with pytest.raises(ConfigError, match=r"wikidata, wordnet: say with model\.settings\.kb"):
        make({}, wide, other)
    with pytest.raises(ConfigError, match=r"model\.settings\.kb is umls, but there are vectors of wikidata"):
        make({"kb": "umls"}, wide)
    assert make({"kb": "wikidata"}, wide, other).body.entities is wide


def test_entities_without_vectors_are_refused(model):
    config = model.model().config
    bare = KnowledgeModel(config, tables={}, seed=0)
    with pytest.raises(
        ConfigError, match="entities of wikidata, the model no vectors of them: give --vectors"
    ):
        bare(mentions([[[1, 2]]], [[1]]))
    assert bare(input_ids=torch.tensor([[2, 8, 3]])).hidden.shape == (1, 3, 48)


def test_it_trains_without_entities(model, tmp_path):
    given = [f"{task}={model.data.shards[task].path}" for task in model.tasks]
    train(
        "ernie_thu.tiny", shards=given, vectors=model.vectors, out=tmp_path / "run",
        overrides=["run.steps=3", "run.entities=none"], quiet=True,
    )  # fmt: skip
    assert KnowledgeModel.from_pretrained(tmp_path / "run").config.body == "ernie_thu"
