"""Where the stream may be cut: never through a word, a mention, or whatever else a view wants whole."""

from __future__ import annotations

import numpy as np

from kbtools.shards.base import I64, Bools, Texts


def whole(texts: Texts) -> Bools:
    """Tell of each token whether a cut right before it is forbidden."""
    count = len(texts.stream.ids)
    spans = texts.whole[texts.whole[:, 1] - texts.whole[:, 0] > 1]
    steps = np.bincount(spans[:, 0] + 1, minlength=count + 1)
    steps -= np.bincount(spans[:, 1], minlength=count + 1)
    inside: Bools = np.cumsum(steps[:count]) > 0
    return inside | ~texts.stream.word


def inwards(texts: Texts, start: I64, stop: I64) -> tuple[I64, I64, Bools]:
    """Move the ends of pieces inwards to where a cut is allowed.

    Tells also which pieces could not be: of them nothing would be left, so they stay as they were.
    """
    free = np.append(np.flatnonzero(~whole(texts)), len(texts.stream.ids))
    first = free[np.searchsorted(free, start)]
    last = free[np.searchsorted(free, stop, "right") - 1]
    stuck = (first >= last) & (start < stop)
    return np.where(stuck, start, first), np.where(stuck, stop, last), stuck


def greedy(starts: I64, stops: I64, closed: Bools, room: int) -> I64:
    """Cut stretches of tokens into pieces of at most `room`; return all starts of pieces, in order.

    A cut goes before the last token where it is not `closed`; where it is nowhere open, at the very end.
    """
    free = np.maximum.accumulate(np.where(closed, -1, np.arange(len(closed))))  # the last open one
    found = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):  # few: sentences that are too long
        at = start
        while at < stop:
            found.append(at)
            reach = at + room
            if reach < stop:
                cut = int(free[reach])
                reach = cut if cut > at else reach
            at = reach
    return np.array(found, np.int64)
