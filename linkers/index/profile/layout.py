"""How a build is cut into pieces: ranges of rows, and what is found for rows of any range.

Entities are numbered knowledge base after knowledge base: row = first[kb] + eid. What reads tables in another
order than the entities' writes pairs, sorted by row; who works on a range takes its part of each file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kbtools.kb import views
from kbtools.kb.reader import Base, Kb, gather
from kbtools.kb.schema import TABLES

if TYPE_CHECKING:
    import duckdb

BATCH = 1 << 14  # rows of texts that are read at once


class Range(msgspec.Struct, frozen=True):
    """Some entities of one knowledge base; plain values, to travel in a task."""

    number: int
    kb: int
    first: int  # row of the knowledge base's eid 0
    low: int  # eids from here
    high: int  # to below

    @property
    def rows(self) -> tuple[int, int]:
        """The rows from and to below."""
        return self.first + self.low, self.first + self.high

    @property
    def size(self) -> int:
        """How many entities these are."""
        return self.high - self.low

    @property
    def stem(self) -> str:
        """How its files are called."""
        return f"{self.number:06}"


def cut(counts: Sequence[int], size: int) -> list[Range]:
    """Cut knowledge bases of so many entities into ranges of at most `size`."""
    found: list[Range] = []
    first = 0
    for kb, count in enumerate(counts):
        for low in range(0, count, size):
            found.append(Range(len(found), kb, first, low, min(count, low + size)))
        first += count
    return found


@contextmanager
def tables(
    folder: Path, parts: Sequence[Kb], names: Sequence[str], memory: int
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB over tables of a knowledge base; those that it lacks are empty."""
    with views.connect(folder / "work/x", memory=memory, threads=1) as con:
        views.add_views(con, parts, only=set(names))
        there = {table for part in parts for table in part.tabular}
        for name in set(names) - there:
            con.register(name, TABLES[name].schema.empty_table())
        yield con


def base_of(paths: Sequence[str], kb: int) -> Base:
    """Open one of the knowledge bases given."""
    return gather(paths)[kb]


def fetched(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, NDArray[Any]]:
    """Run a query; return its columns, numbers without null."""
    with views.told():
        found: dict[str, NDArray[Any]] = con.sql(sql).fetchnumpy()
    return {name: np.asarray(column) for name, column in found.items()}


def save(folder: Path, stem: str, **arrays: NDArray[Any]) -> list[str]:
    """Write arrays; return the names of their files."""
    names = []
    for name, array in arrays.items():
        path = folder / f"{stem}.{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, array, allow_pickle=False)
        names.append(f"{stem}.{name}.npy")
    return names


def load(folder: Path, stem: str, name: str) -> NDArray[Any]:
    """Map an array that `save` wrote."""
    path = folder / f"{stem}.{name}.npy"
    found: NDArray[Any] = np.load(path, mmap_mode="r" if path.stat().st_size > 1 << 12 else None)
    return found.view(np.ndarray)


def scatter(folder: Path, stem: str, rows: NDArray[np.integer], **columns: NDArray[Any]) -> list[str]:
    """Write what was found for some rows, sorted by row."""
    order = np.argsort(rows, kind="stable")
    sorted_columns = {name: column[order] for name, column in columns.items()}
    return save(folder, stem, rows=rows[order].astype(np.uint32), **sorted_columns)


def gathered(folder: Path, stems: Sequence[str], mine: Range, *columns: str) -> list[NDArray[Any]]:
    """Return what was written for a range: the places of its rows in it, and other columns."""
    low, high = mine.rows
    found: list[list[NDArray[Any]]] = [[] for _ in ("rows", *columns)]
    for stem in stems:
        rows = load(folder, stem, "rows")
        begin, end = np.searchsorted(rows, np.array([low, min(high, 0xFFFFFFFF)], np.uint32)).tolist()
        if begin == end:
            continue
        for place, name in enumerate(("rows", *columns)):
            found[place].append(np.asarray(load(folder, stem, name)[begin:end]))
    kinds = {"rows": np.uint32, "terms": np.uint64}
    whole = [
        np.concatenate([np.zeros(0, kinds.get(name, np.uint32)), *pieces])
        for name, pieces in zip(("rows", *columns), found, strict=True)
    ]
    return [whole[0].astype(np.int64) - low, *whole[1:]]


def summed(
    rows: NDArray[np.integer], terms: NDArray[np.uint64], weights: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Add up the weights of equal (row, term); in order of both."""
    order = np.lexsort((terms, rows))
    rows, terms = rows[order], terms[order]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (rows[1:] != rows[:-1]) | (terms[1:] != terms[:-1])
    first = np.flatnonzero(new)
    if not len(first):
        return np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int64)
    sums = np.add.reduceat(weights[order].astype(np.int64), first)
    return rows[first].astype(np.int64), terms[first], sums
