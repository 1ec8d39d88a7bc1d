"""Spans of documents and what they are said to mean, as columns: what is right, or what a system answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NIL = -1  # known to be in no knowledge base
ANY = -2  # gold alone: a number or a date; whatever is linked there is neither right nor wrong


@dataclass(frozen=True, eq=False)
class Ragged:
    """A list for each row: that of row i is values[offsets[i]:offsets[i + 1]]."""

    offsets: Longs
    values: Longs

    def __len__(self) -> int:
        return self.offsets.size - 1

    @property
    def lengths(self) -> Longs:
        """How long each list is."""
        return np.diff(self.offsets)

    @property
    def owner(self) -> Longs:
        """The row of each value."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, rows: ArrayLike) -> Ragged:
        """Keep the lists of some rows."""
        at = np.asarray(rows, np.int64)
        lengths = self.lengths[at]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        return Ragged(offsets, self.values[spread(self.offsets[:-1][at], lengths)])


def spread(starts: Longs, lengths: Longs) -> Longs:
    """Return the numbers of many ranges one after the other.

    >>> spread(np.array([3, 10]), np.array([2, 3])).tolist()
    [3, 4, 10, 11, 12]
    """
    before = np.cumsum(lengths) - lengths
    numbers: Longs = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return numbers


def ragged(lists: Sequence[Sequence[int]]) -> Ragged:
    """Lay lists out.

    >>> ragged([[7], [], [8, 9]]).offsets.tolist()
    [0, 1, 1, 3]
    """
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)
    return Ragged(offsets, np.array([value for one in lists for value in one], np.int64))


def no_lists(rows: int) -> Ragged:
    """Return a list for each row, all empty."""
    return Ragged(np.zeros(rows + 1, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class Annotations:
    """N annotations. Where several are equally good, the one that stands first is taken."""

    doc: Longs  # [N] number of the document
    start: Longs  # [N] code points
    end: Longs  # [N]
    entity: Longs  # [N] a number from 0, NIL or ANY
    score: Floats  # [N] how sure a system is
    optional: Bools  # [N] gold: need not be found
    parent: Longs  # [N] gold: the row of the label it is nested in; −1: none
    others: Ragged  # [N] gold: entities that are right as well
    candidates: Ragged  # [N] system: entities that it chose from, best first

    def __len__(self) -> int:
        return self.doc.size

    @property
    def known(self) -> Bools:
        """Which have an entity."""
        return self.entity >= 0

    def take(self, rows: ArrayLike) -> Annotations:
        """Keep some rows, in the order asked for, or those that are marked."""
        at = np.asarray(rows)
        at = np.flatnonzero(at) if at.dtype == np.bool_ else at.astype(np.int64)
        place = np.full(len(self) + 1, -1, np.int64)  # the last one: of the parent −1
        place[at] = np.arange(at.size)
        return Annotations(
            doc=self.doc[at],
            start=self.start[at],
            end=self.end[at],
            entity=self.entity[at],
            score=self.score[at],
            optional=self.optional[at],
            parent=place[self.parent[at]],
            others=self.others.take(at),
            candidates=self.candidates.take(at),
        )

    def linked_to(self, entity: Longs) -> Annotations:
        """Return the same spans with other entities."""
        return replace(self, entity=entity)


def annotate(
    doc: ArrayLike,
    start: ArrayLike,
    end: ArrayLike,
    entity: ArrayLike,
    *,
    score: ArrayLike | None = None,
    optional: ArrayLike | None = None,
    parent: ArrayLike | None = None,
    others: Ragged | None = None,
    candidates: Ragged | None = None,
) -> Annotations:
    """Build annotations from columns of one length."""
    docs = np.asarray(doc, np.int64)
    rows = docs.size
    made = Annotations(
        doc=docs,
        start=np.asarray(start, np.int64),
        end=np.asarray(end, np.int64),
        entity=np.asarray(entity, np.int64),
        score=np.ones(rows) if score is None else np.asarray(score, np.float64),
        optional=np.zeros(rows, np.bool_) if optional is None else np.asarray(optional, np.bool_),
        parent=np.full(rows, -1, np.int64) if parent is None else np.asarray(parent, np.int64),
        others=no_lists(rows) if others is None else others,
        candidates=no_lists(rows) if candidates is None else candidates,
    )
    if {len(column) for column in vars(made).values()} != {rows}:
        raise ValueError("columns of annotations have different lengths")
    return made
