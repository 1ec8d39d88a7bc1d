"""Writing the tables of an alias artefact: one file for each range of norms, sorted as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kbtools.alias.schema import TABLES
from kbtools.kb.writer import plain

ROWS_IN_GROUP = 1 << 18


def file_name(table: str, number: int) -> str:
    """Return the path of a table's file, relative to the artefact."""
    return f"{table}/{number:05}.parquet"


def write(folder: Path, table: str, number: int, rows: pa.Table) -> str:
    """Write the rows of one range, whole or not at all; return the file's path below the staging folder."""
    name = f"new/{file_name(table, number)}"
    path, draft = folder / name, folder / f"work/drafts/{table}-{number:05}.{os.getpid()}"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft.parent.mkdir(parents=True, exist_ok=True)
    schema = TABLES[table].schema
    whole = rows.cast(plain(schema)) if rows.schema != plain(schema) else rows
    columns = [
        column.combine_chunks().dictionary_encode() if pa.types.is_dictionary(field.type) else column
        for field, column in zip(schema, whole.columns, strict=True)
    ]
    pq.write_table(
        pa.Table.from_arrays(columns, schema=schema),
        draft,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in ("source", "kb", "rank", "sources") if name in schema.names],
        row_group_size=ROWS_IN_GROUP,
    )
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    return name
