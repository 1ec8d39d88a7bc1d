"""Mentions of texts laid out in windows of tokens: each is scored where it is most central.

A window has all mentions that stand wholly in it, as in training: they see each other. Texts that are longer
than a window are read in several, which overlap.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.models.features.windows import I64, Windows, windows
from kbtools.shards.spans import align
from kbtools.tokens.loading import Special
from kbtools.tokens.stream import Stream

SHARED = 4  # windows share one part in so many
Bools = NDArray[np.bool_]
F32 = NDArray[np.float32]


class Asked(NamedTuple):
    """M mentions with C candidates; those of mention i are offsets[i]:offsets[i + 1]."""

    text: I64  # [M]
    start: I64  # [M] code points
    end: I64  # [M]
    kb: I64  # [M]
    offsets: I64  # [M + 1]
    eid: I64  # [C]
    prior: F32  # [C]

    @classmethod
    def of(cls, given: Any) -> Asked:
        """Take the columns of whoever asks."""
        *numbers, prior = (getattr(given, name) for name in cls._fields)
        return cls._make([*(one.astype(np.int64) for one in numbers), prior.astype(np.float32)])


class Texts(NamedTuple):
    """Tokens of the texts, and how many are read at once."""

    stream: Stream
    special: Special
    window: int


class Laid(NamedTuple):
    """Windows, and the N places in them where mentions stand: by window, then by token."""

    texts: Texts
    windows: Windows
    asked: Asked  # with the candidates that are known alone
    back: I64  # [C] which candidate each of those is
    total: int  # candidates in all
    window: I64  # [N]
    mention: I64  # [N]
    spans: I64  # [N, 2] tokens of the stream
    own: Bools  # [N] whether the mention is scored here


def laid(texts: Texts, asked: Asked, known: Bools) -> Laid:
    """Lay texts and their mentions out; candidates that are not known are left out."""
    stream = texts.stream
    some, back = _known(asked, known)
    placed = align(stream, asked.text, asked.start, asked.end)
    edges = np.stack([stream.begins[:-1], stream.begins[1:]], axis=1)
    size = texts.window - int(texts.special.cls >= 0) - int(texts.special.sep >= 0)
    found = windows(edges[edges[:, 1] > edges[:, 0]], size, max(1, size - size // SHARED))
    there = np.flatnonzero(~placed.empty & (np.diff(some.offsets) > 0))
    order = there[np.lexsort((placed.spans[there, 1], placed.spans[there, 0]))]
    spans = placed.spans[order]
    low, high = (np.searchsorted(spans[:, 0], one) for one in (found.start, found.stop))
    window = np.repeat(np.arange(len(low)), high - low)
    nth = ranges(low, high - low)
    inside = spans[nth, 1] <= found.stop[window]
    window, nth = window[inside], nth[inside]
    return Laid(
        texts, found, some, back, len(known), window, order[nth], spans[nth], _own(found, window, nth, spans)
    )


def _own(found: Windows, window: I64, nth: I64, spans: I64) -> Bools:
    """Mark of the places of each mention the one with the most text on both sides."""
    around = np.minimum(spans[nth, 0] - found.start[window], found.stop[window] - spans[nth, 1])
    order = np.lexsort((window, -around, nth))
    own = np.zeros(len(nth), np.bool_)
    own[order[np.flatnonzero(np.diff(nth[order], prepend=-1))]] = True
    return own


def _known(asked: Asked, known: Bools) -> tuple[Asked, I64]:
    """Keep the candidates that are known; their priors are 1 in sum, or alike where all are 0."""
    count = len(asked.text)
    owner = np.repeat(np.arange(count), np.diff(asked.offsets))[known]
    many = np.bincount(owner, minlength=count)
    prior = asked.prior[known].astype(np.float64)
    sums = np.bincount(owner, prior, minlength=count)[owner]
    shares = np.divide(prior, sums, out=1 / np.maximum(many, 1)[owner], where=sums > 0)
    offsets = np.concatenate([[0], np.cumsum(many)])
    some = asked._replace(offsets=offsets, eid=asked.eid[known], prior=shares.astype(np.float32))
    return some, np.flatnonzero(known)
