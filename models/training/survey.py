"""What the shards of a task give a run: how many examples, how long, how much is of use, how often read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, pairwise
from typing import NamedTuple

import msgspec

from kbtools.errors import ConfigError
from kbtools.models.training.feeding import Size
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.planning import Place, Planned
from kbtools.shards.reading.settings import Reading

LOOKED_AT = 200  # batches from which the share of padding is told


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What is read for one task, in all stages."""

    name: str
    path: str
    examples: int
    dev: int
    tokens: int
    mean: float  # tokens of an example
    longest: int | None
    steps: float
    epochs: float  # that the steps are
    useful: float  # tokens that are no padding
    packed: float | None  # the same if rows were packed, where they are not


class Read(NamedTuple):
    """How a stage reads a task, and in how many of its steps."""

    size: Size
    steps: float


class Sums(NamedTuple):
    """Of some batches."""

    batches: int
    examples: int
    tokens: int
    room: int  # tokens and padding

    @property
    def useful(self) -> float:
        """The share that is no padding."""
        return self.tokens / max(self.room, 1)


def survey(
    name: str, shards: Shards, reads: Sequence[Read], *, packed: bool, seed: int, processes: int = 1
) -> Task:
    """Plan some batches of each stage that reads this task; only lengths are looked at."""
    sums = [_look(shards, read.size, packed, seed) for read in reads]
    examples = shards.rows("train")
    seen = sum(
        read.steps * read.size.accumulate * processes * one.examples / max(one.batches, 1)
        for read, one in zip(reads, sums, strict=True)
    )
    return Task(
        name=name,
        path=str(shards.path),
        examples=examples,
        dev=shards.rows("dev"),
        tokens=shards.tokens("train"),
        mean=shards.tokens("train") / max(examples, 1),
        longest=shards.longest("train"),
        steps=sum(read.steps for read in reads),
        epochs=seen / max(examples, 1),
        useful=sums[0].useful if sums else 0.0,
        packed=_packed(shards, reads[0].size, seed) if reads and not packed else None,
    )


def _packed(shards: Shards, size: Size, seed: int) -> float | None:
    try:
        return _look(shards, size, True, seed).useful
    except ConfigError:  # such as rows that are too short for an example
        return None


def _look(shards: Shards, size: Size, packed: bool, seed: int) -> Sums:
    """Plan batches as a run of one process would, and add up what is in them."""
    rows = size.rows and size.rows * size.parts(1)
    reading = Reading(rows=rows, tokens=size.tokens or Reading.tokens, packed=packed, seed=seed)
    batches = Batches(shards, "train", reading, parts=size.parts(1))
    found = [
        _sums(batch, shards, reading.multiple_of)
        for batch in islice(batches.cut(Place(0, 0, 0, 0)), LOOKED_AT)
    ]
    return Sums(*(sum(column) for column in zip(*found, strict=True))) if found else Sums(0, 0, 0, 0)


def _sums(batch: Planned, shards: Shards, step: int) -> Sums:
    lengths = shards.lengths("train", batch.rows)
    bounds = range(len(lengths) + 1) if batch.bounds is None else batch.bounds.tolist()
    rows = [int(lengths[a:b].sum()) for a, b in pairwise(bounds)]
    room = len(rows) * (-(-max(rows, default=0) // step) * step)
    return Sums(1, len(lengths), int(lengths.sum()), room)
