"""Files of rows: CSV with quotes (RFC 4180), JSON Lines, Parquet; read in batches, whatever their size.

Each batch has the columns that the map names. A row that does not fit is rejected with its line (in Parquet,
its row); both count from 0. A quote that is never closed swallows what follows, up to `LONGEST`.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from kbtools.errors import ConfigError, SourceError
from kbtools.io import Damage, open_stream
from kbtools.io.opening import Stream
from kbtools.sources.table.columns import Cell, Format, Table, cells

ROWS = 1 << 14  # of a batch
HEAD = 1 << 20  # bytes of JSON Lines that are looked at beforehand
LONGEST = 16 << 20  # characters of a field
LONGEST_LINE = 256 << 20  # bytes of a line of JSON

Column = Any  # a list of values, or an Arrow array
Missing = object()


class Batch(NamedTuple):
    """Some rows: where they are in the file, and the columns that were asked for."""

    lines: list[int]
    columns: dict[str | int, Column]


class Out(Protocol):
    """What takes rows that do not fit."""

    def reject(self, reason: str, *, line: int | None = None, text: str | bytes = "") -> None:
        """Note one."""


def check(file: str, form: Format, tables: dict[str, list[Table]]) -> None:
    """Refuse a file without the columns that a map names, before anything is written."""
    try:
        codecs.lookup(form.encoding)
    except LookupError as error:
        raise ConfigError(f"no encoding {form.encoding!r}; say utf-8, gb18030, utf-16 or the like") from error
    found = {"csv": _csv_header, "jsonl": _json_keys, "parquet": _parquet_names}[form.format or ""](
        file, form
    )
    for name, mine in tables.items():
        for setting, cell in (pair for table in mine for pair in cells(table)):
            needed = form.format != "jsonl" or setting in {"id", "head", "relation", "tail", "old", "new"}
            if cell.column is not None and needed:
                _find(file, f"{name}.{setting}", cell, found)


def _find(file: str, setting: str, cell: Cell, found: Sequence[str]) -> None:
    column = cell.column
    if isinstance(column, int):
        if not 1 <= column <= len(found):
            raise ConfigError(f"{file}: {setting} is column {column}; there are {len(found)}, counted from 1")
    elif column not in found and str(column).partition(".")[0] not in found:
        raise ConfigError(f"{file}: {setting}: {_no_column(str(column), found)}")


def _no_column(column: str, found: Sequence[str]) -> str:
    if not any(found):
        return f"no column {column!r}: the file has no header; give columns by number, from 1"
    near = get_close_matches(column, found, n=1)
    return (
        f"no column {column!r}; {f'did you mean {near[0]!r}? T' if near else 't'}here are {', '.join(found)}"
    )


def batches(
    path: str, form: Format, wanted: Sequence[str | int], out: Out
) -> tuple[Iterator[Batch], Callable[[], Damage | None]]:
    """Return the rows of a file, and what tells afterwards whether it was damaged."""
    if form.format == "parquet":
        return _parquet(path, wanted), lambda: None
    stream = open_stream(path)
    rows = _csv(stream, form, wanted, out) if form.format == "csv" else _json(stream, path, wanted, out)

    def closed() -> Iterator[Batch]:
        with stream:
            yield from rows

    return closed(), lambda: stream.damage


class _Raw(io.RawIOBase):
    """A stream as Python's text layer wants it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _lines(stream: Stream, form: Format) -> io.TextIOWrapper:
    encoding = "utf-8-sig" if codecs.lookup(form.encoding).name == "utf-8" else form.encoding
    raw = io.BufferedReader(_Raw(stream), 1 << 20)
    return io.TextIOWrapper(raw, encoding, errors="surrogateescape", newline="")


def _records(lines: Iterable[str], form: Format) -> Any:
    separator = form.separator or ","
    if form.quotes:
        return csv.reader(lines, delimiter=separator, strict=True)
    return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)


def _csv_header(path: str, form: Format) -> list[str]:
    if form.columns:
        return list(form.columns)
    with open_stream(path) as stream:
        row = _first(_records(_lines(stream, form), form), path)
    if not form.header:
        return [""] * len(row)
    header = [name.strip() for name in row]
    for name in header:
        if name and header.count(name) > 1:
            raise SourceError(f"its header names {name!r} twice; use numbers and header = false", path=path)
    return header


def _first(reader: Any, path: str) -> list[str]:
    try:
        return next((row for row in reader if row), [])
    except csv.Error as error:
        raise SourceError(f"its first row cannot be read: {error}", path=path, line=1) from error


