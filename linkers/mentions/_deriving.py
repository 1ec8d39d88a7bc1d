"""Mentions derived from other mentions of the document: they bring along what is known of those."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.base import KINDS, Longs, Mentions, joined, take

GIVEN = [KINDS.index(kind) for kind in ("gold", "user", "anchor")]  # somebody said: here is a mention


class Repeats(NamedTuple):
    """Places in texts, and the mention that each gets its meaning from; an earlier row beats a later one."""

    text: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    parent: Longs  # rows of the mentions there are


def repeats(rows: list[tuple[int, int, int, int]]) -> Repeats:
    """Put rows of text, start, end, parent together."""
    table = np.array(rows, np.int64).reshape(-1, 4)
    text, start, end = (table[:, at].astype(np.int32) for at in range(3))
    return Repeats(text, start, end, table[:, 3])


def same_place(mentions: Mentions, where: Repeats) -> Longs:
    """Return the mention that stands at each place in the knowledge base of its parent; −1: none does."""
    kbs = mentions.kb[where.parent]
    here = np.stack([mentions.text, mentions.start, mentions.end, mentions.kb]).astype(np.int64)
    there = np.stack([where.text, where.start, where.end, kbs]).astype(np.int64)
    _, number = np.unique(np.concatenate([here, there], axis=1), axis=1, return_inverse=True)
    number = number.reshape(-1)
    found = np.full(int(number.max()) + 1 if len(number) else 0, -1, np.int64)
    found[number[: len(mentions)][::-1]] = np.arange(len(mentions))[::-1]
    result: Longs = found[number[len(mentions) :]]
    return result


def copies(mentions: Mentions, where: Repeats, kind: str) -> Mentions:
    """Return mentions at these places that have what their parents have, but for place and kind.

    A mention that somebody gave stays of its kind.
    """
    own = same_place(mentions, where)
    given = (own >= 0) & np.isin(mentions.kind[own], GIVEN)
    kinds = np.where(given, mentions.kind[own], KINDS.index(kind)).astype(np.uint8)
    return take(mentions, where.parent)._replace(
        text=where.text, start=where.start, end=where.end, kind=kinds, parent=where.parent.astype(np.int32)
    )


def known(mentions: Mentions, where: Repeats) -> Repeats:
    """Keep the places where a mention stands already."""
    kept = same_place(mentions, where) >= 0
    return Repeats(where.text[kept], where.start[kept], where.end[kept], where.parent[kept])


def put_before(derived: Mentions, mentions: Mentions) -> Mentions:
    """Put derived mentions, whose parents are rows of `mentions`, in the place of those that stand there."""
    if not len(derived):
        return mentions
    # `joined` counts the rows of the first part as they are: what lies behind them is the second part
    first = derived._replace(parent=derived.parent + np.int32(len(derived)))
    return joined([first, mentions])
