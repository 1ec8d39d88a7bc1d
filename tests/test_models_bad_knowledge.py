"""What is wrong with knowledge is said in one line: vectors, mentions, trees, settings, checkpoints."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from kbtools import vectors  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from kbtools.models.draws import Draws  # noqa: E402
from tests import tiny_models, tiny_tokenizer, tiny_vectors  # noqa: E402
from tests.started import refused, run  # noqa: E402

SHARDS: dict[str, tuple[dict[str | None, str], tuple[str, ...]]] = {
    "ernie_thu": ({None: "ernie_thu"}, ("wikidata",)),
    "knowbert": ({"text": "knowbert", "links": "knowbert_linking"}, ("wikidata",)),
    "kbert": ({None: "kbert"}, ()),
}
WIDTH = tiny_models.WIDTHS["wikidata"]


def line(model, out, *settings, given=None):
    """Return the command of a tiny run, with these vectors or those that the model reads."""
    presets, kbs = SHARDS[model]
    read = [tiny_models.vectors(kb) for kb in kbs] if given is None else given
    words = ["train", f"{model}.tiny", "--out", out, "--quiet", "-o", "run.steps=2"]
    for task, preset in presets.items():
        path = tiny_models.shards(preset)
        words += ["--shards", path if task is None else f"{task}={path}"]
    words += [word for path in read for word in ("--vectors", path)]
    return words + [word for one in settings for word in ("-o", one)]


def turned_down(what, model, out, *settings, given=None):
    done = refused(what, *line(model, out, *settings, given=given))
    assert not out.exists()
    return done


@cache
def few(dim=WIDTH):
    """Make vectors of three entities."""
    out = tiny_models.vectors("wikidata").with_name(f"few-{dim}")
    vectors.write(out, [0, 1, 2], np.ones((3, dim), np.float32), inputs=[tiny_models.base("wikidata")])
    return out


# vectors


@pytest.mark.parametrize("model", ["ernie_thu", "knowbert"])
def test_no_vectors_where_they_are_needed(model, tmp_path):
    turned_down("--vectors", model, tmp_path / "run", given=[])


@pytest.mark.parametrize("model", ["ernie_thu", "knowbert"])
@pytest.mark.parametrize(
    ("kb", "what"),
    [("wikidata", "another release of 'wikidata'"), ("atlantis", "the shards speak of wikidata")],
)
def test_vectors_of_other_entities(model, kb, what, tmp_path):
    tiny_vectors.made(tmp_path / "vectors", dim=WIDTH, kb=kb)
    turned_down(what, model, tmp_path / "run", given=[tmp_path / "vectors"])


@pytest.mark.parametrize("model", ["ernie_thu", "knowbert"])
def test_two_of_one_name(model, tmp_path):
    turned_down("both of 'wikidata'", model, tmp_path / "run", given=[tiny_models.vectors("wikidata"), few()])


def test_vectors_that_nothing_reads(tmp_path):
    given = [tiny_models.vectors("wikidata")]
    turned_down("kbert as it is set reads no vectors of wikidata", "kbert", tmp_path / "run", given=given)


def test_vectors_of_another_width(tmp_path):
    turned_down("have 20 numbers", "ernie_thu", tmp_path / "run", given=[few(20)])


@pytest.mark.parametrize("model", ["ernie_thu", "knowbert"])
def test_entities_without_a_vector_are_counted(model, tmp_path):
    done = run(*[one for one in line(model, tmp_path / "run", given=[few()]) if one != "--quiet"])
    assert done.exit_code == 0, done.output
    (told,) = [one for one in done.stderr.splitlines() if "have no vector" in one]
    unknown, known = (int(one.replace(",", "")) for one in told.split()[:3:2])
    assert 0 < unknown <= known


def test_numbers_beyond_the_table_are_nobody():
    tables = tiny_models.tiny("ernie_thu").tables()
    table = tables["wikidata"].eval()
    found = table(torch.tensor([[10**9, -1], [-2, -(2**31)]]))
    assert not found.any()
    assert table.counts == {"entities": 1, "unknown": 1}


# mentions


@pytest.mark.parametrize("name", ["ernie_thu", "knowbert"])
@pytest.mark.parametrize("how", ["none", "no column", "padding", "no candidates"])
def test_a_batch_may_have_no_mentions_and_no_candidates(name, how):
    tiny = tiny_models.tiny(name)
    model = tiny.still().eval()
    batch = tiny.raw(tiny.tasks[0])
    mentions = [column for column in batch if column.startswith("entities.")]
    assert mentions
    if how == "none":
        batch |= {column: batch[column][:, :0] for column in mentions}
    if how == "no column":
        batch = {column: value for column, value in batch.items() if column not in mentions}
    if how == "padding":
        batch |= {one: torch.zeros_like(batch[one]) for one in mentions if one.endswith("spans.mask")}
    if how == "no candidates":
        batch |= {one: torch.zeros_like(batch[one]) for one in mentions if one.endswith("eids.mask")}
        batch |= {one: torch.full_like(batch[one], -1) for one in mentions if one.endswith(".eids")}
    out = model(batch)
    assert torch.isfinite(out.hidden).all()
    for linked in out.parts.get("knowbert", {}).values():
        assert torch.isfinite(linked.scores).all()


@pytest.mark.parametrize("name", ["ernie_thu", "knowbert"])
@pytest.mark.parametrize("how", ["none", "padding"])
def test_objectives_without_mentions_cost_nothing_and_are_no_nan(name, how):
    tiny = tiny_models.tiny(name)
    model = tiny.still()
    for task in tiny.tasks:
        batch = tiny.raw(task)
        for column in [one for one in batch if one.startswith("entities.")]:
            if how == "none":
                batch[column] = batch[column][:, :0]
            elif column.endswith("spans.mask"):
                batch[column] = torch.zeros_like(batch[column])
        targets = {one: made.corrupt(batch, Draws(batch, 0)) for one, made in tiny.objectives(task).items()}
        assert all(targets[one] == 0 for one in {"dea", "linking"} & set(targets))
        loss = tiny.loss(model, task, batch, targets)
        loss.backward()
        assert torch.isfinite(loss)
        assert all(torch.isfinite(one.grad).all() for one in model.parameters() if one.grad is not None)


# trees


def test_a_tree_longer_than_the_positions(tmp_path):
    turned_down("the encoder 6 positions", "kbert", tmp_path / "run", "model.text.max_position_embeddings=6")


# settings

SETTINGS = [
    ("ernie_thu", "model.settings.heads=5", "cannot have 5 heads"),
    ("ernie_thu", "model.settings.heads=0", "cannot have 0 heads"),
    ("ernie_thu", "model.settings.width=0", "set it to 12"),
    ("ernie_thu", 'model.settings.layers=["sim", "mix", "norm", "norm", "norm"]', "has 4 layers"),
    ("ernie_thu", 'model.settings.layers=["mixed"]', "did you mean 'mix'"),
    ("ernie_thu", 'model.settings.kb="atlantis"', "there are vectors of wikidata"),
    ("ernie_thu", "model.text.num_attention_heads=5", "num_attention_heads 5"),
    ("ernie_thu", "objectives.dea.corrupt=[0.5, 0.6, 0.2]", "1 in sum"),
    ("ernie_thu", "objectives.dea.random=-3", "dea.random is -3"),
    ("ernie_thu", "objectives.dea.width=7", "12 numbers"),
    ("ernie_thu", 'objectives.dea.kb="atlantis"', "entities.atlantis.spans"),
    ("ernie_thu", 'run.entities="nobody"', "it takes true"),
    ("knowbert", "model.settings.kars.*.layer=-9", "layers 0 to 2"),
    ("knowbert", "model.settings.kars.*.layer=9", "layers 0 to 2"),
    ("knowbert", "model.settings.kars.*.heads=5", "5 heads"),
    ("knowbert", "model.settings.kars.*.inner=0", "inner is 0"),
    ("knowbert", "model.settings.kars.*.classes=40", "40 classes"),
    ("knowbert", "model.settings.kars.*.dropout=1.5", "dropout is 1.5"),
    ("knowbert", "model.settings.kars.*.threshold=nan", "threshold is nan"),
    ("knowbert", "model.settings.kars={atlantis={}}", "no vectors of atlantis"),
    ("knowbert", "objectives.linking.margin=nan", "margin is nan"),
    ("knowbert", 'objectives.linking.kbs=["atlantis"]', "no links of 'atlantis'"),
    ("knowbert", 'objectives.linking.losses={atlantis="softmax"}', "no links of 'atlantis'"),
    ("knowbert", 'stages=[{once=["inverse"]}]', "there are pseudo_inverse"),
    ("kbert", 'model.settings.segments="uer"', "type_vocab_size=3"),
    ("kbert", 'model.settings.layer_norm="tf"', "it takes bert | uer"),
]


@pytest.mark.parametrize(("model", "setting", "what"), SETTINGS, ids=[one[1] for one in SETTINGS])
def test_settings_that_cannot_be(model, setting, what, tmp_path):
    turned_down(what, model, tmp_path / "run", setting)


# checkpoints


@cache
def saved():
    """Save a model; its entities are in its folder."""
    out = few().with_name("saved")
    tiny_models.tiny("ernie_thu").model().save_pretrained(out, tokenizer=tiny_tokenizer.path())
    return out


def damaged(out, change):
    """Save a model with weights that something has been done to."""
    KnowledgeModel.from_pretrained(saved()).save_pretrained(out)
    weights = load_file(out / "model.safetensors")
    change(weights, next(name for name in weights if "fusion" in name and weights[name].dim() == 2))
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    return out


def encode(model, out):
    return ["encode", tiny_tokenizer.CORPUS / "en.jsonl", "--model", model, "--out", out, "--quiet"]


def blank(weights, name):
    weights[name][0, 0] = float("nan")


def cut(weights, name):
    weights[name] = weights[name][:-1].clone()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (blank, "NaN"),
        (lambda weights, name: weights.pop(name), "no weights for body.fusion"),
        (cut, "does not fit"),
    ],
    ids=["nan", "missing", "short"],
)
def test_a_damaged_model_is_refused(change, what, tmp_path):
    model = damaged(tmp_path / "model", change)
    refused(what, *encode(model, tmp_path / "features"))
    assert not (tmp_path / "features").exists()


def test_a_run_does_not_begin_with_nan(tmp_path):
    model = damaged(tmp_path / "model", blank)
    turned_down("NaN", "ernie_thu", tmp_path / "run", f"model.start={model}")


def test_a_file_that_was_cut_off(tmp_path):
    model = damaged(tmp_path / "model", lambda weights, name: None)
    file = Path(model / "model.safetensors")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    refused("damaged", *encode(model, tmp_path / "features"))
    turned_down("damaged", "ernie_thu", tmp_path / "run", f"model.start={model}")


def test_what_a_checkpoint_lacks_and_has_too_much_is_listed(tmp_path):
    lacking = []

    def change(weights, name):
        weights["body.fusion.9.inner.weight"] = weights.pop(name)
        lacking.append(name)

    model = tmp_path / "model"
    damaged(model, change)
    tiny = tiny_models.tiny("ernie_thu")
    started = replace(tiny.recipe.model, start=str(model))
    made = KnowledgeModel.make(
        started, heads=tiny.heads(), vocabulary=tiny.data.vocabulary, tables=tiny.tables(), seed=0
    )
    assert made.loaded.new == tuple(lacking)
    assert made.loaded.left == ("body.fusion.9.inner.weight",)
    assert lacking[0] in str(made.loaded)
