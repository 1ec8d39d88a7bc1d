"""Linked documents beside gold, every number computed by hand."""

from __future__ import annotations

import pytest

from tests import tiny_kb, tiny_linked
from tests.linked_world import GOLD, OTHER, TEXT, build, elevant, evaluate, values
from tests.tiny_linked import document, mention


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("world"))


def test_numbers_by_hand(world):
    results = evaluate(world, "good")
    told = values(results)
    # four in the knowledge base (Q999 was merged into Q42), two of four answers right
    assert told["precision"] == pytest.approx(2 / 4)
    assert told["recall"] == pytest.approx(2 / 4)
    assert told["F1"] == pytest.approx(0.5)
    assert told["accuracy, spans given"] == pytest.approx(2 / 4)
    for k, recall in ((1, 1 / 4), (2, 3 / 4), (30, 3 / 4)):
        assert values(results, by="candidates", group=f"first {k}") == {"recall": pytest.approx(recall)}
    # .9 right, .8 right, .6 wrong, .3 wrong, of 4
    told = values(results, by="scores", group="all")
    assert told["average precision"] == pytest.approx(1 / 4 + 1 / 4)
    assert told["calibration error"] == pytest.approx((0.1 + 0.2 + 0.6 + 0.3) / 4, abs=1e-6)
    oracle = values(results, by="threshold", group="picked on these very documents (oracle)")
    assert oracle["F1"] == pytest.approx(2 * 2 / 6)  # .8 lets two pass, both right
    assert values(results, by="threshold", group="none")["F1"] == pytest.approx(0.5)
    assert not values(results, by="threshold", group="picked on other documents")  # too few of them
    assert results.counts == {
        "documents": 2, "links that are not gold": 0, "gold": 6, "ids that no knowledge base knows": 1,
        "scored": 6, "in the knowledge base": 4,
    }  # fmt: skip
    assert results.notes == [
        "1 of 6 gold links: an id that no knowledge base knows; it counts as NIL.",
        "good: 1 documents that gold does not have.",
    ]


def test_modes_by_hand(world):
    results = evaluate(world, "good")

    def micro(mode):
        told = values(results, by="mode", group=mode)
        return [round(told[f"micro {name}"], 3) for name in ("precision", "recall", "F1")]

    assert micro("A2KB, strong, InKB") == [0.5, 0.5, 0.5]
    assert micro("A2KB, strong, all") == [0.5, round(2 / 6, 3), 0.4]
    assert micro("A2KB, weak, all") == [0.5, round(2 / 6, 3), 0.4]
    assert micro("A2KB, strong, EE") == [0, 0, 0]
    assert micro("D2KB, InKB") == [round(2 / 3, 3), 0.5, round(4 / 7, 3)]
    assert micro("C2KB") == [0.5, 0.5, 0.5]  # a: 1 of 1, 4, 3 against 1, 5, 2; b: 1 against 1
    assert micro("ERec, strong") == [0.75, 0.5, 0.6]
    assert micro("ERec, weak") == [1.0, round(4 / 6, 3), 0.8]
    assert micro("ELEVANT, NIL ignored") == [0.5, 0.5, 0.5]
    macro = values(results, by="mode", group="A2KB, strong, InKB")["macro F1"]
    assert macro == pytest.approx((2 * 1 / 6 + 1) / 2)


def test_every_annotation_has_a_class(world):
    rows = evaluate(world, "good").predictions.to_pylist()
    assert [(row["side"], row["surface"], row["id"], row["class"]) for row in rows] == [
        ("gold", "Douglas Adams", "Q42", "right"),
        ("gold", "Germany", "Q183", "wrong candidate"),
        ("gold", "柏林", "Q64", "missed"),
        ("gold", "nice city", None, "wrong span"),
        ("gold", "NATO", "Q42", "right"),
        ("gold", "Nato", None, "NIL left alone"),
        ("answer", "Douglas Adams", "Q42", "right"),
        ("answer", "Germany", "Q515", "wrong candidate"),
        ("answer", "nice", "Q1", "wrong span"),
        ("answer", "NATO", "Q42", "right"),
    ]
    assert rows[6]["p"] == pytest.approx(0.9)
    assert rows[0]["p"] is None


