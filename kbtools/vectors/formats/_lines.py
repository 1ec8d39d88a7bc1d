"""Lines of a name and numbers, or of numbers alone, as arrays, without a loop over the lines.

Fields are what stands between blanks; the last `dim` of a line are its numbers, and what stands before them
is the name. A name may hold spaces if a tab follows it, or if its last word is no number. One pass over the
bytes finds where fields begin and end; Arrow reads the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.io.framing import gathered
from kbtools.vectors.formats.base import I64, Piece, Reading, finite

SIZE = 1 << 22  # bytes that are looked at together
LONGEST = 1 << 26  # of a line
BLANK, TAB, LF = 32, 9, 10
BOM = b"\xef\xbb\xbf"
NUMBER = r"^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|NaN|inf|Inf|infinity)$"


class Head(NamedTuple):
    """What the first line says, if it says that: how many rows there are, of how many numbers."""

    rows: int | None  # PyTorch-BigGraph tells entities and relations apart: that is not looked into
    dim: int


class _Fields(NamedTuple):
    """The fields of a block, and of each line the first one and how many."""

    data: bytes
    start: I64
    end: I64
    first: I64
    many: I64
    line: I64  # number in the file
    tabbed: NDArray[np.bool_]  # a tab follows a field that is not the last


def rows(
    reading: Reading, path: Path, *, named: bool, header: str = "strict", width: int = 0
) -> Iterator[Piece]:
    """Read the rows of a file; its first line may tell their number. `width`: what it must be."""
    with open_stream(str(path)) as stream:
        head: Head | None = None
        line, dim, seen = 1, 0, 0
        for at, data in enumerate(_blocks(stream.chunks(), path)):
            fields = _fields(data, line)
            line += data.count(b"\n")
            if at == 0:
                head = _head(fields, named)
                if head is not None:
                    fields = _without_first(fields)
                dim = _dim(fields, named) or (head.dim if head else 0)
                if not dim:
                    raise SourceError("no line of it is a name and numbers", path=path)
                _agree(path, head, dim, header, seen=None)
            seen += len(fields.first)
            yield finite(reading, path, _piece(reading, path, fields, dim, named))
        if stream.damage is not None:
            reading.incomplete = True
        elif head is not None:
            _agree(path, head, dim, header, seen=seen)


def _agree(path: Path, head: Head | None, dim: int, header: str, *, seen: int | None) -> None:
    """Refuse a file that is not what its first line says."""
    if head is None or header == "ignore":
        return
    cure = "fetch it again, or take it as it is with -o header=ignore"
    if seen is None and dim and head.dim != dim:
        raise SourceError(f"says {head.dim:,} numbers a row, and has {dim:,}; {cure}", path=path, line=1)
    if seen is not None and head.rows is not None and head.rows != seen:
        raise SourceError(f"says {head.rows:,} rows, and has {seen:,}; {cure}", path=path, line=1)


def _blocks(chunks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Yield whole lines; the last one may lack its end."""
    held = b""
    first = True
    for chunk in gathered(chunks, SIZE):
        data = held + chunk
        if first:
            data, first = data.removeprefix(BOM), False
        cut = data.rfind(b"\n") + 1
        held = data[cut:]
        if len(held) > LONGEST:
            raise SourceError(f"a line of more than {LONGEST:,} bytes: no vectors as text", path=path)
        if cut:
            yield data[:cut]
    if held.strip():
        yield held


def _fields(data: bytes, line: int) -> _Fields:
    raw = np.frombuffer(data, np.uint8)
    inside = np.empty(len(raw) + 2, bool)
    inside[0] = inside[-1] = False
    np.greater(raw, BLANK, out=inside[1:-1])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    start, end = edges[::2], edges[1::2]
    stops = np.flatnonzero(raw == LF)
    if data and data[-1] != LF:
        stops = np.append(stops, len(raw))
    after = np.searchsorted(start, stops)  # fields before the end of each line
    count = np.diff(after, prepend=0)
    full = np.flatnonzero(count)
    tabbed = np.zeros(len(start), bool)
    tabbed[:-1] = raw[end[:-1]] == TAB
    return _Fields(data, start, end, (after - count)[full], count[full], line + full, tabbed)


def _without_first(fields: _Fields) -> _Fields:
    return fields._replace(first=fields.first[1:], many=fields.many[1:], line=fields.line[1:])


def _head(fields: _Fields, named: bool) -> Head | None:
    """Read a first line of two or three whole numbers, unless the others look the same."""
    if not named or not len(fields.many) or fields.many[0] not in {2, 3}:
        return None
    many = int(fields.many[0])
    at = int(fields.first[0])
    told = [fields.data[fields.start[at + j] : fields.end[at + j]] for j in range(many)]
    if not all(one.isdigit() and len(one) < 12 for one in told):
        return None
    if len(fields.many) > 1 and _dim(_without_first(fields), named) == many - 1 != int(told[-1]):
        return None
    return Head(int(told[0]) if many == 2 else None, int(told[-1]))


