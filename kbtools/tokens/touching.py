"""Which tokens a span of text touches: by where they stand, never by what they say."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


class Tokens(Protocol):
    """Tokens of documents, laid end to end, as a `Stream` has them."""

    @property
    def start(self) -> NDArray[np.int32]:
        """Where each begins in its document."""
        ...

    @property
    def end(self) -> NDArray[np.int32]:
        """Where each ends."""
        ...

    @property
    def begins(self) -> I64:
        """Where the tokens of each document begin."""
        ...


def touched(tokens: Tokens, document: I64, low: I64, high: I64) -> tuple[I64, I64]:
    """Return the first token that shares a character with each span [low, high), and behind the last.

    One that stands for no text (the second byte of a character) goes with the one before it. For a span that
    touches none, the second is not behind the first.
    """
    starts, ends, begins = tokens.start, tokens.end, tokens.begins
    # one running scale for all documents; a token without text stands half a step before what follows it
    size = 2 * (int(max(ends.max(initial=0), high.max(initial=0))) + 1)
    base = np.repeat(np.arange(len(begins) - 1), np.diff(begins)) * size
    after = np.maximum.accumulate(base + 2 * ends.astype(np.int64))
    before = base + 2 * starts.astype(np.int64) + (starts < ends)
    first = np.searchsorted(after, document * size + 2 * low, side="right")
    return first, np.searchsorted(before, document * size + 2 * high, side="right")