def test_classes_that_knowledge_bases_tell(world, tmp_path):
    text = "Adams of Berlin met nobody in Nato."
    data = elevant(
        tmp_path / "gold.jsonl",
        [
            {
                "id": "a",
                "text": text,
                "links": [(0, 5, "Q42", None), (9, 15, "Q183", None), (30, 34, "Q5", None)],
            }
        ],
    )
    tiny_linked.write(
        tmp_path / "linked", [world / "kb"],
        [
            document(
                "a", text,
                [
                    mention(0, 5, 2, candidates=[(2, 0.1), (1, 0.9)]),
                    mention(9, 15, 3, candidates=[(3, 0.5), (4, 0.5)]),
                    mention(20, 26, None),
                    mention(30, 34, 1, candidates=[(1, 0.8), (0, 0.2)]),
                ],
            )
        ],
    )  # fmt: skip
    results = evaluate(tmp_path, "linked", data=data, places=("Q515",), people=())
    rows = results.predictions.to_pylist()
    expected = ["partial name", "other kind", "rare"]
    assert [row["class"] for row in rows] == [*expected, *expected[:2], "spurious, lower case", expected[2]]
    people = evaluate(tmp_path, "linked", data=data, places=("Q515",), people=("Q6256",)).predictions
    assert people["class"].to_pylist()[1] == "other kind"
    tables = tiny_kb.world()
    tables["types"].append({"eid": 4, "type": 0})  # as if it were a person
    tables["classes"] = [{"type": 0, "ancestor": 2, "depth": 1}, {"type": 5, "ancestor": 1, "depth": 1}]
    tiny_kb.write(tmp_path / "kb", tables)
    again = [mention(9, 15, 3, candidates=[(3, 0.4), (4, 0.6)])]
    tiny_linked.write(tmp_path / "other", [tmp_path / "kb"], [document("a", text, again)])
    for classes, name in ((("Q1",), "wrong candidate"), ((), "other kind")):
        found = evaluate(tmp_path, "other", data=data, places=("Q42",), people=classes)  # above theirs
        assert found.predictions["class"].to_pylist()[1] == name


def test_a_threshold_is_picked_on_other_documents(world):
    results = evaluate(world, "good", folds=2)
    # a alone: .9 is best, .8 of b is below it; b alone: .8, which lets only .9 of a pass
    picked = values(results, by="threshold", group="picked on other documents")
    assert (picked["precision"], picked["recall"]) == (1.0, pytest.approx(1 / 4))


def test_slices(world):
    results = evaluate(world, "good")
    groups = {
        (one.by, one.group): (one.value, one.n)
        for one in results.measures
        if one.metric == "recall" and one.by
    }
    assert groups["type", "Q5"] == (1.0, 2)
    assert groups["type", "Q6256"] == (0.0, 1)
    assert groups["frequency", "1–9"] == (0.0, 1)  # Germany: two facts lead to it
    assert groups["frequency", "0"] == (pytest.approx(2 / 3), 3)
    assert groups["entities of that name", "1"] == (pytest.approx(1 / 3), 3)
    assert groups["entities of that name", "0"] == (1.0, 1)


def test_gold_given_back_is_right_in_every_mode(world, tmp_path):
    data = elevant(tmp_path / "gold.jsonl")
    first = [mention(0, 13, 1), mention(19, 26, 4), mention(31, 33, 3), mention(37, 46, None)]
    tiny_linked.write(
        tmp_path / "same", [world / "kb"],
        [
            document("a", TEXT, first),
            document("b", OTHER, [mention(0, 4, 1), mention(12, 16, None)]),
        ],
    )  # fmt: skip
    results = evaluate(tmp_path, "same", data=data)
    modes = [one for one in results.measures if one.by == "mode"]
    assert len(modes) == 15 * 6
    assert {one.value for one in modes} == {1.0}
    assert {row["class"] for row in results.predictions.to_pylist()} == {"right"}
    # linked documents are gold as well
    again = evaluate(tmp_path, "same", data=str(tmp_path / "same"))
    assert {one.value for one in again.measures if one.by == "mode"} == {1.0}


def test_a_shift_leaves_nothing_right(world, tmp_path):
    tiny_linked.write(
        tmp_path / "shifted", [world / "kb"],
        [document("a", TEXT, [mention(1, 14, 1), mention(20, 27, 4), mention(32, 34, 3)])],
    )  # fmt: skip
    results = evaluate(tmp_path, "shifted", data=elevant(tmp_path / "gold.jsonl", GOLD[:1]))
    for mode in ("A2KB, strong, InKB", "ERec, strong", "ELEVANT, NIL ignored"):
        assert values(results, "shifted", "mode", mode)["micro F1"] == 0.0
    assert values(results, "shifted", "mode", "A2KB, weak, InKB")["micro F1"] == 1.0


def test_systems_are_compared_with_the_first(world):
    results = evaluate(world, "good", "none")
    assert [(one.system, one.other, one.metric) for one in results.comparisons] == [
        ("none", "good", "micro F1, A2KB, strong, InKB"),
        ("none", "good", "macro F1, A2KB, strong, InKB"),
        ("none", "good", "micro F1, D2KB, InKB"),
    ]
    assert results.comparisons[0].difference == pytest.approx(-0.5)
    assert "none: 1 documents without an answer." in results.notes
