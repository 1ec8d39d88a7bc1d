"""Long texts in windows that overlap: each token's vector comes from the window where it is most central.

text     a b c d e f g h i j          windows of 6 tokens, 2 of them shared
windows  a b c d e f
e f g h i j          a … e are of the first, f … j of the second
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kbtools.arrays import ranges

I64: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]


class Windows(NamedTuple):
    """W stretches of the stream of tokens that are run, text by text."""

    text: I64  # [W] whose it is
    start: I64  # [W] its tokens: up to `stop`
    stop: I64  # [W]
    low: I64  # [W] of these, its own: those for which no other window has more context on both sides
    high: I64  # [W]


class Places(NamedTuple):
    """P stretches of windows that become a vector each; a text in several windows has several."""

    unit: I64  # [P] never falls
    window: I64  # [P]
    start: I64  # [P] tokens of the stream
    stop: I64  # [P]
    cut: int  # units that are longer than what is left of their window

    def only(self, low: int, high: int) -> Places:
        """Return some of them, from one to another."""
        unit, window, start, stop = (one[low:high] for one in self[:4])
        return Places(unit, window, start, stop, self.cut)


def windows(texts: I64, size: int, step: int) -> Windows:
    """Lay windows of `size` tokens over texts [N, 2], `step` tokens apart; the last one ends its text."""
    length = texts[:, 1] - texts[:, 0]
    many = 1 + np.maximum(0, -((size - length) // step))
    text = np.repeat(np.arange(len(texts)), many)
    nth = ranges(np.zeros_like(many), many)
    start = texts[text, 0] + np.minimum(nth * step, np.maximum(length - size, 0)[text])
    low = start.copy()
    later = np.flatnonzero(nth > 0)
    low[later] = (start[later - 1] + start[later] + size) // 2  # half way between the middles of both
    high = np.append(low[1:], 0)[: len(low)]
    last = np.cumsum(many) - 1
    high[last] = texts[:, 1]
    return Windows(text, start, np.minimum(start + size, texts[text, 1]), low, high)


def of_texts(found: Windows) -> Places:
    """Return the places of texts: of each of their windows, what is its own."""
    return Places(found.text, np.arange(len(found.text)), found.low, found.high, 0)


def of_spans(found: Windows, spans: I64) -> Places:
    """Return the places of spans [K, 2] of tokens: each in the window in which its middle is most central.

    Windows are of all texts that have spans, in the order of the stream.
    """
    middle = (spans[:, 0] + spans[:, 1] - 1) // 2
    window = np.searchsorted(found.low, middle, side="right") - 1
    start, stop = np.maximum(spans[:, 0], found.start[window]), np.minimum(spans[:, 1], found.stop[window])
    cut = int(((start > spans[:, 0]) | (stop < spans[:, 1])).sum())
    return Places(np.arange(len(spans)), window, start, stop, cut)


def slices(places: Places, most: int) -> list[tuple[int, int]]:
    """Divide places into runs of about `most`, at changes of the window: a window is run once."""
    changes = np.flatnonzero(np.diff(places.window)) + 1
    found, low = [], 0
    while len(places.unit) - low > most:
        at = np.searchsorted(changes, low + most, side="right")
        before = changes[at - 1] if at and changes[at - 1] > low else None
        cut = before if before is not None else (changes[at] if at < len(changes) else None)
        if cut is None:
            break
        found.append((low, int(cut)))
        low = int(cut)
    return [*found, (low, len(places.unit))]