def _csv(stream: Stream, form: Format, wanted: Sequence[str | int], out: Out) -> Iterator[Batch]:
    limit = csv.field_size_limit(LONGEST)
    try:
        reader = _records(_lines(stream, form), form)
        first, line = next(((row, reader.line_num) for row in reader if row), ([], 0))
        names = [name.strip() for name in first] if form.header else list(form.columns)
        places = {key: key - 1 if isinstance(key, int) else names.index(key) for key in wanted}
        width = len(names) or len(first)
        again: list[tuple[int, list[str]]] = [] if form.header else [(line - 1, first)]
        rows: list[list[str]] = []
        lines: list[int] = []
        for at, row in chain(again, _numbered(reader, out)):
            if len(row) != width:
                text = (form.separator or ",").join(row).encode("utf-8", "surrogateescape")
                out.reject(f"{len(row)} fields instead of {width}", line=at, text=text)
                continue
            rows.append(row)
            lines.append(at)
            if len(rows) == ROWS:
                yield _columns(lines, rows, places)
                rows, lines = [], []
        yield _columns(lines, rows, places)
    finally:
        csv.field_size_limit(limit)


def _numbered(reader: Any, out: Out) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with the line they begin in; blank lines are none."""
    while True:
        line = reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            out.reject(f"quotes do not match: {error}", line=line)
            continue
        except UnicodeError as error:  # UTF-16 of which half a character is left
            out.reject(f"cannot be decoded: {error}", line=line)
            return
        if row:
            yield line, row


def _columns(lines: list[int], rows: list[list[str]], places: dict[str | int, int]) -> Batch:
    return Batch(lines, {key: [row[place] for row in rows] for key, place in places.items()})


def _json_keys(path: str, _form: Format) -> list[str]:
    with open_stream(path) as stream:
        data = stream.read(HEAD).removeprefix(codecs.BOM_UTF8)
    if data.lstrip()[:1] == b"[":
        raise SourceError(
            "is one JSON array; an object a line is wanted: `jq -c '.[]'` makes them", path=path
        )
    found: dict[str, None] = {}
    for line in data.split(b"\n"):
        try:
            found.update(dict.fromkeys(msgspec.json.decode(line, type=dict[str, msgspec.Raw])))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # cut off at the end, or to be rejected later
    if not found:
        raise SourceError("has no JSON objects in its first lines; an object a line is wanted", path=path)
    return list(found)


def _json(stream: Stream, path: str, wanted: Sequence[str | int], out: Out) -> Iterator[Batch]:
    decoder, seen = msgspec.json.Decoder(dict[str, Any]), dict[str, None]()
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for at, line in _json_lines(stream, path):
        try:
            rows.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            out.reject(f"not a JSON object: {error}", line=at, text=line)
            continue
        lines.append(at)
        if len(rows) == ROWS:
            seen.update(dict.fromkeys(chain.from_iterable(rows)))
            yield Batch(lines, {key: [_dig(row, str(key)) for row in rows] for key in wanted})
            rows, lines = [], []
    seen.update(dict.fromkeys(chain.from_iterable(rows)))
    for key in wanted:
        if key not in seen and str(key).partition(".")[0] not in seen:
            raise SourceError(_no_column(str(key), [*seen]), path=path)
    yield Batch(lines, {key: [_dig(row, str(key)) for row in rows] for key in wanted})


def _json_lines(stream: Stream, path: str) -> Iterator[tuple[int, bytes]]:
    held, number = b"", 0
    for data in chain(stream.chunks(), [b"\n"]):
        *whole, held = (held + data).split(b"\n")
        if len(held) > LONGEST_LINE:
            raise SourceError(f"a line of more than {LONGEST_LINE >> 20} MiB", path=path, line=number)
        for line in whole:
            text = line.removeprefix(codecs.BOM_UTF8) if number == 0 else line
            if text.strip():
                yield number, text
            number += 1


def _dig(value: Any, key: str) -> Any:
    """Find `a.b` in nested objects and lists of them, unless a key is called so."""
    if isinstance(value, list):
        return [_dig(one, key) for one in value]
    if not isinstance(value, dict):
        return None
    if key in value:
        return value[key]
    first, dot, rest = key.partition(".")
    return _dig(value.get(first), rest) if dot else None


def _parquet_names(path: str, _form: Format) -> list[str]:
    with _opened(path) as file:
        return list(file.schema_arrow.names)


def _parquet(path: str, wanted: Sequence[str | int]) -> Iterator[Batch]:
    import pyarrow as pa  # noqa: PLC0415 - not needed by other formats

    row = 0
    with _opened(path) as file:
        names = file.schema_arrow.names
        of = {key: names[key - 1] if isinstance(key, int) else key for key in wanted}
        top = sorted({name if name in names else name.partition(".")[0] for name in of.values()})
        try:
            for batch in file.iter_batches(batch_size=ROWS, columns=top):
                columns = {key: _parquet_column(batch, name) for key, name in of.items()}
                yield Batch(list(range(row, row + batch.num_rows)), columns)
                row += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise SourceError(f"damaged: {' '.join(str(error).split())}", path=path) from error


def _parquet_column(batch: Any, name: str) -> Column:
    if name in batch.schema.names:
        return batch[name]
    first, _, rest = name.partition(".")
    return [_dig(value, rest) for value in batch[first].to_pylist()]


def _opened(path: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415

    if not Path(path).is_file():
        raise SourceError("no such file", path=path)
    try:
        return pq.ParquetFile(path, pre_buffer=False)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(f"is no Parquet file: {' '.join(str(error).split())}", path=path) from error
