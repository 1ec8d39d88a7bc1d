"""What gold leaves open, several knowledge bases, and what cannot be scored."""

from __future__ import annotations

import json

import pytest

from kbtools.errors import ArtefactError, ConfigError
from kbtools.tasks.linking import Settings
from kbtools.tasks.linking.evaluation import Evaluation
from tests import tiny_kb, tiny_linked
from tests.linked_world import GOLD, TEXT, build, elevant, evaluate, values
from tests.tiny_linked import document, mention


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("world"))


def test_optional_labels_and_what_was_not_annotated(world, tmp_path):
    path = tmp_path / "gold.jsonl"
    label = {
        "id": 0,
        "span": [19, 26],
        "entity_id": "Q183",
        "name": "Germany",
        "type": "OTHER",
        "optional": True,
    }
    value = {"id": 1, "span": [37, 41], "entity_id": "QUANTITY", "type": "QUANTITY"}
    other = {"id": 2, "span": [31, 33], "entity_id": "Q64", "type": "OTHER"}
    article = {"id": "a", "text": TEXT, "evaluation_span": [15, 47], "labels": [label, value, other]}
    path.write_text(json.dumps(article))
    results = evaluate(world, "good", data=f"elevant:{path}")
    assert (
        values(results, by="mode", group="A2KB, strong, all")["micro F1"] == 0.0
    )  # nothing but 柏林 is asked
    assert (
        values(results, by="mode", group="ELEVANT, NIL ignored")["micro precision"] == 0.0
    )  # Germany: mistaken
    classes = [(row["side"], row["class"]) for row in results.predictions.to_pylist()]
    assert classes == [
        ("gold", "not asked"), ("gold", "missed"), ("gold", "not asked"),
        ("answer", "not asked"), ("answer", "not asked"),
    ]  # fmt: skip
    assert "good: 1 mentions outside of what was annotated." in results.notes


def test_one_knowledge_base_is_scored(tmp_path):
    for name in ("one", "two"):
        tiny_kb.write(tmp_path / name, tiny_kb.world(), name=name)
    text = "Germany"
    tiny_linked.write(
        tmp_path / "linked", [tmp_path / "one", tmp_path / "two"],
        [document("a", text, [mention(0, 7, 4), mention(0, 7, 3, kb=1)])],
    )  # fmt: skip
    links = [{"start": 0, "end": 7, "id": "Q183", "kb": name} for name in ("one", "two")]
    (tmp_path / "gold.jsonl").write_text(json.dumps({"id": "a", "text": text, "mentions": links}))
    for of, right in (("one", 1.0), ("two", 0.0)):
        results = evaluate(tmp_path, "linked", data=f"{tmp_path}/gold.jsonl", of=of)
        assert values(results, "linked")["F1"] == right
        assert results.notes[0] == f"1 gold links are to other knowledge bases than {of}; they are left out."
    with pytest.raises(ConfigError, match="no knowledge base 'three' here; there are: one, two"):
        evaluate(tmp_path, "linked", data=f"{tmp_path}/gold.jsonl", of="three")


def test_several_ids_of_one_thing_are_one_thing(tmp_path):
    tiny_kb.write(tmp_path / "kb", tiny_kb.world(), name="tiny")
    text = "Germany, Germany, Germany"
    answers = [mention(at, at + 7, 4) for at in (0, 9, 18)]
    tiny_linked.write(tmp_path / "linked", [tmp_path / "kb"], [document("a", text, answers)])
    told = [  # the same id twice; one of a base that is not here, alone and beside one that is known
        (0, "tiny", "Q183"), (0, None, "Q183"), (9, "elsewhere", "X1"), (9, "tiny", "Q183"),
        (18, "elsewhere", "X1"),
    ]  # fmt: skip
    links = [{"start": at, "end": at + 7, "id": id_, "kb": kb} for at, kb, id_ in told]
    (tmp_path / "gold.jsonl").write_text(json.dumps({"id": "a", "text": text, "mentions": links}))
    results = evaluate(tmp_path, "linked", data=f"{tmp_path}/gold.jsonl")
    scores = values(results, "linked")
    assert (scores["precision"], scores["recall"]) == (2 / 3, 1.0)
    assert "1 of 5 gold links: an id that no knowledge base knows; it counts as NIL." in results.notes


def test_what_cannot_be_scored(world, tmp_path):
    with pytest.raises(ConfigError, match="nothing to score"):
        Evaluation([], "x.jsonl", settings=Settings())
    with pytest.raises(ArtefactError, match="document a has another text than gold"):
        evaluate(world, "good", data=elevant(tmp_path / "other.jsonl", [{**GOLD[0], "text": TEXT + "!"}]))
    plain = tmp_path / "plain.jsonl"
    plain.write_text(json.dumps({"id": "a", "text": TEXT}))
    with pytest.raises(ArtefactError, match="it has no gold links"):
        evaluate(world, "good", data=str(plain))
    unknown = elevant(tmp_path / "unknown.jsonl", [{"id": "a", "text": TEXT, "links": [(0, 7, "Q77", None)]}])
    with pytest.raises(ArtefactError, match="no gold link is to an entity of tiny; the first is to 'Q77'"):
        evaluate(world, "good", data=unknown)
    strange = elevant(tmp_path / "strange.jsonl", [{**GOLD[0], "id": "z"}])
    with pytest.raises(ArtefactError, match="gold has none of its documents"):
        evaluate(world, "good", data=strange)
    tiny_kb.write(tmp_path / "kb", tiny_kb.world(), name="tiny", licences=[])
    tiny_linked.write(tmp_path / "another", [tmp_path / "kb"], [])
    with pytest.raises(ArtefactError, match="another release of 'tiny'"):
        Evaluation([world / "good", tmp_path / "another"], str(plain), settings=Settings())


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"at": (3, 1)}, "numbers from 1"), ({"folds": 1}, "at least 2"), ({"level": 1.0}, "less than 1")],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ConfigError, match=message):
        Settings(**settings)
