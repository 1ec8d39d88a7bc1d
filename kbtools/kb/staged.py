"""What a source hands over: rows that still speak in local numbers and the source's own keys.

Reading a dump in parallel, nobody knows yet which entity gets which eid. So a reader numbers its entities
from 0 (`row`) and its statements from 0 (`statement`), names other entities by an integer `key` of its own
choosing, and writes everything it found into one *part*: a file of Arrow streams, one a table, compressed.
Finishing (`kb/finish.py`) turns the parts into the tables of `kb/schema.py`.

A part is a row of segments (so that its writer needs little memory) and ends in an index of them. Arrow
trusts what it reads, down to a crash; so each stream is read only if it still has the digest that the index
names.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import xxhash

from kbtools.errors import ArtefactError
from kbtools.kb.schema import BOOL, F64, I8, STR, U16, U32, U64

I64 = pa.int64()

VALUE = [
    ("datatype", STR), ("value", STR), ("number", F64), ("unit", STR), ("precision", I8), ("calendar", STR),
    ("lang", STR),
]  # fmt: skip

SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema(columns)
    for name, columns in {
        "entities": [
            ("key", I64), ("id", STR), ("kind", STR), ("label", STR), ("description", STR), ("lang", STR),
            ("sitelinks", U16), ("freq", U64), ("chosen", U64), ("line", U64),
        ],
        "labels": [("row", U32), ("lang", STR), ("text", STR)],
        "surfaces": [
            ("row", U32), ("text", STR), ("lang", STR), ("source", STR), ("pos", STR), ("count", U64),
            ("atom", STR),
        ],
        "descriptions": [("row", U32), ("lang", STR), ("kind", STR), ("text", STR), ("source", STR)],
        "triples": [
            ("row", U32), ("relation", I64), ("tail", I64), ("rank", I8), ("best", BOOL), ("statement", U32),
        ],
        "literals": [
            ("row", U32), ("relation", I64), *VALUE, ("rank", I8), ("best", BOOL), ("statement", U32),
        ],
        "qualifiers": [
            ("row", U32), ("statement", U32), ("relation", I64), ("tail", I64), *VALUE, ("ord", U16),
        ],
        "types": [("row", U32), ("type", I64)],
        "sitelinks": [("row", U32), ("site", STR), ("title", STR)],
        "xref": [("row", U32), ("scheme", STR), ("value", STR)],
        # the relations themselves, where the dump describes them, and the keys of all that a part uses
        "relations": [("key", I64), ("id", STR), ("label", STR), ("description", STR), ("inverse", I64)],
        "used": [("key", I64)],
        # edges and memberships that a `--select` rule needs, of skipped entities too (see sources)
        "edges": [("relation", I64), ("key", I64), ("target", I64)],
        "members": [("row", U32), ("relation", I64), ("target", I64)],
        "redirects": [("from_id", STR), ("key", I64), ("to", I64), ("kind", STR)],
        # `file` only where a part was read from several: then lines and bytes count from its beginning
        "rejects": [("file", STR), ("line", U64), ("byte", U64), ("reason", STR), ("snippet", STR)],
    }.items()
}  # fmt: skip


SEGMENT_BYTES = 64 << 20
_NUMBER = 8  # bytes; a part ends in the length and the digest of its index


def batch(schema: pa.Schema, columns: Mapping[str, Any]) -> pa.RecordBatch:
    """Make a batch; a column that is one value (or None) is repeated, a missing one is null."""
    rows = next((len(c) for c in columns.values() if not _is_one(c)), 1)
    arrays = []
    for field in schema:
        column = columns.get(field.name)
        if column is None:
            arrays.append(pa.nulls(rows, field.type))
        elif _is_one(column):
            arrays.append(pa.repeat(pa.scalar(column, field.type), rows))
        elif isinstance(column, pa.ChunkedArray):
            arrays.append(column.combine_chunks().cast(field.type))
        elif isinstance(column, pa.Array):
            arrays.append(column if column.type == field.type else column.cast(field.type))
        else:
            arrays.append(pa.array(column, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _is_one(column: Any) -> bool:
    return column is None or isinstance(column, str | int | float)


class Stream(msgspec.Struct, array_like=True, frozen=True):
    """Where one table of one segment lies."""

    table: str
    offset: int
    length: int
    digest: int


class PartWriter:
    """Writes a part: `add` batches of any table, in row order; a context manager."""

    def __init__(self, path: Path, schemas: Mapping[str, pa.Schema] = SCHEMAS) -> None:
        self.path, self._schemas = path, schemas
        self._draft = path.with_name(f".{path.name}.{os.getpid()}")
        self._options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._open: dict[str, tuple[pa.BufferOutputStream, pa.RecordBatchStreamWriter]] = {}
        self._index: list[Stream] = []

    def __enter__(self) -> PartWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._draft.open("wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._file:
                if kind is None:
                    self._flush()
                    index = msgspec.json.encode(self._index)
                    self._file.write(index + _number(len(index)) + _number(_digest(index)))
            if kind is None:
                self._draft.replace(self.path)
        finally:
            self._draft.unlink(missing_ok=True)

    def add(self, table: str, batch: pa.RecordBatch) -> None:
        """Append a batch of `table`; an empty one leaves no trace."""
        if batch.num_rows == 0:
            return
        if table not in self._open:
            sink = pa.BufferOutputStream()
            self._open[table] = (sink, pa.ipc.new_stream(sink, self._schemas[table], options=self._options))
        self._open[table][1].write_batch(batch)

    def end_block(self) -> None:
        """Let go of what has been gathered if it has grown large."""
        if sum(sink.tell() for sink, _ in self._open.values()) > SEGMENT_BYTES:
            self._flush()

    def _flush(self) -> None:
        for table, (sink, writer) in self._open.items():
            writer.close()
            data = sink.getvalue()
            self._index.append(Stream(table, self._file.tell(), data.size, _digest(data)))
            self._file.write(data)
        self._open.clear()


@contextmanager
def no_collecting() -> Iterator[None]:
    """Keep the cyclic garbage collector off while blocks are read: objects in them die together."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def read(path: Path, table: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the batches of `table` in one part, in the order they were added."""
    with _open(path) as source:
        data = memoryview(source.read_buffer())
        for stream in _index(path, data):
            if stream.table != table:
                continue
            mine = data[stream.offset : stream.offset + stream.length]
            _check(path, mine, stream.digest)
            options = pa.ipc.IpcReadOptions(
                use_threads=False, included_fields=_places(mine, columns) if columns else None
            )
            with pa.ipc.open_stream(pa.py_buffer(mine), options=options) as reader:
                yield from reader


