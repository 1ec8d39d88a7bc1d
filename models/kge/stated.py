"""Triples as a knowledge base and its overlays state them, in order, each once in each split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.kb import statements
from kbtools.kb.reader import Base

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Rows = statements.Triples
COUNTED = ("duplicates", "valid also in train", "test also in train")


class Triples(NamedTuple):
    """Some triples, column by column; split 0 is train, 1 valid, 2 test."""

    head: I64
    relation: I64
    tail: I64
    split: U8

    def take(self, which: Any) -> Triples:
        """Return some of them, by place or by mask."""
        return Triples(*(column[which] for column in self))


def distinct(base: Base, rank: str, wanted: Bools, counts: Counter[str]) -> Iterator[Triples]:
    """Yield triples of wanted relations, sorted by head, relation, tail; add what is noteworthy to `counts`.

    Who is in no split is in train. `rank`: "best", "not-deprecated" or "all" of the statements.
    """
    entities = base.kb.rows("entities")
    counts.update(dict.fromkeys(COUNTED, 0))
    for stated in merged([_of_part(base, place) for place in range(len(base.parts))]):
        if max(stated.head.max(initial=0), stated.tail.max(initial=0)) >= entities:
            raise ArtefactError(f"{base.kb.path}: triples of entities that are not there; verify it: --deep")
        if stated.relation.max(initial=0) >= len(wanted):
            raise ArtefactError(f"{base.kb.path}: triples of relations that are not there; verify it: --deep")
        kept = wanted[stated.relation]
        if rank != "all":
            kept &= stated.best if rank == "best" else stated.rank >= 0
        rows = stated.take(kept)
        if len(rows.head):
            yield _once(rows, counts)


def _of_part(base: Base, place: int) -> Iterator[Rows]:
    """Read the base or an overlay; all rows of a triple come together."""
    tasks = [task for task in statements.parts(base) if task["place"] == place]
    found = chain.from_iterable(statements.scan(base, **task) for task in tasks)
    return (rows for rows in found if len(rows.head))


def _once(rows: Rows, counts: Counter[str]) -> Triples:
    """Take each triple once in each split."""
    split = np.where(rows.split == statements.UNSAID, np.uint8(0), rows.split)
    new = np.ones(len(split), np.bool_)
    new[1:] = np.any([np.diff(column) for column in rows[:3]], axis=0)
    if not new.all():
        group = np.cumsum(new)
        _, first = np.unique(group * 4 + split, return_index=True)
        counts["duplicates"] += len(split) - len(first)
        rows, split, group = rows.take(first), split[first], group[first]
        _, start, which = np.unique(group, return_index=True, return_inverse=True)
        trained = (split[start] == 0)[which]  # train is the first of a triple's splits
        for place, name in enumerate(COUNTED[1:], 1):
            counts[name] += int((trained & (split == place)).sum())
    return Triples(rows.head, rows.relation, rows.tail, split)


def merged(streams: list[Iterator[Rows]]) -> Iterator[Rows]:
    """Merge sorted triples; all rows of one come together, if they do so in each stream."""
    heads = [(stream, rows) for stream in streams if (rows := next(stream, None)) is not None]
    while len(heads) > 1:
        limit = min((int(rows.head[-1]), int(rows.relation[-1]), int(rows.tail[-1])) for _, rows in heads)
        taken, left = [], []
        for stream, rows in heads:
            count = _up_to(rows, limit)
            taken.append(rows.take(slice(count)))
            rest: Rows | None = (
                rows.take(slice(count, None)) if count < len(rows.head) else next(stream, None)
            )
            if rest is not None:
                left.append((stream, rest))
        columns: Iterator[Any] = zip(*taken, strict=True)
        rows = Rows._make(np.concatenate(column) for column in columns)
        yield rows.take(np.lexsort((rows.tail, rows.relation, rows.head)))
        heads = left
    for stream, rows in heads:
        yield rows
        yield from stream


def _up_to(rows: Rows, limit: tuple[int, int, int]) -> int:
    """Count the triples that come no later than one."""
    head, relation, tail = limit
    inside = (rows.relation < relation) | ((rows.relation == relation) & (rows.tail <= tail))
    return int(((rows.head < head) | ((rows.head == head) & inside)).sum())
