"""Spans of code points become spans of tokens, by where they stand and never by what they say."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.shards.assembly import Placed, lists
from kbtools.shards.base import I64, SPAN, Bools
from kbtools.tokens.stream import Stream
from kbtools.tokens.touching import touched

Snap = Literal["drop", "outwards"]
SNAP = "A span that cuts through a token: leave it out, or take the whole token."


class Aligned(NamedTuple):
    """Where K spans stand among the tokens."""

    spans: I64  # [K, 2] tokens of the stream; those that a span cuts through are in it
    cut: Bools  # [K] it begins or ends inside a token
    empty: Bools  # [K] it holds no token: white space, control characters

    def kept(self, snap: Snap, counts: Counter[str], what: str) -> I64:
        """Return the places of those to keep; what is left out is counted."""
        counts[f"{what} without tokens"] += int(self.empty.sum())
        counts[f"{what} cut by tokens"] += int((self.cut & ~self.empty).sum())
        wanted = ~self.empty if snap == "outwards" else ~(self.empty | self.cut)
        return np.flatnonzero(wanted)


def align(
    stream: Stream, document: NDArray[Any], start: NDArray[np.integer], end: NDArray[np.integer]
) -> Aligned:
    """Find the tokens of spans [start, end) of documents: those that share a character with them."""
    told = (np.asarray(one, np.int64) for one in (document, start, end))
    document, start, end = told
    if not len(stream.ids):
        nothing = np.zeros(len(start), np.bool_)
        return Aligned(np.zeros((len(start), 2), np.int64), nothing, ~nothing)
    low, high = touched(stream, document, start, end)
    empty = (low >= high) | (start >= end)
    high = np.where(empty, low, high)
    first, last = np.where(empty, 0, low), np.where(empty, 0, high - 1)
    cut = (stream.start[first] < start) | (stream.end[last] > end)
    return Aligned(np.stack([low, high], axis=1), cut & ~empty, empty)


def column(placed: Placed, rows: int) -> pa.ListArray:
    """Write down the spans of each row, as they stand in it."""
    flat = np.stack([placed.start, placed.end], axis=1).astype(np.int32).ravel()
    return lists(placed.offsets(rows), pa.FixedSizeListArray.from_arrays(pa.array(flat), type=SPAN))
