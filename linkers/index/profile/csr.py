"""Rows of different lengths, one after the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.hashing import mix
from kbtools.arrays import ranges
from kbtools.linkers.base import Longs

SIXTEENTHS = 16  # weights of words are whole numbers of sixteenths


class Csr(NamedTuple):
    """What belongs to row i is values[offsets[i]:offsets[i + 1]], in ascending order."""

    offsets: Longs  # [N + 1]
    values: NDArray[np.uint32]
    weights: NDArray[np.uint16] | None = None  # of words: in sixteenths

    def lengths(self, rows: Longs) -> Longs:
        """Count what belongs to rows; nothing to row −1."""
        if len(self.offsets) == 1:
            return np.zeros(len(rows), np.int64)
        known = np.maximum(rows, 0)
        found: Longs = np.where(rows >= 0, self.offsets[known + 1] - self.offsets[known], 0)
        return found

    def take(self, rows: Longs) -> tuple[Longs, Longs]:
        """Return how much belongs to each row, and the places of all that in `values`, row by row."""
        lengths = self.lengths(rows)
        return lengths, ranges(self.offsets[np.maximum(rows, 0)], lengths)


def drawn(rows: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Return the number by which rows are drawn: of many neighbours those with the smallest are kept.

    As it is the same for all lists, samples of two lists have in common what the lists have, in proportion
    (Broder 1997): below the smaller of both lists' largest numbers both samples are whole.
    """
    found: Any = mix(rows.astype(np.uint64) + np.uint64(1))
    drawn_by: NDArray[np.uint64] = found
    return drawn_by


def offsets_of(lengths: NDArray[np.integer]) -> Longs:
    """Return where each row begins and the last ends."""
    found = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=found[1:])
    return found
