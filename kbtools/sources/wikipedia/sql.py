r"""The tables that Wikipedia publishes as SQL: a stream of INSERT statements, read without a database.

The files are what mysqldump writes: CREATE TABLE, then INSERT INTO … VALUES (…),(…); with quotes in strings
as \' and line breaks as \n, so that a line always ends between values. Where values begin and end is found
for a whole block at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.arrays import ranges
from kbtools.errors import SourceError
from kbtools.io import Stream, open_stream

BLOCK = 4 << 20
LONGEST_LINE = 256 << 20
LOOK, LONGEST_LOOK = 1 << 16, 64 << 20
_CREATE = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?`?(\w+)`? \(\r?\n(.*?)\r?\n\)", re.DOTALL)
_COLUMN = re.compile(rb"^\s*`(\w+)`\s+(\w+)", re.MULTILINE)
_INSERT = re.compile(rb"^INSERT (?:IGNORE )?INTO `?(\w+)`?(?: \(([^)]*)\))? VALUES\s*", re.MULTILINE)
_END = re.compile(rb";\r?(?:\n|\Z)")
_ESCAPED = re.compile(rb"\\(.)|''", re.DOTALL)
_MEANS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"0": b"\0", b"Z": b"\x1a", b"b": b"\b"}
_QUOTE, _COMMA, _OPEN, _CLOSE, _NULL = b"',()N"
_MARKS = np.zeros(256, np.bool_)
_MARKS[[_QUOTE, _COMMA, _OPEN, _CLOSE]] = True

Places = npt.NDArray[np.int64]


def columns(path: str, table: str) -> dict[str, str]:
    """Return the columns of a table and their types; refuse a file that does not hold it."""
    with open_stream(path) as stream:
        return _columns(_head(stream, table), path, table)


def rows(path: str, table: str, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of a table: whole numbers as int64, everything else as text."""
    with open_stream(path) as stream:
        head = _head(stream, table)
        types = _columns(head, path, table)
        missing = [name for name in wanted if name not in types]
        if missing:
            what = f"table {table} has no column {', '.join(missing)}; it has {', '.join(types)}"
            raise SourceError(what, path=path)
        reader = _Table(path, table, types, wanted)
        for block in _blocks(head, stream):
            yield from reader.read(block)
        if stream.damage:
            what = f"{stream.damage.reason}: the table is not complete; download it again"
            raise SourceError(what, path=path, byte=stream.damage.byte)


def _head(stream: Stream, table: str) -> bytes:
    """Return the beginning of a file up to where rows of the table begin; it may hold others before."""
    begun = re.compile(rb"^INSERT (?:IGNORE )?INTO `?%s`?[ (]" % re.escape(table.encode()), re.MULTILINE)
    head = stream.read(LOOK)
    while not begun.search(head) and len(head) < LONGEST_LOOK and (more := stream.read(len(head))):
        head += more
    return head


def _columns(head: bytes, path: str, table: str) -> dict[str, str]:
    tables = {name.decode(): body for name, body in _CREATE.findall(head)}
    if table not in tables:
        found = f"found {', '.join(tables)}" if tables else "found no CREATE TABLE"
        raise SourceError(f"expected the SQL dump of table {table}, {found}", path=path)
    return {name.decode(): kind.decode().lower() for name, kind in _COLUMN.findall(tables[table])}


def _blocks(head: bytes, stream: Stream) -> Iterator[bytes]:
    """Yield whole lines."""
    parts, have = [head], len(head)
    for chunk in stream.chunks():
        parts.append(chunk)
        have += len(chunk)
        if have >= BLOCK and (cut := chunk.rfind(b"\n") + 1):
            parts[-1] = chunk[:cut]
            yield b"".join(parts)
            parts, have = [chunk[cut:]], len(chunk) - cut
        elif have > LONGEST_LINE:
            raise SourceError(f"a line of more than {LONGEST_LINE >> 20} MiB; is it SQL?", path=stream.path)
    last = b"".join(parts)
    yield last[: last.rfind(b"\n") + 1] if stream.damage else last


