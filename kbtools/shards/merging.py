"""Runs become files: every file takes a range of keys out of all runs, in order.

Keys are hashes, so their order is a shuffle, and the same one whoever computed which run. Of equal keys the
one of the earlier piece comes first. Memory: two strips of a file; what is mapped of runs goes when there is
need of room.
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
STRIP = 8 << 20  # bytes that are put in order together


def merge_range(folder: Path, *, runs: Sequence[str], out: str, number: int, of: int, bytes_: int) -> Outcome:
    """Write the file with the `number`th of `of` equal ranges of keys; all files have some `bytes_`."""
    strips = -(-bytes_ // (of * STRIP))
    first, steps = number * strips, of * strips
    edges = [((first + strip) << 64) // steps for strip in range(strips + 1)]
    found = [piece for run in runs for piece in _cut(folder / run, edges)]
    facts = {"rows": 0, "tokens": 0}
    schema = _schema(folder / runs[0])
    batches = (_sorted(pa.Table.from_batches(_strip(found, at), schema), facts) for at in range(strips))
    write_batches(folder / out, schema.remove(schema.get_field_index(KEY)), batches)
    return Outcome(files=[out], facts=facts)


def _cut(path: Path, edges: Sequence[int]) -> Iterator[tuple[pa.RecordBatch, list[int]]]:
    """Yield the runs of a file that have some of the keys, and where each edge cuts them."""
    with pa.memory_map(str(path)) as source, _opened(source, path) as file:
        for at in range(file.num_record_batches):
            batch = file.get_batch(at)
            keys = batch[KEY].to_numpy()
            inner = np.searchsorted(keys, np.array(edges[:-1], np.uint64)).tolist()
            last = len(keys) if edges[-1] >> 64 else int(np.searchsorted(keys, np.uint64(edges[-1])))
            if last > inner[0]:
                yield batch, [*inner, last]


def _strip(found: Sequence[tuple[pa.RecordBatch, list[int]]], at: int) -> list[pa.RecordBatch]:
    """Take what lies between two edges out of all runs."""
    return [
        batch.slice(places[at], places[at + 1] - places[at])
        for batch, places in found
        if places[at + 1] > places[at]
    ]


def _sorted(table: pa.Table, facts: dict[str, int]) -> pa.Table:
    """Put examples in the order of their keys, and count them."""
    order = np.argsort(table[KEY].to_numpy(), kind="stable")
    made = table.drop_columns([KEY]).take(pa.array(order)).combine_chunks()
    facts["rows"] += made.num_rows
    facts["tokens"] += _tokens(made)
    return made


def _schema(path: Path) -> pa.Schema:
    with pa.memory_map(str(path)) as source, _opened(source, path) as file:
        return file.schema


def _opened(source: pa.MemoryMappedFile, path: Path) -> pa.ipc.RecordBatchFileReader:
    try:
        return pa.ipc.open_file(source)
    except (pa.ArrowException, OSError) as error:
        raise ArtefactError(f"{path}: damaged; run the command again with --restart") from error


def write_batches(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch | pa.Table]) -> int:
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
        for some in batches:
            rows += some.num_rows
            for batch in some.to_batches(ROWS) if isinstance(some, pa.Table) else [some]:
                out.write_batch(batch)
    return rows


def _tokens(table: pa.Table) -> int:
    """Count tokens: the elements of the column that has them."""
    if "input_ids" not in table.column_names:
        return 0
    return sum(len(chunk.flatten()) for chunk in table["input_ids"].chunks)
