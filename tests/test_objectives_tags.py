"""Labels of tokens: which are asked for, what they cost."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from kbtools.errors import ConfigError
from kbtools.models.batch import IGNORED
from tests.tiny_objectives import HERE, Tiny, batch, corrupted, objective


def tagged(*tags):
    some = batch([1])
    row = torch.full_like(some["input_ids"], IGNORED)
    row[0, : len(tags)] = torch.tensor(tags)
    return {**some, "labels": row}


def with_scores(one, scores):
    """Make a model whose head says the same of every token."""
    model = Tiny(one.heads)
    with torch.no_grad():
        model.heads["tags"].out.weight.zero_()
        model.heads["tags"].out.bias.copy_(torch.tensor(scores))
    return model


def test_what_is_not_marked_is_no_target():
    one, some = objective("tags"), tagged(IGNORED, 2, 0, IGNORED, 1)
    assert corrupted(one, some) == 3
    assert some["tags.places"].tolist() == [1, 2, 4]
    assert some["tags.targets"].tolist() == [2, 0, 1]
    assert one.heads["tags"] == {"kind": "tokens", "classes": ["B", "I", "O"], "dropout": None}


CHANCES = (0.5, 0.25, 0.25)
SCORES = [math.log(chance) for chance in CHANCES]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, math.log(4) + math.log(2) + math.log(4)),  # of O, B, I
        ({"weights": {"O": 0.5, "B": 3.0}}, 0.5 * math.log(4) + 3 * math.log(2) + math.log(4)),
        (
            {"smoothing": 0.3},
            0.7 * (math.log(4) + math.log(2) + math.log(4)) + 0.3 * 3 * sum(-s for s in SCORES) / 3,
        ),
    ],
)
def test_loss_by_hand(settings, expected):
    one, some = objective("tags", **settings), tagged(IGNORED, 2, 0, IGNORED, 1)
    model = with_scores(one, SCORES)
    corrupted(one, some)
    found = one.loss(model, model(some), some)
    assert found.total.item() == pytest.approx(expected, rel=1e-6)
    assert found.measures["right"] == 1


def test_classes_in_an_order_of_ones_own():
    one, some = objective("tags", classes=("O", "B", "I", "X")), tagged(2, 0, 1)
    corrupted(one, some)
    assert some["tags.targets"].tolist() == [0, 1, 2]
    assert one.heads["tags"]["classes"] == ["O", "B", "I", "X"]


def test_numbers_without_names():
    told = dataclasses.replace(HERE, classes={})
    one, some = objective("tags", told, count=3), tagged(2, 0, 1)
    corrupted(one, some)
    assert some["tags.targets"].tolist() == [2, 0, 1]
    assert one.heads["tags"]["classes"] == ["0", "1", "2"]
    with pytest.raises(ConfigError, match="column labels has class 3; 3 are known, from 0 on: 0, 1, 2"):
        corrupted(one, tagged(2, 3))


NUMBERS = dataclasses.replace(HERE, classes={})
ONE = dataclasses.replace(HERE, classes={"labels": ("O",)})


@pytest.mark.parametrize(
    ("told", "settings", "said"),
    [
        (dataclasses.replace(HERE, columns=("input_ids",)), {}, "tags: the shards have no column labels"),
        (NUMBERS, {}, "tags: column labels has no classes; name them in `classes`, or say how many"),
        (ONE, {}, "tags: column labels has one class, O: nothing to learn"),
        (HERE, {"classes": ("B", "O")}, "column labels has I, which the head does not know"),
        (HERE, {"weights": {"X": 1.0}}, "weight of 'X', which is no class; there are B, I, O"),
        (HERE, {"weights": {"O": -1.0}}, "weight of 'O' is -1.0; it is 0 at least"),
        (HERE, {"smoothing": 1.0}, "tags.smoothing is 1.0"),
    ],
)
def test_what_cannot_be_learned(told, settings, said):
    with pytest.raises(ConfigError) as refused:
        objective("tags", told, **settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_label_for_each_example_is_none_for_each_token():
    with pytest.raises(ConfigError, match=r"column label is \[2\], tokens are .*no class for each token"):
        corrupted(objective("tags", column="label"), batch([1, 2]))
