"""The triples of a knowledge base, in order, each with all rows that state it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.kb.reader import Base, Kb

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

ROWS = 1 << 20  # of a task
COLUMNS = ["head", "relation", "tail", "rank", "best", "split"]
PLACES = pa.array(["train", "valid", "test"])
UNSAID = 255  # the knowledge base does not say which split


class Triples(NamedTuple):
    """Triples, column by column."""

    head: I64
    relation: I64
    tail: I64
    rank: NDArray[np.int8]
    best: Bools
    split: NDArray[np.uint8]  # a place in SPLITS, or UNSAID

    def take(self, which: Any) -> Triples:
        """Return some of them, by place or by mask."""
        return Triples(*(column[which] for column in self))

    def same(self, other: Triples, place: int) -> Bools:
        """Tell which are the triple that stands at a place of another."""
        found: Bools = self.head == other.head[place]
        found &= (self.relation == other.relation[place]) & (self.tail == other.tail[place])
        return found


def parts(base: Base) -> list[dict[str, Any]]:
    """Divide the triples into runs of row groups of the base and of each overlay."""
    found = []
    for place, kb in enumerate(base.parts):
        sizes = [size for *_, size in _groups(kb)]
        ends = np.cumsum(sizes) // ROWS
        edges = [*np.flatnonzero(np.diff(ends)) + 1, len(sizes)] if sizes else []
        first = 0
        for end in map(int, edges):
            found.append({"place": place, "first": first, "end": end})
            first = end
    return found


def scan(base: Base, place: int, first: int, end: int) -> Iterator[Triples]:
    """Yield the triples that begin in some row groups; all rows of a triple come together.

    A triple that was stated several times is several rows, and they may go on in the next group.
    """
    kb = base.parts[place]
    groups = _groups(kb)
    before = _read(kb, groups[first - 1]).take(slice(-1, None)) if first else None
    held: Triples | None = None
    for number in range(first, len(groups)):
        rows = _read(kb, groups[number])
        if before is not None:
            rows = rows.take(~rows.same(before, 0))
        over = number >= end
        if over and (held is None or not len(held.head)):
            break
        if over and held is not None:
            going_on = rows.same(held, -1)
            held = _joined(held, rows.take(going_on))
            if not going_on.all():
                break
            continue
        held = rows if held is None else _joined(held, rows)
        if len(held.head):
            last = int(np.argmax(held.same(held, -1)))
            yield _shifted(base, place, held.take(slice(None, last)))
            held = held.take(slice(last, None))
    if held is not None:
        yield _shifted(base, place, held)


def once(triples: Triples) -> Triples:
    """Keep one row of each triple; one that is both in training and kept apart is kept apart."""
    if not len(triples.head):
        return triples
    new = (np.diff(triples.head) != 0) | (np.diff(triples.relation) != 0) | (np.diff(triples.tail) != 0)
    first = np.flatnonzero(np.append(True, new))
    said = np.where(triples.split == UNSAID, 0, triples.split + 1).astype(np.uint8)
    most = np.maximum.reduceat(said, first)
    split = np.where(most == 0, UNSAID, most - 1).astype(np.uint8)
    return triples.take(first)._replace(split=split)


def relations(base: Base) -> pa.Table:
    """Return the relations of a base and its overlays, by the numbers that `scan` gives."""
    tables = []
    for place, kb in enumerate(base.parts):
        if kb.rows("relations"):
            table = kb.table("relations", ["rid", "id", "label", "description"])
            rid = table["rid"].to_numpy().astype(np.int64)
            tables.append(table.set_column(0, "rid", pa.array(rid + _shift(base, place))))
    if not tables:
        raise ArtefactError(f"{base.kb.path}: no relations, so there are no triples")
    return pa.concat_tables(tables).sort_by("rid")


def _shift(base: Base, place: int) -> int:
    """Return by how much an overlay's own relations are moved: it knows of no other overlay."""
    return sum(kb.rows("relations") for kb in base.parts[1:place])


def _shifted(base: Base, place: int, rows: Triples) -> Triples:
    own = rows.relation >= base.kb.rows("relations")
    return rows._replace(relation=rows.relation + own * _shift(base, place))


def _groups(kb: Kb) -> list[tuple[Any, int, int]]:
    """Return file, number and rows of each row group in order."""
    found = []
    for path in kb.files("triples") if kb.rows("triples") else ():
        about = pq.read_metadata(path)
        sizes = [about.row_group(at).num_rows for at in range(about.num_row_groups)]
        found += [(path, at, size) for at, size in enumerate(sizes) if size]
    return found


def _read(kb: Kb, group: tuple[Any, int, int]) -> Triples:
    path, at, _ = group
    try:
        with pq.ParquetFile(path) as file:
            table = file.read_row_group(at, columns=COLUMNS).select(COLUMNS)
    except (pa.ArrowException, OSError) as error:
        raise ArtefactError(f"{path}: damaged: {' '.join(str(error).split())}") from error
    head, relation, tail, rank, best, split = table.columns
    place = pc.index_in(split.cast(pa.string()), PLACES).fill_null(UNSAID).cast(pa.uint8())
    numbers = [one.to_numpy().astype(np.int64) for one in (head, relation, tail)]
    return Triples._make([*numbers, rank.to_numpy(), best.to_numpy(), place.to_numpy()])


def _joined(first: Triples, second: Triples) -> Triples:
    columns: Iterator[Any] = zip(first, second, strict=True)
    return Triples._make(np.concatenate(pair) for pair in columns)


def all_of(base: Base, tasks: Sequence[dict[str, Any]] | None = None) -> Iterator[Triples]:
    """Yield all triples of a base, or those of some tasks."""
    for task in parts(base) if tasks is None else tasks:
        yield from scan(base, **task)
