"""The batches of each step: read, corrupted and counted before their turn comes.

shards ─ Loader (a thread, or workers): corrupt, count ─▶ micro-batches of a step ─▶ the loop
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from kbtools.errors import ConfigError
from kbtools.models.batch import Batch
from kbtools.models.controls import Links
from kbtools.models.draws import Draws, key
from kbtools.models.objectives.base import Objective
from kbtools.models.recipe import Run, Stage
from kbtools.models.training.data import Loader, Tensors, tensors
from kbtools.models.training.trainee import useful
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches, State
from kbtools.shards.reading.planning import Place
from kbtools.shards.reading.settings import Reading

# columns that are read if there are any
ALWAYS = ("input_ids", "segment", "word_start", "soft", "branch", "word")
TARGETS, TOKENS = "batch.targets", "batch.tokens"


@dataclass
class Prepare:
    """What is done to a batch where it is made: objectives change it and say how many targets it has."""

    objectives: Mapping[str, Objective]
    seed: int
    control: Links | None = None  # what is done to mentions before

    def __call__(self, batch: Tensors) -> Tensors:
        """Corrupt and count, in the order of the recipe."""
        if self.control is not None:
            self.control(batch)
        draws = Draws(batch, self.seed)
        batch[TOKENS] = useful(batch)
        if (ids := batch.get("input_ids")) is not None:
            batch["batch.padded"] = batch[TOKENS] < ids.numel()
        batch[TARGETS] = {name: one.corrupt(batch, draws) for name, one in self.objectives.items()}
        return batch


class Source(NamedTuple):
    """What a task reads in a stage."""

    shards: Shards
    objectives: Mapping[str, Objective]
    columns: Sequence[str]  # beside ALWAYS
    control: Links | None = None


class Size(NamedTuple):
    """How much is read at once, and how often for a step."""

    rows: int | None
    tokens: int | None
    accumulate: int

    @classmethod
    def of(cls, run: Run, stage: Stage, processes: int) -> Size:
        """Work it out: examples of a step over examples at once, times the processes."""
        batch = run.batch if stage.batch is None else stage.batch
        micro = run.micro if stage.micro is None else stage.micro
        tokens = stage.tokens or (None if stage.batch or stage.micro else run.tokens)
        if tokens:
            return cls(None, tokens, run.accumulate)
        share, left = divmod(batch, processes)
        micro = min(micro or share, share)
        if left or not share or share % micro:
            raise ConfigError(
                f"run.batch is {batch}: it cannot be shared out among {processes} processes"
                f" with {micro or run.micro or 1} examples at once (run.micro)"
            )
        return cls(micro, None, share // micro)

    def parts(self, processes: int) -> int:
        """Say into how many parts a batch of the shards' plan is cut."""
        return self.accumulate * processes if self.rows else 1


def reading(
    run: Run, size: Size, source: Source, classes: Mapping[str, Sequence[str]], processes: int
) -> Reading:
    """Say how the examples of a task become batches.

    With `run.batch` a batch is what a step has, and is then cut into parts: so a step has the same examples
    however many processes there are, and a run may go on with others.
    """
    columns = [name for name in (*ALWAYS, *source.columns) if name in source.shards.columns]
    return Reading(
        rows=size.rows and size.rows * size.parts(processes),
        tokens=size.tokens or Reading.tokens,
        packed=run.packed,
        seed=run.seed,
        columns=tuple(dict.fromkeys(columns)),
        classes={name: tuple(words) for name, words in classes.items() if name in columns},
    )


class Feed:
    """The batches of a stage, task by task; a state says where to go on."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        readings: Mapping[str, Reading],
        run: Run,
        *,
        rank: int,
        world: int,
        parts: int,
        pin: bool,
    ) -> None:
        self.loaders = {}
        for name, source in sources.items():
            batches = Batches(source.shards, "train", readings[name], rank=rank, world=world, parts=parts)
            self.loaders[name] = Loader(
                batches,
                workers=run.workers,
                pin=pin,
                start="spawn" if run.workers else None,
                prepare=Prepare(source.objectives, key(run.seed, name), source.control),
            )
        self._open: dict[str, Iterator[Batch]] = {}

    def step(self, tasks: Sequence[str], many: int) -> list[tuple[str, Batch]]:
        """Return the micro-batches of a step: so many of each task."""
        return [(name, self._next(name)) for name in tasks for _ in range(many)]

    def _next(self, name: str) -> Batch:
        for _ in range(2):
            if name not in self._open:
                self._open[name] = iter(self.loaders[name])
            batch = next(self._open[name], None)
            if batch is not None:
                return batch
            del self._open[name]  # an epoch is over
        raise ConfigError(
            f"task {name}: {self.loaders[name].batches.shards.path} has no batch for each process"
        )

    def state(self) -> dict[str, State]:
        """Say where each task goes on; plain data, the same for all processes."""
        return {name: loader.state() for name, loader in self.loaders.items()}

    def resume(self, states: Mapping[str, State]) -> None:
        """Go on where states say.

        Where other examples go together now (another stage, another number of examples at once), the task
        begins its next epoch.
        """
        for name, loader in self.loaders.items():
            state = states.get(name)
            if state is None:
                continue
            if state.get("plan") == loader.batches.reading.plan:
                loader.resume(state)
            else:
                loader.batches.place = Place(int(state["epoch"]) + 1, 0, 0, 0)

    def epochs(self) -> dict[str, int]:
        """Return the epoch that each task is in."""
        return {name: loader.batches.place.epoch for name, loader in self.loaders.items()}

    def close(self) -> None:
        """Stop what makes batches."""
        for found in self._open.values():
            found.close()  # type: ignore[attr-defined]
        self._open.clear()


def dev_batches(
    source: Source,
    told: Reading,
    *,
    rank: int = 0,
    world: int = 1,
    parts: int = 1,
    seed: int,
    most: int = 0,
    split: str = "dev",
) -> Iterator[Batch]:
    """Yield batches of the dev split: always the same ones, with the same masks; `most` over all processes.

    All processes have as many: what is too much counts for nothing.
    """
    batches = Batches(source.shards, split, replace(told, shuffle="no"), rank=rank, world=world, parts=parts)
    prepare = Prepare(source.objectives, key(seed, "dev"), source.control)
    made = map(prepare, map(tensors, batches.epoch()))
    for round_, batch in enumerate(islice(made, -(-most * parts // world) or None)):
        if most and round_ * world + rank >= most * parts:
            batch["batch.repeated"] = True
        yield batch