def _dim(fields: _Fields, named: bool) -> int:
    """Tell how many numbers most lines have."""
    count = fields.many[:1000].copy()
    if not len(count):
        return 0
    if named:  # in a line with a tab behind the name, all fields after that are numbers
        for row in range(len(count)):
            mine = fields.tabbed[fields.first[row] : fields.first[row] + count[row] - 1]
            count[row] -= int(mine.argmax()) + 1 if mine.any() else 1
    values, times = np.unique(count, return_counts=True)
    return int(values[times.argmax()])


def _piece(reading: Reading, path: Path, fields: _Fields, dim: int, named: bool) -> Piece:
    """Read the good lines, and note the bad ones."""
    before = fields.many - dim  # fields of the name
    good = before >= 1 if named else before == 0
    for at in np.flatnonzero(~good).tolist():
        have = int(fields.many[at]) - named
        _reject(reading, path, fields, at, f"{have:,} numbers instead of {dim:,}")
    many = np.flatnonzero(good & (before > 1)) if named else np.zeros(0, np.int64)
    for at in many.tolist():
        if _runs_on(fields, at, int(before[at])):
            have = int(fields.many[at]) - 1
            _reject(reading, path, fields, at, f"{have:,} numbers instead of {dim:,}")
            good[at] = False
    rows = np.flatnonzero(good)
    names = _names(fields, rows, before) if named else pa.array([""] * len(rows), pa.string())
    if names is None:
        rows = np.array(
            [at for at in rows.tolist() if _readable(reading, path, fields, at, before)], np.int64
        )
        names = _names(fields, rows, before) or pa.array([], pa.string())
    first = fields.first[rows] + np.maximum(before[rows], 0)
    numbers, whole = _numbers(fields, first, dim)
    for at in np.flatnonzero(~whole).tolist():
        _reject(reading, path, fields, int(rows[at]), "a field that is no number")
    if not whole.all():
        names, numbers, rows = names.filter(pa.array(whole)), numbers[whole], rows[whole]
    return Piece(names, numbers, fields.line[rows])


def _runs_on(fields: _Fields, at: int, before: int) -> bool:
    """Tell whether a name of several fields is one with numbers too many behind it."""
    first = int(fields.first[at])
    if fields.tabbed[first : first + before].any():  # the name ends where the first tab is
        return not fields.tabbed[first + before - 1] or bool(fields.tabbed[first : first + before - 1].any())
    last = fields.data[fields.start[first + before - 1] : fields.end[first + before - 1]]
    try:
        float(last)
    except ValueError:
        return False
    return True


def _names(fields: _Fields, rows: I64, before: I64) -> pa.StringArray | None:
    """Return the names of lines; None if a byte of one is not UTF-8."""
    if not len(rows):
        return pa.array([], pa.string())
    first = fields.first[rows]
    texts = _between(fields.data, fields.start[first], fields.end[first + before[rows] - 1])
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return texts


def _readable(reading: Reading, path: Path, fields: _Fields, at: int, before: I64) -> bool:
    first = int(fields.first[at])
    try:
        fields.data[fields.start[first] : fields.end[first + int(before[at]) - 1]].decode()
    except UnicodeDecodeError:
        _reject(reading, path, fields, at, "not UTF-8")
        return False
    return True


def _numbers(fields: _Fields, first: I64, dim: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Read `dim` fields from each `first` on, [n, dim], and tell in which rows all are numbers."""
    places = (first[:, None] + np.arange(dim)).reshape(-1)
    texts = _between(fields.data, fields.start[places], fields.end[places])
    try:
        found = pc.cast(texts, pa.float32())
        whole = np.ones(len(first), bool)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        raw = texts.cast(pa.binary())
        fits = pc.match_substring_regex(raw, NUMBER)
        found = pc.cast(pc.if_else(fits, texts, "0"), pa.float32())
        whole = fits.to_numpy(zero_copy_only=False).reshape(-1, dim).all(axis=1)
    return found.to_numpy().reshape(-1, dim), whole


def _between(data: bytes, start: I64, end: I64) -> pa.StringArray:
    """Copy what stands between each start and end."""
    if not len(start):
        return pa.array([], pa.string())
    offsets = np.stack([start, end], axis=1).astype(np.int32).reshape(-1)
    texts = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))
    return texts.take(pa.array(np.arange(0, len(texts), 2)))


def _reject(reading: Reading, path: Path, fields: _Fields, at: int, reason: str) -> None:
    first, count = int(fields.first[at]), int(fields.many[at])
    text = fields.data[fields.start[first] : fields.end[first + count - 1]][:800]
    reading.reject(path, int(fields.line[at]), reason, text.decode(errors="replace"))
