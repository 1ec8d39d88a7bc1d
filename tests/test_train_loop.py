"""A step's loss is divided by all its targets, however they are shared out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from kbtools.errors import ConfigError
from kbtools.models.objectives.base import Loss
from kbtools.models.recipe import Run, Stage
from kbtools.models.training.feeding import TARGETS, TOKENS, Size
from kbtools.models.training.loop import Engine, steps
from kbtools.models.training.trainee import Trainee
from kbtools.models.training.world import World


class Line(nn.Module):
    """y = w·x, and a second weight that some objectives use."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.0))
        self.v = nn.Parameter(torch.tensor(1.0))

    def forward(self, batch):
        return self.w * batch["input_ids"]


class Squares:
    """½ (w·x − y)², summed over the targets that are not −100."""

    def loss(self, model, output, batch):
        kept = batch["y"] != -100
        error = (output - batch["y"])[kept]
        return Loss((error**2).sum() / 2, {"right": (error == 0).sum()})


class Other:
    """Uses the other weight alone."""

    def loss(self, model, output, batch):
        return Loss((model.v * batch["input_ids"]).sum())


class Fed:
    """A feed of batches that are given."""

    def __init__(self, given):
        self.given = list(given)

    def step(self, tasks, many):
        return [(name, self.given.pop(0)) for name in tasks for _ in range(many)]


def batch(x, y, repeated=False, **targets):
    made: dict[str, Any] = {
        "input_ids": torch.tensor(x), "y": torch.tensor(y), "batch.rows": torch.arange(len(x)),
        "batch.repeated": repeated, TOKENS: len(x),
    }  # fmt: skip
    made[TARGETS] = targets or {"squares": int((made["y"] != -100).sum()), "other": len(x)}
    return made


def trained(given, *, many=1, objectives=None, tasks=("data",), lr=0.1, clip=0.0):
    model = Line()
    world = World(Run())
    trainee = Trainee(model, {"squares": Squares(), "other": Other()})  # type: ignore[dict-item]
    wrapped, optimiser = world.wrap(
        trainee, torch.optim.SGD([{"params": [*model.parameters()], "top": lr}], lr)
    )
    engine = Engine(
        world=world, trainee=wrapped, optimiser=optimiser, feed=Fed(given),  # type: ignore[arg-type]
        objectives=objectives or {"data": {"squares": 1.0}}, factor=lambda step: 1.0, clip=clip, seed=0,
        many=many,
    )  # fmt: skip
    total = len(given) // (many * len(tasks))
    return model, list(steps(engine, lambda number: tasks, 0, total))


def test_a_step_by_hand():
    model, (step,) = trained([batch([1.0, 2.0], [0.0, 0.0])])
    # mean of ½(w·x)²: gradient w·(1 + 4)/2 = 2.5; w ← 1 − .1·2.5
    assert model.w.item() == pytest.approx(0.75)
    assert step.totals["squares.loss"].item() == pytest.approx(2.5)
    assert step.norm.item() == pytest.approx(2.5)
    assert (step.number, step.examples, step.tokens) == (1, 2, 2)


def test_micro_batches_of_unequal_targets_are_one_batch():
    whole = batch([1.0, 2.0, 3.0], [0.0, 0.0, 5.0])
    parts = [batch([1.0], [0.0]), batch([2.0, 3.0], [0.0, 5.0])]
    once, _ = trained([whole])
    twice, (step,) = trained(parts, many=2)
    assert once.w.item() == pytest.approx(twice.w.item())
    assert step.targets == {"squares": 3.0}


def test_a_batch_that_another_process_has_too_counts_for_nothing():
    alone, _ = trained([batch([1.0], [0.0])])
    both, (step,) = trained([batch([1.0], [0.0]), batch([7.0], [0.0], repeated=True)], many=2)
    assert alone.w.item() == pytest.approx(both.w.item())
    assert step.totals["squares.loss"].item() == pytest.approx(0.5)


def test_weights_of_objectives_and_tasks_that_go_together():
    given = [batch([1.0], [0.0]), batch([2.0], [0.0])]
    told = {"a": {"squares": 2.0}, "b": {"other": 3.0}}
    model, (step,) = trained(given, objectives=told, tasks=("a", "b"))
    assert model.w.item() == pytest.approx(1 - 0.1 * 2.0)
    assert model.v.item() == pytest.approx(1 - 0.1 * 3.0 * 2.0)
    assert step.tasks == ["a", "b"]
    assert step.weights == {"squares": 2.0, "other": 3.0}


def test_what_a_step_does_not_use_is_left_alone():
    model, _ = trained([batch([1.0], [0.0])])
    assert model.v.item() == 1.0
    assert model.v.grad is None


def test_a_batch_without_targets_changes_nothing():
    model, (step,) = trained([batch([1.0], [-100.0])])
    assert model.w.item() == 1.0
    assert step.norm.item() == 0.0


def test_gradients_are_clipped_as_a_whole():
    model, (step,) = trained([batch([1.0, 2.0], [0.0, 0.0])], clip=0.5)
    assert step.norm.item() == pytest.approx(2.5)
    assert model.w.item() == pytest.approx(1 - 0.1 * 0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("run", "stage", "processes", "want"),
    [
        (Run(batch=32), Stage(), 1, Size(32, None, 1)),
        (Run(batch=32, micro=8), Stage(), 2, Size(8, None, 2)),
        (Run(batch=32, micro=64), Stage(), 2, Size(16, None, 1)),
        (Run(tokens=4096, accumulate=3), Stage(), 2, Size(None, 4096, 3)),
        (Run(tokens=4096, accumulate=3), Stage(batch=8), 2, Size(4, None, 1)),
        (Run(batch=32, micro=8), Stage(tokens=100), 1, Size(None, 100, 1)),
    ],
)
def test_a_step_is_shared_out(run, stage, processes, want):
    assert Size.of(run, stage, processes) == want


@pytest.mark.parametrize(
    ("run", "processes"), [(Run(batch=3), 2), (Run(batch=1), 2), (Run(batch=9, micro=2), 1)]
)
def test_a_step_that_cannot_be_shared_out_is_refused(run, processes):
    with pytest.raises(ConfigError, match="cannot be shared out"):
        Size.of(run, Stage(), processes)