def _places(stream: memoryview, columns: list[str]) -> list[int]:
    with pa.ipc.open_stream(pa.py_buffer(stream)) as reader:
        return [reader.schema.get_field_index(column) for column in columns]


def tables(path: Path) -> set[str]:
    """Return the tables of which a part holds rows."""
    with _open(path) as source:
        return {stream.table for stream in _index(path, memoryview(source.read_buffer()))}


def _open(path: Path) -> pa.MemoryMappedFile:
    try:
        return pa.memory_map(str(path))
    except (OSError, pa.ArrowInvalid) as error:  # an empty file cannot be mapped
        raise _unsound(path) from error


def _index(path: Path, data: memoryview) -> list[Stream]:
    end = max(len(data) - 2 * _NUMBER, 0)
    length, digest = (int.from_bytes(data[at : at + _NUMBER], "little") for at in (end, end + _NUMBER))
    index = data[max(end - length, 0) : end]
    _check(path, index, digest)
    return msgspec.json.decode(index, type=list[Stream])


def _check(path: Path, data: memoryview, digest: int) -> None:
    if _digest(data) != digest:
        raise _unsound(path)


def _unsound(path: Path) -> ArtefactError:
    return ArtefactError(f"{path}: damaged or gone; run the same command again: it is made anew")


def _digest(data: Any) -> int:
    return xxhash.xxh3_64_intdigest(data)


def _number(value: int) -> bytes:
    return value.to_bytes(_NUMBER, "little")
