"""Looks at the dev split: the same examples with the same masks each time, so looks can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from kbtools.models.batch import moved
from kbtools.models.recipe import Run
from kbtools.models.training.feeding import TARGETS, Source, dev_batches
from kbtools.models.training.trainee import Totals, add
from kbtools.models.training.world import World
from kbtools.shards.reading.settings import Reading


class Look:
    """What is looked at in a stage; called with the module that is trained."""

    def __init__(
        self,
        run: Run,
        sources: Mapping[str, Source],
        readings: Mapping[str, Reading],
        weights: Mapping[str, Mapping[str, float]],
        world: World,
        *,
        parts: int,
    ) -> None:
        self.run, self.readings, self.weights, self.world = run, readings, weights, world
        self.parts = parts  # of a batch
        self.sources = {
            name: one
            for name, one in sources.items()
            if "dev" in one.shards.splits and one.shards.rows("dev")
        }

    @property
    def possible(self) -> bool:
        """Whether there is a dev split."""
        return bool(self.sources)

    def __call__(self, trainee: nn.Module) -> dict[str, float]:
        """Return the means of all sums, and `loss`: the weighted losses of all tasks."""
        totals: Totals = {}
        targets: dict[str, float] = {}
        trainee.eval()
        with torch.no_grad():
            for name in self.sources:
                self._task(name, trainee, totals, targets)
        trainee.train()
        weights = {name: weight for one in self.weights.values() for name, weight in one.items()}
        return means(self.world.sums, totals, targets, weights)

    def _task(self, name: str, trainee: nn.Module, totals: Totals, targets: dict[str, float]) -> None:
        batches = dev_batches(
            self.sources[name], self.readings[name], rank=self.world.rank, world=self.world.size,
            parts=self.parts, seed=self.run.seed, most=self.run.dev_batches,
        )  # fmt: skip
        for batch in batches:
            _, found = trainee(moved(batch, self.world.device), dict.fromkeys(self.weights[name], 1.0))
            counts = not batch["batch.repeated"]  # the names of sums are the same in all processes
            add(totals, {one: value * counts for one, value in found.items()})
            for one in self.weights[name]:
                targets[one] = targets.get(one, 0.0) + counts * batch[TARGETS][one]


def means(
    sums: Callable[[Sequence[float]], list[float]],
    totals: Mapping[str, Any],
    targets: Mapping[str, float],
    weights: Mapping[str, float],
) -> dict[str, float]:
    """Divide sums by their targets, over all processes; `loss` is that of all objectives, weighted.

    An objective without targets is left out; if all are, there is no `loss`. Shares of other things than
    targets: see `derived`.
    """
    names, known = sorted(totals), sorted(weights)
    told = sums([float(totals[name]) for name in names] + [targets.get(name, 0.0) for name in known])
    of = dict(zip(known, told[len(names) :], strict=True))
    found = {
        name: value / of[name.partition(".")[0]]
        for name, value in zip(names, told, strict=False)
        if of[name.partition(".")[0]]
    }
    found = derived(found)
    losses = [weight * found[f"{name}.loss"] for name, weight in weights.items() if f"{name}.loss" in found]
    return {"loss": sum(losses), **found} if losses else found


def derived(found: Mapping[str, float]) -> dict[str, float]:
    """Divide measures by others: `right/mentions` by `mentions`, and it is called `right`.

    What others are divided by is not told by itself; what is divided by nothing, not at all.

    >>> derived({"tags.f1/names": 0.3, "tags.names": 0.6, "tags.right": 0.9})
    {'tags.right': 0.9, 'tags.f1': 0.5}
    """
    made = dict(found)
    below = {one: f"{one.partition('.')[0]}.{one.rpartition('/')[2]}" for one in found if "/" in one}
    for name, many in below.items():
        made.pop(name)
        if found.get(many):
            made[name.rpartition("/")[0]] = found[name] / found[many]
    return {name: value for name, value in made.items() if name not in below.values()}
