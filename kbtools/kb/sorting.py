"""Bringing rows into the order of their table: in memory for a slice, through DuckDB for a whole table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb.database import connect, feed
from kbtools.kb.schema import SETS, TABLES
from kbtools.kb.writer import plain

BATCH = 1 << 17


def in_memory(table: str, batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """Sort a slice of a table that fits into memory, by the key and then by all other columns.

    The columns that come first and are whole numbers are sorted by numpy; only rows that share them all,
    mostly a few, are compared by their other columns.
    """
    spec = TABLES[table]
    rows = pa.Table.from_batches(batches, plain(spec.schema)).combine_chunks()
    whole = list(takewhile(lambda name: _is_whole(spec.schema.field(name)), spec.order))
    numbers = [rows[name].to_numpy() for name in whole]
    rest = spec.order[len(whole) :]
    order = np.lexsort(numbers[::-1]) if numbers else np.arange(rows.num_rows)
    keys = [column[order] for column in numbers]
    same = np.ones(max(len(order) - 1, 0), bool)
    for key in keys:
        same &= key[1:] == key[:-1]
    tied = np.zeros(len(order), bool)
    tied[1:] |= same
    tied[:-1] |= same
    if rest and tied.any():
        group = np.cumsum(np.concatenate([[True], ~same]))[tied]
        among = rows.select(rest).take(pa.array(order[tied]))
        ranked = pc.sort_indices(
            among.add_column(0, "group", pa.array(group)),
            [("group", "ascending"), *((name, "ascending") for name in rest)],
        )
        order[tied] = order[tied][ranked.to_numpy()]
    if table in SETS:
        order = order[np.concatenate([[True], ~same])[: len(order)]]
    return rows.take(pa.array(order))


def _is_whole(field: pa.Field) -> bool:
    return pa.types.is_integer(field.type) and not field.nullable


def out_of_core(
    folder: Path,
    table: str,
    batches: Iterable[pa.RecordBatch],
    memory: int,
    *,
    threads: int = 1,
    once: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Sort a whole table, spilling to disk beyond `memory` bytes; `once` leaves out repeated rows."""
    spec = TABLES[table]
    order = ", ".join(f'"{name}" NULLS LAST' for name in spec.order)
    with (
        feed(plain(spec.schema), batches) as source,
        connect(folder, memory, threads=threads) as database,
    ):
        database.register("source", source)
        found = database.sql(f"FROM source ORDER BY {order}").to_arrow_reader(BATCH)
        for batch in without_repeats(found) if once or table in SETS else found:
            yield batch.cast(plain(spec.schema))


def without_repeats(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Leave out each row that equals the one before it: of sorted rows, all that are said again."""
    last: pa.RecordBatch | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        rows = batch if last is None else pa.concat_batches([last, batch])
        new = np.ones(rows.num_rows, bool)
        new[1:] = ~np.logical_and.reduce([_same_as_before(column) for column in rows.columns])
        last = batch.slice(batch.num_rows - 1)
        mask = new[rows.num_rows - batch.num_rows :]
        yield batch if mask.all() else batch.filter(pa.array(mask))


def _same_as_before(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    one, two = column[:-1], column[1:]
    same = pc.fill_null(pc.equal(one, two), False).to_numpy(zero_copy_only=False)
    if column.null_count:
        same = same | pc.and_(one.is_null(), two.is_null()).to_numpy(zero_copy_only=False)
    return np.asarray(same, bool)
