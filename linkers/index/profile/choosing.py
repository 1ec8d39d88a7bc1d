"""What is kept of each entity: its most telling words, a sample of its neighbours, its classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.artefact import Outcome
from kbtools.kb.arrays import create_npy
from kbtools.kb.views import ask_one, told
from kbtools.linkers.base import Longs
from kbtools.linkers.index.profile import gathering
from kbtools.linkers.index.profile.csr import drawn, offsets_of
from kbtools.linkers.index.profile.layout import (
    Range,
    base_of,
    fetched,
    gathered,
    load,
    save,
    scatter,
    tables,
)

CHUNK = 1 << 18  # rows of tables that are read at once


def words(folder: Path, *, mine: dict[str, Any], entities: int, most: int) -> Outcome:
    """Choose the words of a range of entities with the largest tf·idf; equal ones by term."""
    some = msgspec.convert(mine, Range)
    stem = gathering.stem(some)
    counts = load(folder, stem, "counts")
    terms, seen = load(folder, "new/words", "terms"), load(folder, stem, "terms")
    number = np.searchsorted(terms, seen)
    idf = np.log1p(entities / np.maximum(load(folder, "new/words", "entities")[number], 1))
    place, weight = load(folder, stem, "places"), load(folder, stem, "weights")
    row = np.repeat(np.arange(some.size), counts)
    order = np.lexsort((place, -np.round(weight * idf[place] * (1 << 16)).astype(np.int64), row))
    rank = np.arange(len(row)) - np.repeat(np.cumsum(counts, dtype=np.int64) - counts, counts)
    kept = np.sort(order[rank < most])  # in order of row and term again
    lengths = np.bincount(row, weight, minlength=some.size)
    files = save(
        folder,
        f"work/words/{some.stem}",
        counts=np.minimum(counts, most).astype(np.uint32),
        values=number[place[kept]].astype(np.uint32),
        weights=np.minimum(weight[kept], 0xFFFF).astype(np.uint16),
        lengths=np.minimum(lengths, 0xFFFFFFFF).astype(np.uint32),
    )
    return Outcome(files=files)


def links(folder: Path, *, paths: list[str], mine: dict[str, Any], ways: str, memory: int) -> Outcome:
    """Write the neighbours that the triples of a range of heads give: who, and whose."""
    some = msgspec.convert(mine, Range)
    with tables(folder, base_of(paths, some.kb).parts, ["triples"], memory) as con:
        sql = (
            "SELECT DISTINCT head, tail FROM triples WHERE best AND head <> tail "
            f"AND head >= {some.low} AND head < {some.high} ORDER BY head, tail"
        )
        found = fetched(con, sql)
    head, tail = (found[name].astype(np.int64) + some.first for name in ("head", "tail"))
    rows, others = (tail, head) if ways == "in" else (np.append(tail, head), np.append(head, tail))
    stem = links_stem(some)
    return Outcome(files=scatter(folder, stem, rows, others=others.astype(np.uint32)))


def links_stem(mine: Range) -> str:
    """Say where the links of a range of heads are put."""
    return f"work/links/{mine.stem}"


def neighbours(folder: Path, *, mine: dict[str, Any], stems: list[str], most: int) -> Outcome:
    """Write the neighbours of a range of entities, and how many there are."""
    some = msgspec.convert(mine, Range)
    rows, others = gathered(folder, stems, some, "others")
    packed = np.unique(rows << 32 | others)
    rows, others = packed >> 32, packed & 0xFFFFFFFF
    degrees = np.bincount(rows, minlength=some.size)
    if degrees.max(initial=0) > most:
        order = np.lexsort((drawn(others), rows))
        rank = np.arange(len(rows)) - np.repeat(np.cumsum(degrees) - degrees, degrees)
        kept = np.sort(order[rank < most])
        others = others[kept]
    files = save(
        folder,
        f"work/neighbours/{some.stem}",
        counts=np.minimum(degrees, most).astype(np.uint32),
        values=others.astype(np.uint32),
        degrees=degrees.astype(np.uint32),
    )
    return Outcome(files=files)


def closure(folder: Path, *, paths: list[str], kb: int, depth: int, memory: int) -> Outcome:
    """Lay out the ancestors of all classes, so that they are found by class."""
    stem = f"work/closure/{kb:03}"
    some = f"FROM classes WHERE depth > 0 AND depth <= {depth}"
    with tables(folder, base_of(paths, kb).parts, ["classes"], memory) as con:
        rows = ask_one(con, f'SELECT count(*) FROM (SELECT DISTINCT "type", ancestor {some})')
        arrays = {}
        for name in ("types", "ancestors"):
            (folder / stem).parent.mkdir(parents=True, exist_ok=True)
            arrays[name] = create_npy(folder / f"{stem}.{name}.npy", np.dtype("<u4"), rows)
        at = 0
        with told():
            sql = f'SELECT DISTINCT "type", ancestor {some} ORDER BY "type", ancestor'
            for batch in con.sql(sql).to_arrow_reader(CHUNK):
                end = at + batch.num_rows
                arrays["types"][at:end], arrays["ancestors"][at:end] = _columns(batch)
                at = end
    return Outcome(files=[f"{stem}.{name}.npy" for name in arrays])


def _columns(batch: pa.RecordBatch) -> Iterator[NDArray[Any]]:
    return (column.to_numpy() for column in batch.columns)


def classes(folder: Path, *, paths: list[str], mine: dict[str, Any], memory: int) -> Outcome:
    """Write the types of a range of entities, and these with their superclasses."""
    some = msgspec.convert(mine, Range)
    with tables(folder, base_of(paths, some.kb).parts, ["types"], memory) as con:
        sql = (
            'SELECT DISTINCT eid, "type" AS class FROM types '
            f'WHERE eid >= {some.low} AND eid < {some.high} ORDER BY eid, "type"'
        )
        found = fetched(con, sql)
    rows, types = found["eid"].astype(np.int64) - some.low, found["class"].astype(np.int64)
    kb = f"work/closure/{some.kb:03}"
    known, ancestors = load(folder, kb, "types"), load(folder, kb, "ancestors")
    distinct, place = np.unique(types, return_inverse=True)
    low, high = (np.searchsorted(known, distinct.astype(np.uint32), side)[place] for side in _SIDES)
    above = ancestors[ranges(low, high - low)].astype(np.int64)
    packed = np.unique(
        np.concatenate([rows << 32 | types, np.repeat(rows, high - low) << 32 | above]) + some.first
    )
    direct = (rows, types + some.first)
    files = []
    for name, (whose, values) in {"types": direct, "classes": (packed >> 32, packed & 0xFFFFFFFF)}.items():
        counts = np.bincount(whose, minlength=some.size).astype(np.uint32)
        files += save(folder, f"work/{name}/{some.stem}", counts=counts, values=values.astype(np.uint32))
    return Outcome(files=files)


_SIDES: tuple[Any, Any] = ("left", "right")


def join(folder: Path, *, to: str, stems: Sequence[str], columns: dict[str, str]) -> Outcome:
    """Put the pieces of one thing together: offsets from counts, and its columns one after the other."""
    counts = np.concatenate([np.zeros(0, np.uint32), *(load(folder, one, "counts") for one in stems)])
    offsets: Longs = offsets_of(counts)
    files = save(folder, f"new/{to}", offsets=offsets)
    for column, kind in columns.items():
        pieces = [load(folder, one, column) for one in stems]
        file = f"new/{to}.{column}.npy"
        whole = create_npy(folder / file, np.dtype(kind), sum(map(len, pieces)))
        at = 0
        for piece in pieces:
            whole[at : at + len(piece)] = piece
            at += len(piece)
        files.append(file)
    return Outcome(files=files, facts={"values": int(offsets[-1])})
