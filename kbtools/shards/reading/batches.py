"""Batches for training: every example once in an epoch, over all ranks; to be left and gone on with anywhere.

The plan of an epoch (`planning`) is one row of batches. They are handed out in rounds: of each `world`
batches, every rank gets one, so all ranks do as many steps. The last round of an epoch may lack some; `even`
says what is done. Where a batch is what all ranks do together, it is cut into `parts`, which are handed out
in its place: then a step has the same examples, however many ranks share it. Of a rank's batches, worker w
of n reads those numbered w, w + n, w + 2n ..., which is the order in which torch asks its workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal

import numpy as np

from kbtools.errors import ConfigError
from kbtools.shards.reader import Shards
from kbtools.shards.reading.collating import Batch
from kbtools.shards.reading.planning import Place, Plan, Planned
from kbtools.shards.reading.rows import Rows
from kbtools.shards.reading.settings import Reading

Even = Literal["repeat", "drop", "no"]
TOGETHER = 1 << 16  # tokens that are gathered at once, about: several batches
State = dict[str, Any]


class Batches:
    """An iterator of epochs: each `for` goes on where the last one ended, or was left.

    A batch says which rows it has (`batch.rows`) in which epoch (`batch.epoch`), whether another rank has it
    too (`batch.repeated`), and where a run that has done it goes on (`batch.next`).
    """

    def __init__(
        self,
        shards: Shards,
        split: str = "train",
        reading: Reading = Reading(),  # noqa: B008 - frozen
        *,
        rank: int = 0,
        world: int = 1,
        even: Even = "repeat",
        parts: int = 1,
    ) -> None:
        if not 0 <= rank < world:
            raise ConfigError(f"rank is {rank} of {world}: it is 0 at least, and below {world}")
        if parts != 1 and parts % world:
            raise ConfigError(f"a batch of {parts} parts cannot be shared out among {world} ranks")
        self.shards, self.split, self.reading = shards, split, reading
        self.rank, self.world, self.even, self.parts = rank, world, even, parts
        self.rows = Rows(
            shards,
            split,
            columns=reading.columns,
            multiple_of=reading.multiple_of,
            pads=reading.pads,
            classes=reading.classes,
        )
        if reading.packed:
            self.rows.need_tokens()
        self.plan = Plan(len(self.rows), shards.tokens(split), self._room(), reading, self.rows.lengths)
        self.plan.check(shards.longest(split))
        self.mean = max(shards.tokens(split) / max(len(self.rows), 1), 1.0)  # tokens of an example
        self.place = Place(0, 0, 0, 0)
        self.counts: Counter[str] = Counter()  # what became of last rounds, in this process

    def _room(self) -> int:
        """Return how many tokens a packed row may have."""
        room = self.reading.max_length or self.shards.max_length
        if self.reading.packed and not room:
            raise ConfigError(f"{self.shards.path} does not say how long examples may be; give max_length")
        return int(room or 1)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch()

    def epoch(self, worker: int = 0, workers: int = 1) -> Iterator[Batch]:
        """Yield what is left of the epoch; of a rank's batches, those of one worker."""
        start = self.place
        for batch in self._read(islice(self._mine(start), worker, None, workers)):
            self.place = Place(*batch["batch.next"].tolist())
            yield batch
        self.place = Place(start.epoch + 1, 0, 0, 0)

    def steps(self, epoch: int = 0) -> int:
        """Count the rounds of an epoch; it is planned for that, a quarter of a microsecond an example."""
        return sum(1 for _ in self._rounds(Place(epoch, 0, 0, 0), Counter()))

    def state(self) -> State:
        """Say where to go on: behind the batch handed out last. Plain data, the same for all ranks."""
        said = {"content": self.shards.content, "split": self.split, "plan": self.reading.plan}
        return {**self.place._asdict(), **said}

    def resume(self, state: State) -> None:
        """Go on where a state says; the numbers of ranks and workers may be others now."""
        for name, mine, cure in (
            ("content", self.shards.content, f"these are other shards than {self.shards.path}"),
            ("split", self.split, f"it is of another table than {self.split!r}"),
            ("plan", self.reading.plan, "batches were made with other settings; give the same"),
        ):
            if state.get(name) != mine:
                raise ConfigError(f"cannot go on reading at this state: {cure}")
        told = [state.get(name) for name in Place._fields]
        values = [value for value in told if isinstance(value, int) and value >= 0]
        if len(values) < len(told):
            raise ConfigError(f"cannot go on reading at this state: its place is {told}")
        self.place = Place(*values)

    def _mine(self, start: Place) -> Iterator[tuple[Planned, Place]]:
        for batches, after in self._rounds(start, self.counts):
            if self.rank < len(batches):
                yield batches[self.rank], after

    def _rounds(self, start: Place, counts: Counter[str]) -> Iterator[tuple[list[Planned], Place]]:
        """Yield the batches of all ranks, a round at a time, and where the next round begins."""
        planned = self.cut(start)
        held = [*islice(planned, self.world)]
        while held:
            coming = [*islice(planned, self.world)]
            if coming:
                yield held, coming[0].place
            elif full := self._evened(held, counts):
                yield full, Place(start.epoch + 1, 0, 0, 0)
            held = coming

    def cut(self, start: Place) -> Iterator[Planned]:
        """Yield the parts of batches from a place on; one that has no examples repeats one."""
        for batch in self.plan.batches(start):
            count = len(batch.rows if batch.bounds is None else batch.bounds[1:])
            for at in range(self.parts):
                first, stop = count * at // self.parts, count * (at + 1) // self.parts
                yield (
                    _part(batch, first, stop) if first < stop else _part(batch, 0, 1)._replace(repeated=True)
                )

    def _evened(self, last: list[Planned], counts: Counter[str]) -> list[Planned]:
        """Fill the last round of an epoch, or drop it, or leave it as it is."""
        lacking = self.world - len(last)
        if not lacking or self.even == "no":
            return last
        if self.even == "drop":
            counts["batches dropped"] += len(last)
            counts["examples dropped"] += sum(len(one.rows) for one in last)
            return []
        counts["batches repeated"] += lacking
        return last + [last[at % len(last)]._replace(repeated=True) for at in range(lacking)]

    def _read(self, planned: Iterator[tuple[Planned, Place]]) -> Iterator[Batch]:
        """Gather several batches at once: what a gathering costs beside its values is shared by them."""
        held: list[tuple[Planned, Place]] = []
        tokens = 0.0
        for one in planned:
            held.append(one)
            tokens += len(one[0].rows) * self.mean
            if tokens >= TOGETHER:
                yield from self._made(held)
                held, tokens = [], 0.0
        yield from self._made(held)

    def _made(self, held: list[tuple[Planned, Place]]) -> Iterator[Batch]:
        if not held:
            return
        gathered = self.rows.gather(np.concatenate([one.rows for one, _ in held]))
        stop = 0
        for one, after in held:
            start, stop = stop, stop + len(one.rows)
            batch = self.rows.part(gathered, start, stop, one.rows, one.bounds)
            batch["batch.epoch"] = one.place.epoch
            batch["batch.repeated"] = one.repeated
            batch["batch.next"] = np.array(after, np.int64)
            yield batch


def _part(batch: Planned, first: int, stop: int) -> Planned:
    """Return some rows of a batch; a row that is packed has several examples."""
    if batch.bounds is None:
        return batch._replace(rows=batch.rows[first:stop])
    bounds = batch.bounds[first : stop + 1]
    return batch._replace(rows=batch.rows[bounds[0] : bounds[-1]], bounds=bounds - bounds[0])