class _Table:
    """Reads the blocks of a file that has the table among others."""

    def __init__(self, path: str, table: str, types: dict[str, str], wanted: Sequence[str]) -> None:
        self.path, self.table, self.types, self.wanted = path, table.encode(), types, wanted
        self._order = list(types)
        self._within = False  # an INSERT of this table that the block before began
        self._byte = 0

    def read(self, block: bytes) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a block."""
        at = 0
        while True:
            if not self._within:
                found = _INSERT.search(block, at)
                if found is None:
                    break
                at = found.end()
                if found[1] != self.table:
                    continue
                names = found[2].decode().replace("`", "").replace(" ", "") if found[2] else ""
                self._order = names.split(",") if names else list(self.types)
                self._within = True
            end = _END.search(block, at)
            body = block[at : end.start() if end else len(block)]
            if body.strip():
                yield self._batch(body, self._byte + at)
            if not end:
                break
            self._within, at = False, end.end()
        self._byte += len(block)

    def _batch(self, body: bytes, byte: int) -> pa.RecordBatch:
        clean = body.replace(b"\\\\", b"__").replace(b"\\'", b"__") if b"\\" in body else body
        raw = np.frombuffer(body, np.uint8)
        starts, ends = self._fields(np.frombuffer(clean, np.uint8), byte)
        made = {}
        for name in self.wanted:
            place = self._order.index(name)
            made[name] = _values(raw, starts[:, place], ends[:, place], whole="int" in self.types[name])
        return pa.RecordBatch.from_pydict(made)

    def _fields(self, raw: npt.NDArray[np.uint8], byte: int) -> tuple[Places, Places]:
        """Find where values begin and end → [rows, columns] each."""
        places = np.flatnonzero(_MARKS[raw])
        marks = raw[places]
        quotes = marks == _QUOTE
        outside = ~quotes & (np.cumsum(quotes, dtype=np.uint8) & 1 == 0)
        places, marks = places[outside], marks[outside]
        n = len(self._order)
        if len(marks) and marks[-1] == _CLOSE:  # every row but the last is followed by a comma
            places, marks = np.append(places, len(raw)), np.append(marks, _COMMA)
        expected = np.array([_OPEN, *[_COMMA] * (n - 1), _CLOSE, _COMMA], np.uint8)
        if len(marks) % (n + 2) or (marks.reshape(-1, n + 2) != expected).any():
            what = f"a row of table {self.table.decode()} that has not {n} values, or a quote left open"
            raise SourceError(what + "; download it again", path=self.path, byte=byte)
        grid = places.reshape(-1, n + 2)
        return grid[:, :n] + 1, grid[:, 1 : n + 1]


def _values(raw: npt.NDArray[np.uint8], starts: Places, ends: Places, *, whole: bool) -> pa.Array:
    first = raw[starts]
    quoted = first == _QUOTE
    starts, ends = starts + quoted, ends - quoted
    null = first == _NULL
    ends = np.where(null, starts, ends)
    data = raw[ranges(starts, ends - starts)]
    offsets = np.concatenate([[0], np.cumsum(ends - starts)]).astype(np.int32)
    valid = pa.array(~null).buffers()[1] if null.any() else None
    size = len(starts)
    found: Any = pa.Array.from_buffers(pa.binary(), size, [valid, pa.py_buffer(offsets), pa.py_buffer(data)])
    if whole:
        return pc.cast(pc.cast(found, pa.string()), pa.int64())
    odd = pc.match_substring_regex(found, rb"\\|''")
    if pc.any(odd).as_py():
        fixed = [_ESCAPED.sub(_meaning, value) for value in found.filter(odd).to_pylist()]
        found = pc.replace_with_mask(found, pc.fill_null(odd, fill_value=False), pa.array(fixed, pa.binary()))
    try:
        return pc.cast(found, pa.string())
    except pa.ArrowInvalid:  # sort keys are bytes
        texts = [None if v is None else v.decode("utf-8", "replace") for v in found.to_pylist()]
        return pa.array(texts, pa.string())


def _meaning(match: re.Match[bytes]) -> bytes:
    return _MEANS.get(match[1], match[1]) if match[1] else b"'"
