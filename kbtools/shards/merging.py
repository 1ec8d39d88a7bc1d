"""Runs become files: every file takes a range of keys out of all runs, in order. Nothing is held but a file.

Keys are hashes, so their order is a shuffle, and the same one whoever computed which run. Of equal keys the
one of the earlier piece comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from kbtools.artefact import Outcome
from kbtools.errors import ArtefactError

KEY = "key"
ROWS = 1 << 16  # of a record batch


def merge_range(folder: Path, *, runs: Sequence[str], out: str, number: int, of: int) -> Outcome:
    """Write the file with the `number`th of `of` equal ranges of keys."""
    low, high = (number << 64) // of, ((number + 1) << 64) // of
    pieces = [piece for run in runs for piece in _slices(folder / run, low, high)]
    path = folder / out
    schema = _schema(folder / runs[0])
    table = pa.Table.from_batches(pieces, schema)
    keys = table[KEY].to_numpy()
    table = table.drop_columns([KEY]).take(pa.array(np.argsort(keys, kind="stable")))
    write_batches(path, table.schema, table.combine_chunks().to_batches())
    tokens = _tokens(table)
    return Outcome(files=[out], facts={"rows": table.num_rows, "tokens": tokens})


def _slices(path: Path, low: int, high: int) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(str(path)) as source, _opened(source, path) as file:
        for at in range(file.num_record_batches):
            batch = file.get_batch(at)
            keys = batch[KEY].to_numpy()
            first = np.searchsorted(keys, np.uint64(low))
            last = len(keys) if high >> 64 else np.searchsorted(keys, np.uint64(high))
            if last > first:
                yield batch.slice(first, last - first)


def _schema(path: Path) -> pa.Schema:
    with pa.memory_map(str(path)) as source, _opened(source, path) as file:
        return file.schema


def _opened(source: pa.MemoryMappedFile, path: Path) -> pa.ipc.RecordBatchFileReader:
    try:
        return pa.ipc.open_file(source)
    except (pa.ArrowException, OSError) as error:
        raise ArtefactError(f"{path}: damaged; run the command again with --restart") from error


def write_batches(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write an Arrow or a Parquet file, as its name says; return how many rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    with ExitStack() as stack:
        if path.suffix == ".parquet":
            out: Any = stack.enter_context(
                pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, use_dictionary=False)
            )
        else:
            out = stack.enter_context(pa.ipc.new_file(path, schema))
        for batch in batches:
            rows += batch.num_rows
            for low in range(0, batch.num_rows, ROWS):
                out.write_batch(batch.slice(low, ROWS))
    return rows


def _tokens(table: pa.Table) -> int:
    """Count tokens: the elements of the column that has them."""
    if "input_ids" not in table.column_names:
        return 0
    return sum(len(chunk.flatten()) for chunk in table["input_ids"].chunks)
