"""ERNIE of Baidu: stages change masks alone; segments of dialogues are as many as the model has."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from kbtools.errors import ConfigError  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from tests.tiny_models import tiny  # noqa: E402


@pytest.fixture(scope="module")
def ernie():
    return tiny("ernie_baidu")


def turned(ernie, **text):
    told = replace(ernie.recipe.model, settings={"dialogues": "turn"}, text=ernie.recipe.model.text | text)
    return KnowledgeModel.make(told, heads=ernie.heads(), vocabulary=ernie.data.vocabulary, seed=0)


def test_text_and_dialogues_share_all_but_what_asks_for_pairs_and_dialogues(ernie):
    model = ernie.model()
    assert {*model.heads} == {"lm", "pooler", "nsp", "dialogue"}
    text, talk = (
        {head for one in ernie.objectives(task).values() for head in one.heads} for task in ernie.tasks
    )
    assert text == {"lm", "pooler", "nsp"}
    assert talk == {"lm", "pooler", "dialogue"}


def test_stages_change_what_is_masked_and_no_weight(ernie):
    seen = []
    for stage in ernie.recipe.stages:
        there = ernie._replace(stage=stage)
        batch, _ = there.batch("text", rows=32)
        seen.append(
            (batch["corrupted"], {name: value.shape for name, value in there.model().state_dict().items()})
        )
    (basic, shapes), (phrase, same), (entity, again) = seen
    assert shapes == same == again
    assert not torch.equal(basic, phrase)
    assert not torch.equal(phrase, entity)


@pytest.mark.parametrize(("number", "column"), [(1, "units.phrase"), (2, "units.entity")])
def test_what_a_stage_is_about_is_hidden_whole(ernie, number, column):
    there = ernie._replace(stage=ernie.recipe.stages[number])
    batch, _ = there.batch("text", rows=128)
    spans, mask, chosen = batch[column], batch[f"{column}.mask"], batch["corrupted"]
    hidden = whole = 0
    for row, many in enumerate(mask.sum(1).tolist()):
        for first, last in spans[row, :many].tolist():
            pieces = chosen[row, first:last]
            assert pieces.all() or not pieces.any()
            hidden += bool(pieces.all())
            whole += 1
    assert 0.05 < hidden / whole < 0.3


def test_words_of_all_who_speak_are_hidden(ernie):
    batch, targets = ernie.batch("dialogues", rows=64)
    assert {0, 1} <= {*batch["segment"][batch["corrupted"]].tolist()}
    assert targets["dialogue"] == len(batch["input_ids"]) > 30
    assert {*batch["dialogue.targets"].tolist()} == {0, 1}
    assert torch.equal(batch["dialogue.targets"].bool(), batch["dialogue.real"])


def test_ids_of_turns_need_three_segments(ernie):
    with pytest.raises(ConfigError, match="dialogues is turn: 3 segments, but the text encoder has 2"):
        turned(ernie)
    model = turned(ernie, type_vocab_size=3)
    batch = ernie.raw("dialogues")
    batch["segment"][:, -1] = 2
    assert torch.isfinite(model(batch).hidden).all()


def test_a_turn_is_not_taken_for_who_speaks(ernie):
    batch = ernie.raw("dialogues")
    batch["segment"][0, 3] = 2
    with pytest.raises(
        ConfigError, match=r"segment 2, but the model has 2: shards with dialogues.ids=turn need"
    ):
        ernie.model()(batch)


def test_two_segments_grow_to_three(ernie, tmp_path):
    two = ernie.model(seed=1)
    two.save_pretrained(tmp_path / "two")
    told = replace(ernie.recipe.model, start=str(tmp_path / "two"), settings={"dialogues": "turn"},
                   text={"type_vocab_size": 3})  # fmt: skip
    three = KnowledgeModel.make(told, heads=ernie.heads(), vocabulary=ernie.data.vocabulary, seed=2)
    name = "body.text.model.embeddings.token_type_embeddings.weight"
    before, after = two.state_dict(), three.state_dict()
    assert torch.equal(after[name][:2], before[name])
    assert after[name][2].abs().sum() > 0
    assert all(torch.equal(value, after[one]) for one, value in before.items() if one != name)
