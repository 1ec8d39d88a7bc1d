"""What hidden tokens cost."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from kbtools.models.batch import IGNORED, Output
from kbtools.models.draws import Draws
from kbtools.models.objectives.mlm import Mlm, Settings
from tests import tiny_objectives
from tests.masked_batches import here, large
from tests.tiny_objectives import Tiny


class Plain(nn.Module):
    """Scores are products of states and words."""

    def forward(self, hidden, words):
        return hidden @ words.T


class Three(nn.Module):
    """A vocabulary of three words."""

    def __init__(self):
        super().__init__()
        self.words = torch.eye(3)
        self.heads = nn.ModuleDict({"lm": Plain()})


def test_by_hand():
    hidden = torch.log(torch.tensor([[[1.0, 1, 2], [1, 1, 1], [3, 1, 4], [5, 5, 5]]]))
    some = {"mlm.places": torch.tensor([0, 2]), "mlm.targets": torch.tensor([2, 0])}
    loss = Mlm(Settings(), here(size=5)).loss(Three(), Output(last_hidden_state=hidden), some)
    assert loss.total.item() == pytest.approx(-math.log(2 / 4) - math.log(3 / 8))
    assert loss.measures["right"].item() == 1  # 4/8 is the third word's


def lost(at_once=1 << 28, numbers=(3, 8, 5, 11)):
    one = Mlm(Settings(at_once=at_once), tiny_objectives.HERE)
    some = tiny_objectives.batch(numbers)
    one.corrupt(some, Draws(some, 0))
    model = Tiny(one.heads)
    return one.loss(model, model(some), some), model, some


def test_it_is_the_cross_entropy_over_all_places_but_those_ignored():
    loss, model, some = lost()
    labels = torch.full_like(some["input_ids"], IGNORED).flatten()
    labels[some["mlm.places"]] = some["mlm.targets"]
    scores = model.heads["lm"](model(some).hidden.flatten(0, 1), model.words)
    whole = functional.cross_entropy(scores, labels, ignore_index=IGNORED, reduction="sum")
    torch.testing.assert_close(loss.total, whole)
    assert loss.measures["right"] == (scores.argmax(-1) == labels).sum()


@pytest.mark.parametrize("at_once", [1, 5 * tiny_objectives.SIZE, 10**6])
def test_in_parts_it_is_the_same(at_once):
    (whole, one, _), (parts, other, _) = lost(), lost(at_once)
    torch.testing.assert_close(parts.total, whole.total)
    assert parts.measures["right"] == whole.measures["right"]
    whole.total.backward()
    parts.total.backward()
    for (name, weight), same in zip(one.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(same.grad, weight.grad, msg=name)


def test_the_head_sees_chosen_places_only():
    sizes = []

    class Counting(Plain):
        def forward(self, hidden, words):
            sizes.append(tuple(hidden.shape))
            return super().forward(hidden, words)

    model = Three()
    model.heads["lm"] = Counting()
    hidden = torch.randn(2, 6, 3)
    for many in (0, 4, 9):
        some = {"mlm.places": torch.arange(many), "mlm.targets": torch.zeros(many, dtype=torch.long)}
        Mlm(Settings(at_once=12), here(size=5)).loss(model, Output(last_hidden_state=hidden), some)
    assert sizes == [(1, 3), (4, 3), (4, 3), (4, 3), (1, 3)]


def test_a_batch_without_a_word_costs_nothing():
    some = large(rows=2)
    some["input_ids"][:] = 2
    one = Mlm(Settings(), here())
    assert one.corrupt(some, Draws(some, 0)) == 0
    assert some["mlm.places"].tolist() == []


def test_half_precision_is_summed_in_full():
    model = Three().to(torch.bfloat16)
    model.words = model.words.to(torch.bfloat16)
    some = {"mlm.places": torch.arange(300), "mlm.targets": torch.zeros(300, dtype=torch.long)}
    hidden = torch.zeros(3, 100, 3, dtype=torch.bfloat16)
    for at_once in (10, 1 << 20):
        loss = Mlm(Settings(at_once=at_once), here(size=5)).loss(
            model, Output(last_hidden_state=hidden), some
        )
        assert loss.total.dtype == torch.float32
        assert loss.total.item() == pytest.approx(300 * math.log(3), rel=1e-5)
