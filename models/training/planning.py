"""Which stage and which tasks a step belongs to: worked out from the recipe, the same in every process."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from kbtools.errors import ConfigError
from kbtools.models.draws import key
from kbtools.models.recipe import Recipe, Stage, Task

TURNS = 1000  # batches of a turn at most, where tasks take turns


class Planned(NamedTuple):
    """A stage with its steps: those from `first` on, up to `stop`."""

    stage: Stage
    first: int
    stop: int

    @property
    def steps(self) -> int:
        """How many there are."""
        return self.stop - self.first


def stages(recipe: Recipe, steps: int) -> list[Planned]:
    """Share the steps out among the stages."""
    told = recipe.stages or (Stage(),)
    sizes = [_size(stage, steps) for stage in told]
    open_ = [at for at, stage in enumerate(told) if not stage.steps]
    left = steps - sum(sizes)
    if len(open_) > 1:
        names = ", ".join(told[at].name or f"number {at + 1}" for at in open_)
        raise ConfigError(f"stages {names}: one at most takes what is left; give the others `steps`")
    if left < 0 or (left and not open_):
        raise ConfigError(
            f"the stages take {sum(sizes):,} of {steps:,} steps: one with steps = 0 takes what is left"
        )
    for at in open_:
        sizes[at] = left
    found, first = [], 0
    for at, (stage, size) in enumerate(zip(told, sizes, strict=True)):
        if not size:
            raise ConfigError(f"stage {stage.name or at + 1} has no steps: the others take all {steps:,}")
        found.append(Planned(stage, first, first + size))
        first += size
    return found


def _size(stage: Stage, steps: int) -> int:
    return round(stage.steps * steps) if stage.steps <= 1 else round(stage.steps)


class Turns:
    """Says which tasks a step of a stage has."""

    def __init__(
        self, recipe: Recipe, stage: Stage, sizes: Mapping[str, int], *, steps: int, seed: int
    ) -> None:
        """Take the weights of a stage; `sizes` are the numbers of examples."""
        self.mix, self.steps, self.seed, self.sizes = recipe.run.mix, steps, seed, sizes
        self.tasks: dict[str, Task] = {
            name: task for name, task in tasks(recipe).items() if not stage.tasks or name in stage.tasks
        }
        self.weights = {name: stage.tasks.get(name, task.weight) for name, task in self.tasks.items()}
        for name, weight in self.weights.items():
            if not 0 < weight < float("inf"):
                raise ConfigError(
                    f"task {name} has a weight of {weight}; it is above 0, or leave the task out"
                )
        if self.mix == "alternate":
            self.turn = self._turn()

    def _turn(self) -> list[str]:
        whole = {name: round(weight) for name, weight in self.weights.items()}
        if any(whole[name] != weight for name, weight in self.weights.items()) or sum(whole.values()) > TURNS:
            told = ", ".join(f"{name} {weight:g}" for name, weight in self.weights.items())
            raise ConfigError(
                f"run.mix = alternate: weights are whole numbers of batches in a turn, not {told}"
            )
        return [name for name, many in whole.items() for _ in range(many)]

    def shares(self, step: int) -> dict[str, float]:
        """Return the probability of each task at a step: p ∝ weight · N^α, α going evenly to its end.

        Annealed sampling is Stickland & Murray's (2019).
        """
        done = step / max(self.steps - 1, 1)
        found = {}
        for name, task in self.tasks.items():
            first = task.by_size or 0.0
            last = first if task.by_size_end is None else task.by_size_end
            found[name] = self.weights[name] * float(self.sizes[name]) ** (first + (last - first) * done)
        total = sum(found.values())
        return {name: share / total for name, share in found.items()}

    def of(self, step: int) -> list[str]:
        """Return the tasks of a step: one, or all if they go together."""
        if self.mix == "together" or len(self.tasks) == 1:
            return list(self.tasks)
        if self.mix == "alternate":
            return [self.turn[step % len(self.turn)]]
        drawn = key(self.seed, "task", step) / 2**63
        for name, share in self.shares(step).items():
            drawn -= share
            if drawn < 0:
                return [name]
        return [name]


def tasks(recipe: Recipe) -> dict[str, Task]:
    """Return the tasks of a recipe; one that names none has one."""
    return recipe.tasks or {"data": Task()}


def objectives_of(recipe: Recipe, stage: Stage, task: Task) -> list[str]:
    """Name the objectives that a task has in a stage."""
    wanted = task.objectives or tuple(recipe.objectives)
    return [name for name in wanted if not stage.objectives or name in stage.objectives]


def check(recipe: Recipe) -> None:
    """Refuse names that mean nothing."""
    known, run = tasks(recipe), recipe.run
    if not recipe.objectives:
        raise ConfigError("the recipe has no [objectives]: there is nothing to learn")
    if run.accumulate > 1 and not run.tokens and not any(stage.tokens for stage in recipe.stages):
        raise ConfigError(
            "run.accumulate goes with run.tokens; with run.batch, run.micro says how it is parted"
        )
    for name, task in known.items() if run.mix != "sample" else ():
        weights = {task.weight, *(stage.tasks.get(name, 1.0) for stage in recipe.stages)}
        if task.by_size is not None or (run.mix == "together" and weights != {1.0}):
            raise ConfigError(f"task {name}: run.mix = {run.mix} draws nothing; weigh objectives, not tasks")
    for name, task in known.items():
        _known(task.objectives, recipe.objectives, f"task {name}", "objective")
    for at, stage in enumerate(recipe.stages, 1):
        where = f"stage {stage.name or at}"
        _known(stage.objectives, recipe.objectives, where, "objective")
        _known(stage.settings, recipe.objectives, where, "objective")
        _known(stage.tasks, known, where, "task")
        for name, task in known.items():
            if (not stage.tasks or name in stage.tasks) and not objectives_of(recipe, stage, task):
                raise ConfigError(f"{where}: task {name} has no objective left; leave the task out, too")


def _known(names: object, known: Mapping[str, object], where: str, what: str) -> None:
    for name in names:  # type: ignore[attr-defined]
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{where}: no {what} {name!r}; there are {', '.join(known)}{hint}")
