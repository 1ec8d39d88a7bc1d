"""The training loop: every model and every objective goes through here.

`steps` is a generator: what logs, evaluates, writes checkpoints and stops are `for step in steps(...)`
bodies, not callbacks. A step's losses are divided by the targets of the whole step, over all micro-batches
and processes, so neither accumulation nor more processes change what is learned. Dropout is seeded by step:
a run that goes on needs no generator's state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from kbtools.models.batch import Batch, moved
from kbtools.models.draws import key
from kbtools.models.training.feeding import TARGETS, TOKENS, Feed
from kbtools.models.training.groups import pace
from kbtools.models.training.trainee import Totals, add
from kbtools.models.training.world import World, plain

Factor = Callable[[int], float]  # of the highest rates, at a step


class Step(NamedTuple):
    """One step of the optimiser, as seen by whoever logs it; sums are of this process."""

    number: int  # from 1: how many steps are done
    tasks: Sequence[str]
    totals: Totals  # sums over targets, on the device
    targets: Mapping[str, float]  # of all processes
    weights: Mapping[str, float]  # of objectives
    norm: Tensor  # of the gradient
    rates: Sequence[float]
    tokens: int  # that are no padding
    room: int  # padding too
    examples: int
    seconds: float
    waited: float  # of them, for batches
    stop: bool  # somebody has asked for an end
    rows: Sequence[tuple[str, Tensor]]  # the numbers of its examples, by task


@dataclass
class Engine:
    """What a stage is trained with."""

    world: World
    trainee: nn.Module  # wrapped
    optimiser: Any  # wrapped
    feed: Feed
    objectives: Mapping[str, Mapping[str, float]]  # task → objective → weight
    factor: Factor
    clip: float
    seed: int
    many: int  # micro-batches of a task in a step
    after: Callable[[], None] = lambda: None  # done when weights have changed
    asked: Callable[[], bool] = lambda: False  # whether this process is to stop


def steps(engine: Engine, tasks: Callable[[int], Sequence[str]], first: int, stop: int) -> Iterator[Step]:
    """Train, yielding after each step; steps count from 0."""
    engine.trainee.train()
    optimiser = engine.optimiser
    if engine.world.accelerator.scaler is None:  # what is around it only costs time then
        optimiser = plain(optimiser)
    for number in range(first, stop):
        began = time.perf_counter()
        batches = engine.feed.step(tasks(number), engine.many)
        waited = time.perf_counter() - began
        targets, asked = _targets(engine, batches)
        pace(engine.optimiser, engine.factor(number))
        totals = _backward(engine, batches, targets, number)
        norm = engine.world.clip(_weights(engine.optimiser), engine.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)  # untouched weights are left alone, not decayed
        if engine.world.accelerator.scaler is None or not engine.optimiser.step_was_skipped:
            engine.after()
        yield Step(
            number=number + 1,
            tasks=[*dict.fromkeys(name for name, _ in batches)],
            totals=totals,
            targets=targets,
            weights={name: one for task, _ in batches for name, one in engine.objectives[task].items()},
            norm=norm,
            rates=[group["lr"] for group in engine.optimiser.param_groups],
            tokens=sum(batch[TOKENS] for _, batch in batches),
            room=sum(batch["input_ids"].numel() for _, batch in batches if "input_ids" in batch),
            examples=sum(int((batch["batch.rows"] >= 0).sum()) for _, batch in batches),
            seconds=time.perf_counter() - began,
            waited=waited,
            stop=asked,
            rows=[(name, batch["batch.rows"]) for name, batch in batches],
        )


def _targets(engine: Engine, batches: Sequence[tuple[str, Batch]]) -> tuple[dict[str, float], bool]:
    """Count the targets of a step over all processes; hear whether any of them is to stop."""
    names = list(dict.fromkeys(name for task, _ in batches for name in engine.objectives[task]))
    mine = dict.fromkeys(names, 0.0)
    for task, batch in batches:
        for name in engine.objectives[task] if not batch["batch.repeated"] else ():
            mine[name] += batch[TARGETS][name]
    told = engine.world.sums([*mine.values(), float(engine.asked())])
    return dict(zip(names, told, strict=False)), told[-1] > 0


def _backward(
    engine: Engine, batches: Sequence[tuple[str, Batch]], targets: Mapping[str, float], number: int
) -> Totals:
    """Work out the gradient of a step; return the sums of its losses."""
    totals: Totals = {}
    scaler = engine.world.accelerator.scaler
    for at, (task, batch) in enumerate(batches):
        _seed(key(engine.seed, "dropout", number, at, engine.world.rank), engine.world.device)
        counts = not batch["batch.repeated"]
        scales = {
            name: counts * weight * engine.world.size / max(targets[name], 1.0)  # DDP takes the mean
            for name, weight in engine.objectives[task].items()
        }
        with engine.world.syncing(engine.trainee, at == len(batches) - 1):
            loss, found = engine.trainee(moved(batch, engine.world.device), scales)
            if scaler is None:
                loss.backward()
            else:
                engine.world.accelerator.backward(loss)
        add(totals, {name: value * counts for name, value in found.items()})
    return totals


def _seed(number: int, device: torch.device) -> None:
    """Seed what dropout draws from; `torch.manual_seed` asks for devices that there are none of, too."""
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        torch.cuda.manual_seed(number)


def _weights(optimiser: Any) -> list[nn.Parameter]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]
