"""Labels of examples: one class, several, a number."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from kbtools.errors import ConfigError
from kbtools.models.batch import IGNORED
from tests.tiny_objectives import HERE, Tiny, batch, corrupted, objective, packed

TYPES = dataclasses.replace(
    HERE, columns=(), classes={"typed.labels": ("person", "place", "thing"), "score": ("5", "2.5", "1")}
)


def with_scores(one, scores):
    """Make a model whose head says the same of every example."""
    model = Tiny(one.heads)
    with torch.no_grad():
        model.heads["labels"].out.weight.zero_()
        model.heads["labels"].out.bias.copy_(torch.tensor(scores))
    return model


def lost(one, scores, some):
    model = with_scores(one, scores)
    return one.loss(model, model(some), some)


def test_an_example_without_a_label_is_no_target():
    one, some = objective("labels"), batch([3, 4, 5])
    some["label"][1] = IGNORED
    assert corrupted(one, some) == 2
    assert some["labels.targets"].tolist() == [0, 2]
    assert one.heads["labels"]["classes"] == ["bad", "fine", "good"]


def test_packed_examples():
    one, some = objective("labels"), packed([[3, 4], [5]])
    assert corrupted(one, some) == 3
    assert some["labels.targets"].tolist() == [0, 1, 2]
    assert some["positions"].flatten()[some["labels.places"]].tolist() == [0, 0, 0]


SCORES = [math.log(0.5), math.log(0.25), math.log(0.25)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, math.log(2) + 2 * math.log(4)),
        ({"pooled": False}, math.log(2) + 2 * math.log(4)),
        ({"weights": {"fine": 10.0}}, math.log(2) + 11 * math.log(4)),
        ({"smoothing": 0.3}, 0.7 * (math.log(2) + 2 * math.log(4)) + 0.3 * -sum(SCORES)),
    ],
)
def test_one_class_by_hand(settings, expected):
    one, some = objective("labels", **settings), batch([3, 4, 5])
    corrupted(one, some)
    found = lost(one, SCORES, some)
    assert found.total.item() == pytest.approx(expected, rel=1e-6)
    assert found.measures["right"] == 1


def test_without_a_pooler_there_is_none():
    assert [*objective("labels").heads] == ["pooler", "labels"]
    assert [*objective("labels", pooled=False).heads] == ["labels"]


def several(*lists):
    """Make a batch of examples with lists of classes."""
    some = batch(range(len(lists)))
    most = max(map(len, lists))
    rows = [[*told, *[IGNORED] * (most - len(told))] for told in lists]
    return {**some, "typed.labels": torch.tensor(rows).reshape(len(lists), most)}


@pytest.mark.parametrize(("weights", "factor"), [({}, 1.0), ({"thing": 4.0}, 4.0)])
def test_several_classes_by_hand(weights, factor):
    one = objective("labels", TYPES, column="typed.labels", kind="several", weights=weights)
    some = several([0, 2], [], [1])
    assert corrupted(one, some) == 3
    assert some["labels.targets"].tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    third = math.log(3)  # scores of ±log 3: chances of 3/4 and 1/4
    yes, no = math.log(4 / 3), math.log(4)  # what a right answer costs, and a wrong one
    found = lost(one, [third, -third, -third], some)
    costs = [yes + yes + factor * no, no + yes + factor * yes, no + no + factor * yes]
    assert found.total.item() == pytest.approx(sum(costs) / 3, rel=1e-6)
    assert found.measures["right"] == 0
    assert lost(one, [third, -third, third], some).measures["right"] == 1  # all of an example's, or none


def test_nobody_has_a_class():
    one = objective("labels", TYPES, column="typed.labels", kind="several")
    some = several([], [])
    assert corrupted(one, some) == 2
    assert lost(one, [0.0, 0.0, 0.0], some).total.item() == pytest.approx(2 * math.log(2))


def test_numbers_in_words_by_hand():
    one = objective("labels", TYPES, column="score", kind="number")
    some = {**batch([1, 2, 3]), "score": torch.tensor([0, IGNORED, 1])}
    assert corrupted(one, some) == 2
    assert some["labels.targets"].tolist() == [5, 2.5]
    found = lost(one, [2.0], some)
    assert found.total.item() == pytest.approx(3**2 + 0.5**2)
    assert found.measures["error"].item() == pytest.approx(3.5)


def test_numbers_as_they_are():
    told = dataclasses.replace(HERE, classes={}, columns=())
    one = objective("labels", told, column="score", kind="number")
    some = {**batch([1, 2, 3]), "score": torch.tensor([0.5, math.nan, -2.0])}
    assert corrupted(one, some) == 2
    assert some["labels.targets"].tolist() == [0.5, -2.0]


NONE = dataclasses.replace(HERE, classes={})


@pytest.mark.parametrize(
    ("told", "settings", "said"),
    [
        (HERE, {"column": "group"}, "labels: the shards have no column group; they have input_ids"),
        (NONE, {}, "labels: column label has no classes; name them in `classes`, or say how many"),
        (HERE, {"classes": ("bad", "good")}, "column label has fine, which the head does not know"),
        (HERE, {"weights": {"worse": 2.0}}, "weight of 'worse', which is no class"),
        (HERE, {"kind": "number"}, "labels: column label: could not convert string to float: 'bad'"),
        (HERE, {"kind": "several", "smoothing": 0.1}, "labels.smoothing is for labels that are one class"),
        (dataclasses.replace(HERE, classes={"label": ()}), {"kind": "number"}, "has no numbers"),
        (TYPES, {"column": "score", "kind": "number", "weights": {"5": 2.0}}, "labels.weights is for labels"),
        (TYPES, {"column": "score", "kind": "number", "classes": ("5",)}, "labels.classes is for labels"),
        (TYPES, {"column": "score", "kind": "number", "count": 3}, "labels.count is for labels"),
        (HERE, {"count": 2}, "labels: count is 2, but there are 3 classes: bad, fine, good"),
    ],
)
def test_what_cannot_be_learned(told, settings, said):
    with pytest.raises(ConfigError) as refused:
        objective("labels", told, **settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_lists_and_single_values_are_told_apart():
    with pytest.raises(ConfigError, match=r"labels: column typed\.labels has a list .* kind = 'several'"):
        corrupted(objective("labels", TYPES, column="typed.labels"), several([0], [1]))
    with pytest.raises(ConfigError, match=r"labels: column label has one value .* kind = 'one'"):
        corrupted(objective("labels", kind="several"), batch([1, 2]))


def test_lists_of_packed_examples_are_refused():
    one = objective("labels", TYPES, column="typed.labels", kind="several")
    with pytest.raises(ConfigError, match=r"labels: lists of packed examples .* run\.packed = false"):
        corrupted(one, {**packed([[3, 4]]), "typed.labels": torch.tensor([[0, 1, 2]])})


def test_a_class_beyond_those_that_are_known():
    one, some = objective("labels", NONE, count=2), batch([3, 4, 5])
    with pytest.raises(ConfigError, match="column label has class 2; 2 are known"):
        corrupted(one, some)


def marked(places):
    """Four examples; of each the span of a mention, with the token 5 before it."""
    some = batch([3, 4, 5, 6])
    some["at"] = torch.tensor([(place, place + 2) for place in places])
    for row, place in enumerate(places):
        some["input_ids"][row, place - 1] = 5
    return some


MARKED = dataclasses.replace(HERE, columns=(*HERE.columns, "at"))


def test_markers_stand_before_mentions():
    one, some = objective("labels", MARKED, marked=("at",)), marked([2, 4, 3, 7])
    some["label"][1] = IGNORED
    length = some["input_ids"].shape[1]
    assert corrupted(one, some) == 3
    assert some["labels.marks"].tolist() == [[1], [2 * length + 2], [3 * length + 6]]
    assert (some["input_ids"].flatten()[some["labels.marks"]] == 5).all()


def test_words_are_no_markers():
    some = marked([2, 4, 3, 7])
    some["at"][2] += 1
    some["input_ids"][2, 3] = 6
    with pytest.raises(ConfigError, match=r"tokens stand before at, .*kbtools shard -o at\.markers"):
        corrupted(objective("labels", MARKED, marked=("at",)), some)
    some["corrupted"] = torch.zeros_like(some["input_ids"], dtype=torch.bool)
    some["corrupted"][2, 3] = True  # a marker that another objective has hidden
    assert corrupted(objective("labels", MARKED, marked=("at",)), some) == 4
