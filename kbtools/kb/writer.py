"""Sorted rows in, the Parquet files of one table out.

Row groups and files end where the data says (every so many eids or rows), never where a worker stopped, so
the bytes are the same however the work was cut.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools.kb.schema import TABLES

ROWS_IN_GROUP = 1 << 18
GROUPS_IN_FILE = 16


def file_name(table: str, number: int) -> str:
    """Return the path of a table's file, relative to the artefact."""
    return f"{table}/{number:05}.parquet"


def plain(schema: pa.Schema) -> pa.Schema:
    """Return the schema with strings where it has dictionaries: how rows travel before they are written."""
    return pa.schema(
        [field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in schema]
    )


class FileWriter:
    """One Parquet file; each table handed in is a row group. A context manager; durable when closed."""

    def __init__(self, new: Path, table: str, number: int) -> None:
        self.name, self.rows = file_name(table, number), 0
        self.schema = TABLES[table].schema
        self._path = new / self.name
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # a draft that is left behind by a dead worker must not be published with the rest
        drafts = new.parent / "work" / "drafts"
        drafts.mkdir(parents=True, exist_ok=True)
        self._draft = drafts / f"{table}-{number:05}.{os.getpid()}"
        encoded = [f.name for f in self.schema if pa.types.is_dictionary(f.type)]
        self._writer = pq.ParquetWriter(
            self._draft,
            self.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[*encoded, *({"relation", "rank", "unit", "calendar"} & set(self.schema.names))],
        )

    def __enter__(self) -> FileWriter:
        return self

    def write(self, rows: pa.Table) -> None:
        """Append a row group; rows have the plain schema."""
        columns = []
        for field, column in zip(self.schema, rows.columns, strict=True):
            whole = column.combine_chunks()
            columns.append(whole.dictionary_encode() if pa.types.is_dictionary(field.type) else whole)
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self.schema), row_group_size=1 << 30)
        self.rows += rows.num_rows

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._writer.close()
        if kind is not None:
            self._draft.unlink(missing_ok=True)
            return
        with self._draft.open("rb") as file:
            os.fsync(file.fileno())
        self._draft.replace(self._path)


def write_rows(new: Path, table: str, batches: Iterable[pa.RecordBatch]) -> list[str]:
    """Write sorted rows in groups and files of fixed numbers of rows; return the files' names."""
    return _write(new, table, _groups_of_rows(batches, plain(TABLES[table].schema)))


def write_sorted(
    new: Path, table: str, batches: Iterable[pa.RecordBatch], *, step: int, file: int
) -> list[str]:
    """Write sorted rows with groups and files by entity where the table is sorted so, else by rows."""
    column = TABLES[table].key[0]
    if column in ("eid", "head"):
        return write_by(new, table, batches, column=column, step=step, file=file)
    return write_rows(new, table, batches)


def write_by(
    new: Path, table: str, batches: Iterable[pa.RecordBatch], *, column: str, step: int, file: int
) -> list[str]:
    """Write sorted rows with a group for each `step` values of `column`, a file for each `file` values."""
    names: list[str] = []
    groups = _groups_of_values(batches, plain(TABLES[table].schema), column, step)
    for number, mine in groupby(groups, lambda group: group[column][0].as_py() // file):
        if number and not names:
            names += write_file(new, table, 0, [])
        names += write_file(new, table, number, mine)
    return names or write_file(new, table, 0, [])


def write_file(new: Path, table: str, number: int, groups: Iterable[pa.Table]) -> list[str]:
    """Write one file; only the first of a table may be empty, others are left out."""
    groups = iter(groups)
    first = next(groups, None)
    if first is None and number:
        return []
    with FileWriter(new, table, number) as out:
        if first is not None:
            out.write(first)
        for group in groups:
            out.write(group)
    return [out.name]


def write_groups(
    path: Path,
    schema: pa.Schema,
    batches: Iterable[tuple[pa.RecordBatch, int]],
    *,
    limit: int,
    **encoding: Any,
) -> int:
    """Write one file with a row group each time that the sizes told with the rows add up to `limit`.

    `encoding` is Parquet's. Return how many rows there were.
    """
    held: list[pa.RecordBatch] = []
    size = rows = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, **encoding) as out:
        for batch, bytes_ in batches:
            held.append(batch)
            size += bytes_
            rows += batch.num_rows
            if size >= limit:
                out.write_table(pa.Table.from_batches(held), row_group_size=1 << 30)
                held, size = [], 0
        if held or not rows:
            out.write_table(pa.Table.from_batches(held, schema), row_group_size=1 << 30)
    return rows


def _write(new: Path, table: str, groups: Iterator[pa.Table]) -> list[str]:
    names: list[str] = []
    for first in groups:
        mine = chain([first], islice(groups, GROUPS_IN_FILE - 1))
        names += write_file(new, table, len(names), mine)
    return names or write_file(new, table, 0, [])


def _groups_of_rows(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        while count + batch.num_rows >= ROWS_IN_GROUP:
            taken = ROWS_IN_GROUP - count
            yield pa.Table.from_batches([*waiting, batch.slice(0, taken)], schema)
            batch, waiting, count = batch.slice(taken), [], 0  # noqa: PLW2901
        waiting.append(batch)
        count += batch.num_rows
    if count:
        yield pa.Table.from_batches(waiting, schema)


def _groups_of_values(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, column: str, step: int
) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    current: Any = None
    for batch in batches:
        groups = batch[column].to_numpy() // step
        cuts = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), batch.num_rows]
        for low, high in pairwise(cuts):
            if high == low:
                continue
            if waiting and groups[low] != current:
                yield pa.Table.from_batches(waiting, schema)
                waiting = []
            current = groups[low]
            waiting.append(batch.slice(low, high - low))
    if waiting:
        yield pa.Table.from_batches(waiting, schema)
