"""Which examples make which batch: an epoch's order is cut into windows, a window into batches.

A plan knows nothing of ranks and workers: the batches of an epoch are the same, in the same order, whoever
reads them. So a run may go on with other numbers of both. Nothing is held but a window: its rows and lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from kbtools.errors import ConfigError
from kbtools.shards.base import I64
from kbtools.shards.reading.order import keyed, permuted, rows_at
from kbtools.shards.reading.packing import pack
from kbtools.shards.reading.settings import Reading

LOOKED_AT = 1 << 20  # lengths
UNSORTED = 64  # batches that are planned at once, where none are sorted
ORDER, BATCHES, PACKED = 0, 1, 2  # what is drawn


class Place(NamedTuple):
    """A batch of an epoch."""

    epoch: int
    window: int
    within: int  # the window
    number: int  # of the epoch


class Planned(NamedTuple):
    """A batch to be read."""

    place: Place
    rows: I64  # [N] examples, row after row
    bounds: I64 | None  # [B + 1] where the rows of a packed batch begin in `rows`
    repeated: bool = False  # another rank has it too: it fills a round


class Plan:
    """The batches of one table, for any epoch."""

    def __init__(
        self, size: int, tokens: int, room: int, reading: Reading, lengths: Callable[[I64], I64]
    ) -> None:
        self.size, self.reading, self.room, self.lengths = size, reading, room, lengths
        mean = max(tokens / size, 1.0) if size else 1.0
        whole = -(-room // reading.multiple_of) * reading.multiple_of  # a packed row, with its padding
        self.packed_rows = reading.rows or reading.tokens // whole
        if reading.packed and not self.packed_rows:
            raise ConfigError(f"tokens is {reading.tokens}: not one packed row of {whole}; give more")
        if reading.packed:
            each = int(self.packed_rows * room / mean)
        else:
            each = reading.rows or int(reading.tokens / mean)
        self.most = self._most()
        self.window = max(each, 1) * (reading.window or UNSORTED)

    def _most(self) -> int | None:
        """Return how many tokens an example may have; None: any number."""
        if self.reading.packed:
            return self.room
        step = self.reading.multiple_of
        return self.reading.tokens // step * step if self.reading.rows is None else None

    @property
    def windows(self) -> int:
        """How many windows an epoch has."""
        return -(-self.size // self.window)

    def check(self, longest: int | None) -> None:
        """Refuse examples that fit in no batch before training begins, not when their turn comes.

        `longest`: as many tokens as any example has, or more; without it, or if it is too large, all are
        looked at.
        """
        if self.most is None or (longest is not None and longest <= self.most):
            return
        for first in range(0, self.size, LOOKED_AT):
            rows = np.arange(first, min(first + LOOKED_AT, self.size))
            self._refuse(rows, self.lengths(rows))

    def _refuse(self, rows: I64, lengths: I64) -> None:
        if self.most is None or lengths.max(initial=0) <= self.most:
            return
        worst = int(lengths.argmax())
        told = f"max_length is {self.room}" if self.reading.packed else f"tokens is {self.reading.tokens}"
        raise ConfigError(f"{told}, but example {rows[worst]} alone has {lengths[worst]} tokens; give more")

    def batches(self, start: Place) -> Iterator[Planned]:
        """Yield the batches of an epoch from a place on."""
        number, within = start.number, start.within
        for window in range(start.window, self.windows):
            groups = self._groups(start.epoch, window)
            for at in range(within, len(groups)):
                rows, bounds = groups[at]
                yield Planned(Place(start.epoch, window, at, number), rows, bounds)
                number += 1
            within = 0

    def _groups(self, epoch: int, window: int) -> list[tuple[I64, I64 | None]]:
        reading = self.reading
        key = keyed(reading.seed, epoch)
        places = np.arange(window * self.window, min((window + 1) * self.window, self.size))
        rows = rows_at(places, self.size, reading.shuffle, keyed(key, ORDER), reading.block)
        if reading.packed:
            return self._packed(rows, keyed(key, PACKED, window))
        fixed = reading.rows is not None and not reading.window
        lengths = np.zeros(len(rows), np.int64) if fixed else self.lengths(rows)
        self._refuse(rows, lengths)
        if reading.window:
            order = in_order(lengths)
            rows, lengths = rows[order], lengths[order]
        ends = self._ends(lengths)
        cut = [(rows[a:b], None) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
        if reading.drop_last and window == self.windows - 1:
            cut = [one for one in cut if len(one[0]) == reading.rows]
        if not reading.window or reading.shuffle == "no":
            return [*cut]
        return [cut[at] for at in permuted(np.arange(len(cut)), len(cut), keyed(key, BATCHES, window))]

    def _ends(self, lengths: I64) -> list[int]:
        """Say where batches end: as many rows as are asked for, or as the tokens allow."""
        if self.reading.rows is not None:
            return [*range(self.reading.rows, len(lengths), self.reading.rows), len(lengths)]
        step, most = self.reading.multiple_of, self.reading.tokens
        padded = np.maximum(-(-lengths // step) * step, 1)
        ends, first = [], 0
        while first < len(lengths):
            longest = np.maximum.accumulate(padded[first : first + most // int(padded[first])])
            size = longest * np.arange(1, len(longest) + 1)  # it never falls
            first += int(np.searchsorted(size, most, side="right"))
            ends.append(first)
        return ends

    def _packed(self, rows: I64, key: int) -> list[tuple[I64, I64 | None]]:
        """Pack the examples of a window; rows are shuffled, so that no batch has all the long ones."""
        lengths = self.lengths(rows)
        self._refuse(rows, lengths)
        packed = pack(lengths, self.room)
        count = len(packed.lengths)
        order = permuted(np.arange(count), count, key) if self.reading.shuffle != "no" else np.arange(count)
        found: list[tuple[I64, I64 | None]] = []
        for first in range(0, count, self.packed_rows):
            mine = order[first : first + self.packed_rows]
            members = [packed.values[packed.offsets[at] : packed.offsets[at + 1]] for at in mine]
            bounds = np.cumsum([0, *map(len, members)])
            found.append((rows[np.concatenate(members)], bounds))
        return found


def in_order(lengths: I64) -> I64:
    """Sort by length, those of equal length as they come; small numbers are sorted by their digits."""
    small = len(lengths) > 0 and lengths.max() < 1 << 16
    found: I64 = np.argsort(lengths.astype(np.uint16) if small else lengths, kind="stable")
    return found
