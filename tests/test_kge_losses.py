"""Losses: numbers worked out by hand, what negatives that do not count do, and what weights do."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kbtools.models.kge import losses
from kbtools.models.kge.recipe import Loss

COMPARING = ("adversarial", "margin", "softmax", "logistic")
RIGHT, WRONG = torch.tensor([[1.0]]), torch.tensor([[[0.0, 2.0]]])


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Loss(kind="adversarial", temperature=0.0), 0.861650),
        (Loss(kind="adversarial", temperature=1.0), 1.134639),
        (Loss(kind="softmax"), 1.407606),
        (Loss(kind="margin", margin=0.1), 1.1 / 2),  # the sum is 1.1
        (Loss(kind="logistic"), 1.723299),
    ],
)
def test_one_triple_and_two_negatives(settings, expected):
    assert losses.loss(settings, RIGHT, WRONG, None, None).item() == pytest.approx(expected, abs=1e-6)


def test_harder_negatives_weigh_more_and_weights_are_no_part_of_the_gradient():
    wrong = WRONG.clone().requires_grad_()
    found = losses.loss(Loss(kind="adversarial"), RIGHT, wrong, None, None)
    weights = (0.119203, 0.880797)  # softmax of (0, 2)
    expected = [weight * sigmoid(score) / 2 for weight, score in zip(weights, (0, 2), strict=True)]
    assert torch.autograd.grad(found, wrong)[0].flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_no_temperature_is_a_mean_and_half_of_each_side():
    right, wrong = torch.tensor([[0.3]]), torch.tensor([[[-1.0, 0.2, 4.0]]])
    both = -math.log(sigmoid(0.3)) - sum(math.log(sigmoid(-s)) for s in (-1.0, 0.2, 4.0)) / 3
    found = losses.loss(Loss(kind="adversarial", temperature=0.0), right, wrong, None, None)
    assert found.item() == pytest.approx(both / 2, abs=1e-6)


@pytest.mark.parametrize("kind", COMPARING)
def test_what_is_not_kept_is_as_if_it_were_not_there(kind):
    drawn = torch.Generator().manual_seed(0)
    right, wrong = torch.randn(2, 3, generator=drawn), torch.randn(2, 3, 5, generator=drawn)
    kept = torch.rand(2, 3, 5, generator=drawn) < 0.6
    kept[..., 0] = True
    wrong = wrong.masked_fill(~kept, 50.0).requires_grad_()
    settings = Loss(kind=kind, temperature=0.7)
    found = losses.loss(settings, right, wrong, kept, None)
    alone = [
        losses.loss(settings, right[at][None, None], wrong[at][kept[at]][None, None], None, None)
        for at in [(c, s) for c in range(2) for s in range(3)]
    ]
    assert found.item() == pytest.approx(torch.stack(alone).mean().item(), rel=1e-5)
    assert (torch.autograd.grad(found, wrong)[0][~kept] == 0).all()


@pytest.mark.parametrize("kind", COMPARING)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_without_negatives_only_the_triple_itself_counts(kind, temperature):
    right, wrong = RIGHT.clone().requires_grad_(), WRONG.clone().requires_grad_()
    settings = Loss(kind=kind, temperature=temperature)
    found = losses.loss(settings, right, wrong, torch.zeros(1, 1, 2, dtype=torch.bool), None)
    own = math.log1p(math.exp(-1))
    assert found.item() == pytest.approx(
        {"adversarial": own / 2, "margin": 0, "softmax": 0, "logistic": own}[kind], abs=1e-6
    )
    to_right, to_wrong = torch.autograd.grad(found, (right, wrong))
    assert torch.isfinite(to_right).all()
    assert not to_wrong.any()


@pytest.mark.parametrize("kind", COMPARING)
@given(weights=st.lists(st.integers(0, 4), min_size=4, max_size=4).filter(any))
def test_a_weight_of_two_is_a_triple_twice(kind, weights):
    drawn = torch.Generator().manual_seed(1)
    right, wrong = torch.randn(4, 1, generator=drawn), torch.randn(4, 1, 3, generator=drawn)
    often = torch.repeat_interleave(torch.tensor(weights))
    told = Loss(kind=kind)
    found = losses.loss(told, right, wrong, None, torch.tensor(weights).float()[:, None])
    assert found.item() == pytest.approx(
        losses.loss(told, right[often], wrong[often], None, None).item(), rel=1e-5
    )


@pytest.mark.parametrize("kind", COMPARING)
def test_large_scores_stay_finite(kind):
    right = torch.tensor([[-500.0, 500.0]], requires_grad=True)
    wrong = torch.tensor([[[500.0, -500.0], [-500.0, 500.0]]], requires_grad=True)
    found = losses.loss(Loss(kind=kind), right, wrong, None, None)
    gradients = torch.autograd.grad(found, (right, wrong))
    assert all(torch.isfinite(one).all() for one in (found, *gradients))


def test_a_batch_of_fillings_alone_has_no_loss():
    assert losses.loss(Loss(), RIGHT, WRONG, None, torch.zeros(1, 1)).item() == 0


def test_labels_of_all_answers():
    scores, labels = torch.tensor([[0.5, -1.0, 2.0]]), torch.tensor([[1.0, 0.0, 1.0]])
    plain = -(math.log(sigmoid(0.5)) + math.log(sigmoid(1.0)) + math.log(sigmoid(2.0))) / 3
    assert losses.labelled(Loss(kind="bce"), scores, labels).item() == pytest.approx(plain, abs=1e-6)
    smooth = [0.9 * label + 0.1 / 3 for label in (1, 0, 1)]
    told = Loss(kind="bce", smoothing=0.1)
    by_hand = -sum(
        y * math.log(sigmoid(s)) + (1 - y) * math.log(sigmoid(-s))
        for s, y in zip((0.5, -1.0, 2.0), smooth, strict=True)
    )
    assert losses.labelled(told, scores, labels).item() == pytest.approx(by_hand / 3, abs=1e-6)
    two = torch.cat([scores, scores * 7]), torch.cat([labels, labels])
    weighted = losses.labelled(told, *two, torch.tensor([1.0, 0.0]))
    assert weighted.item() == pytest.approx(by_hand / 3, abs=1e-6)
