"""Steps of the optimisers beside slow loops over single numbers, written down from the papers."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from kbtools.models.recipe import Optimiser  # noqa: E402
from kbtools.models.training import optimisers  # noqa: E402
from kbtools.models.training.groups import groups  # noqa: E402
from kbtools.models.training.optimisers import make  # noqa: E402

KINDS: dict[str, tuple[dict[str, Any], bool]] = {
    "adamw, fused": ({}, True),
    "adamw": ({}, False),
    "without correction": ({"bias_correction": False}, True),
    "lamb": ({"name": "lamb"}, True),
    "lamb without correction": ({"name": "lamb", "bias_correction": False}, True),
}


class Two(nn.Module):
    """A body and two heads that tasks take turns with."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Linear(3, 4)
        self.a, self.b = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, inputs, head):
        return getattr(self, head)(torch.tanh(self.body(inputs))).square().sum()


def made(model, kind, **more):
    settings, fused = KINDS[kind]
    told = Optimiser(**{"lr": 0.01, "decay": 0.1, **settings, **more})
    return make(groups(model, told), told, fused=fused)


def train(model, optimiser, steps, heads="ab"):
    for step in steps:
        inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(step))
        model(inputs, heads[step % len(heads)]).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def by_hand(values, slopes, settings, *, decays, scaled):
    """Do all steps for one weight, a list of numbers; `slopes` has one list a step."""
    (first, second), size = settings.betas, range(len(values))
    mean, square = [0.0 for _ in size], [0.0 for _ in size]
    for step, slope in enumerate(slopes, 1):
        mean = [first * mean[i] + (1 - first) * slope[i] for i in size]
        square = [second * square[i] + (1 - second) * slope[i] ** 2 for i in size]
        by = (1 - first**step, 1 - second**step) if settings.bias_correction else (1, 1)
        update = [mean[i] / by[0] / (math.sqrt(square[i] / by[1]) + settings.eps) for i in size]
        update = [update[i] + settings.decay * decays * values[i] for i in size]
        lengths = math.hypot(*values), math.hypot(*update)
        ratio = lengths[0] / lengths[1] if scaled and min(lengths) > 0 else 1
        values = [values[i] - settings.lr * ratio * update[i] for i in size]
    return values


@pytest.mark.parametrize("kind", KINDS)
def test_three_steps_as_by_hand(kind):
    settings = Optimiser(**{"lr": 0.02, "decay": 0.3, "eps": 1e-3, "betas": (0.8, 0.9), **KINDS[kind][0]})
    model = nn.Linear(3, 2).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.25, -3.0]]))
        model.bias.copy_(torch.tensor([1.0, -2.0]))
    start = {name: weight.flatten().tolist() for name, weight in model.named_parameters()}
    slopes = {
        name: torch.randn(3, weight.numel(), dtype=torch.double, generator=torch.Generator().manual_seed(7))
        for name, weight in model.named_parameters()
    }
    optimiser = make(groups(model, settings), settings, fused=KINDS[kind][1])
    for step in range(3):
        for name, weight in model.named_parameters():
            weight.grad = slopes[name][step].view_as(weight).clone()
        optimiser.step()
    for name, weight in model.named_parameters():
        wide = name == "weight"  # a bias neither decays nor is scaled
        scaled = wide and settings.name == "lamb"
        wanted = by_hand(start[name], slopes[name].tolist(), settings, decays=wide, scaled=scaled)
        assert weight.flatten().tolist() == pytest.approx(wanted, rel=1e-9)


def test_the_first_step_without_correction_is_the_root_of_ten_too_long():
    """m = .1 g and v = .001 g²: √10 · sign g, where Adam's first step is sign g."""
    found = {}
    for corrected in (True, False):
        settings = Optimiser(lr=0.1, decay=0, eps=1e-12, bias_correction=corrected)
        model = nn.Linear(1, 1, bias=False)
        before = model.weight.item()
        optimiser = make(groups(model, settings), settings)
        model.weight.grad = torch.full((1, 1), -5.0)
        optimiser.step()
        found[corrected] = model.weight.item() - before
    assert found[True] == pytest.approx(0.1, rel=1e-4)
    assert found[False] == pytest.approx(0.1 * math.sqrt(10), rel=1e-4)


def test_a_step_of_lamb_is_as_long_as_the_rate_says():
    """‖Δw‖ = η‖w‖, whatever the gradient is; of zeros it is η‖u‖."""
    settings = Optimiser(name="lamb", lr=0.1, decay=0)
    for size, scale in ((3.0, 1e-3), (0.5, 1e3)):
        weight = nn.Linear(4, 4, bias=False)
        with torch.no_grad():
            weight.weight.fill_(size / 4)
        weight.weight.grad = torch.randn(4, 4) * scale
        before = weight.weight.detach().clone()
        make(groups(weight, settings), settings).step()
        assert (weight.weight - before).norm().item() == pytest.approx(0.1 * size, rel=1e-4)
    with torch.no_grad():
        weight.weight.zero_()
    make(groups(weight, settings), settings).step()
    assert weight.weight.abs().min() > 0.09


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_gradient_is_left_alone(kind):
    model = Two()
    optimiser = made(model, kind)
    train(model, optimiser, range(4), heads="a")
    assert model.b.weight not in optimiser.state
    train(model, optimiser, range(4, 6), heads="b")
    before = [weight.detach().clone() for weight in model.a.parameters()]
    states = [
        {what: value.clone() for what, value in optimiser.state[w].items()} for w in model.a.parameters()
    ]
    train(model, optimiser, range(6, 9), heads="b")
    for weight, old, state in zip(model.a.parameters(), before, states, strict=True):
        assert torch.equal(weight, old)
        assert all(torch.equal(optimiser.state[weight][what], value) for what, value in state.items())
    assert [int(optimiser.state[w]["step"]) for w in (model.body.weight, model.a.bias, model.b.bias)] == [
        9,
        4,
        5,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_turns_are_as_if_each_head_were_alone(kind):
    """The head of one task moves as if the steps of the other were none; here nothing is shared."""
    torn, alone = Two(), Two()
    for model in (torn, alone):
        model.body.requires_grad_(False)
    first, second = made(torn, kind), made(alone, kind)
    train(torn, first, range(6))
    train(alone, second, range(0, 6, 2))
    assert torch.equal(torn.a.weight, alone.a.weight)


def test_a_group_in_portions_is_the_same(monkeypatch):
    whole, cut = Two(), Two()
    train(whole, made(whole, "lamb"), range(5))
    monkeypatch.setattr(optimisers, "PORTION", 1)
    train(cut, made(cut, "lamb"), range(5))
    for one, other in zip(whole.parameters(), cut.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns(kind):
    model = Two()
    optimiser = made(model, kind, lr=0.05, decay=0.0)
    inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(3))
    before = model(inputs, "a").item()
    for _ in range(40):
        model(inputs, "a").backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    assert model(inputs, "a").item() < 0.3 * before


def test_weights_of_a_device_without_the_kernel_have_none():
    settings = Optimiser()
    model = nn.Linear(2, 2, device="meta")
    optimiser = make(groups(model, settings), settings, fused=True)
    assert not optimiser.defaults["fused"]
    assert optimiser.defaults["foreach"]


def test_a_closure_is_called():
    model = Two()
    settings = Optimiser(name="lamb")
    optimiser = make(groups(model, settings), settings)

    def again():
        loss = model(torch.ones(1, 3), "a")
        loss.backward()
        return loss.item()

    assert optimiser.step(again) > 0
    assert model.body.weight in optimiser.state
