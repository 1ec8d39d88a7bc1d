"""Which annotation of a system answers which one of gold.

GERBIL (Röder, Usbeck, Ngonga Ngomo 2018, "GERBIL – Benchmarking Named Entity Recognition and Linking
consistently") counts like this, and so do we: gold annotations in their order each take the first annotation
that fits and is not taken yet. What is left over is a false positive, a double one too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kbtools.metrics.linking.annotations import NIL, Annotations, Bools, Longs, spread


class Pairs(NamedTuple):
    """Rows of gold and rows of a system that go together, ordered by both."""

    gold: Longs
    system: Longs

    def where(self, kept: Bools) -> Pairs:
        """Keep those that are marked."""
        return Pairs(self.gold[kept], self.system[kept])


def joined(left: Longs, right: Longs) -> Pairs:
    """Pair all rows whose keys are equal.

    >>> [column.tolist() for column in joined(np.array([5, 6]), np.array([6, 5, 6]))]
    [[0, 1, 1], [1, 0, 2]]
    """
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    first = np.searchsorted(ordered, left, side="left")
    lengths = np.searchsorted(ordered, left, side="right") - first
    return Pairs(np.repeat(np.arange(left.size), lengths), order[spread(first, lengths)])


def keys(*columns: tuple[Longs, Longs]) -> tuple[Longs, Longs]:
    """Give rows of two tables a number each; rows with equal values have the same one."""
    size = columns[0][0].size
    both = [np.concatenate(column) for column in columns]
    order = np.lexsort(both[::-1])
    steps = np.zeros(order.size, np.bool_)
    for column in both:
        steps[1:] |= np.diff(column[order]) != 0
    number = np.empty(order.size, np.int64)
    number[order] = np.cumsum(steps)
    return number[:size], number[size:]


def same_span(gold: Annotations, system: Annotations) -> Pairs:
    """Pair annotations of the same characters."""
    return joined(*keys((gold.doc, system.doc), (gold.start, system.start), (gold.end, system.end)))


def overlapping(gold: Annotations, system: Annotations) -> Pairs:
    """Pair annotations that share a character.

    All documents are laid on one line. Of two that overlap, one begins inside the other: a search for what
    begins inside each finds every pair, and no others are looked at.
    """
    room = 1 + max(int(ends.max(initial=0)) for ends in (gold.end, system.end))
    left, right = gold.doc * room, system.doc * room
    later = _begin_inside(left + gold.start, left + gold.end, right + system.start)
    earlier = _begin_inside(right + system.start + 1, right + system.end, left + gold.start)
    first = np.concatenate([later.gold, earlier.system])
    second = np.concatenate([later.system, earlier.gold])
    order = np.lexsort([second, first])
    return Pairs(first[order], second[order])


def _begin_inside(start: Longs, end: Longs, begin: Longs) -> Pairs:
    """Pair each range with the rows that begin in it."""
    order = np.argsort(begin, kind="stable")
    ordered = begin[order]
    first = np.searchsorted(ordered, start, side="left")
    lengths = np.maximum(np.searchsorted(ordered, end, side="left") - first, 0)
    return Pairs(np.repeat(np.arange(start.size), lengths), order[spread(first, lengths)])


def agree(gold: Annotations, system: Annotations, pairs: Pairs) -> Bools:
    """Mark the pairs that mean the same: one of the right entities, or both are in no knowledge base."""
    ours, theirs = gold.entity[pairs.gold], system.entity[pairs.system]
    right: Bools = np.where(theirs >= 0, is_right(gold, pairs.gold, theirs), ours <= NIL)
    return right


def is_right(gold: Annotations, rows: Longs, entity: Longs) -> Bools:
    """Tell for rows of gold, which may be repeated, whether an entity is one that is right there."""
    right: Bools = (gold.entity[rows] == entity) & (entity >= 0)
    if gold.others.values.size:
        lengths = gold.others.lengths[rows]
        wanted = np.repeat(entity, lengths)
        there = gold.others.values[spread(gold.others.offsets[:-1][rows], lengths)]
        owner = np.repeat(np.arange(rows.size), lengths)
        right[owner[there == wanted]] = True
    return right


def one_to_one(first: Longs, second: Longs) -> Bools:
    """Mark the pairs that are kept if each row of `first`, in order, takes the first free one of `second`.

    Pairs stand in that order. What nobody else wants is taken at once, the rest pair by pair.

    >>> one_to_one(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])).tolist()
    [True, False, True, False]
    """
    if not first.size:
        return np.zeros(0, np.bool_)
    kept: Bools = (np.bincount(first)[first] == 1) & (np.bincount(second)[second] == 1)
    served: set[int] = set()
    taken: set[int] = set()
    contested = np.flatnonzero(~kept)
    rows = zip(contested.tolist(), first[contested].tolist(), second[contested].tolist(), strict=True)
    for place, one, other in rows:
        if one not in served and other not in taken:
            kept[place] = True
            served.add(one)
            taken.add(other)
    return kept
