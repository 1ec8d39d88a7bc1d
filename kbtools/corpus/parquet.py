"""Parquet: a row is a document, its text stands in one column.

A document without an id is called `file:row`. Columns named by the setting `meta` ride along as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kbtools.config import setting
from kbtools.corpus._files import as_part, files_of, has_files, identities, name_in
from kbtools.corpus.base import BATCH, DOCUMENTS, PIECE, ROWS, TEXT, Part, Report
from kbtools.errors import ConfigError, SourceError
from kbtools.io.inputs import local
from kbtools.kb.schema import STR


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the columns are called."""

    text: str = setting("The column that holds the text.", "text")
    id: str = setting("The column that names the document.", "id")
    lang: str = setting("The column that names its language.", "lang")
    meta: tuple[str, ...] = setting("Other columns to keep.", ())


class GroupsPart(msgspec.Struct, frozen=True, kw_only=True):
    """Row groups of a file that follow each other; `row` is how many rows stand before them."""

    path: str
    name: str
    groups: list[int]
    row: int
    batch: int  # rows in a batch


class Parquet:
    """Reads .parquet."""

    suffixes: ClassVar[Sequence[str]] = (".parquet",)
    example: ClassVar[str] = "fineweb.parquet"
    settings: ClassVar[type] = Settings

    def recognises(self, path: str) -> bool:
        """Tell whether a folder holds such files."""
        return has_files(path, self.suffixes)

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Identify the files."""
        return identities(path, self.suffixes)

    def plan(self, path: str, settings: Settings, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Put row groups together by the size of their texts."""
        for file in files_of(path, self.suffixes):
            here = local(file)
            if here is None:
                raise SourceError("Parquet is read from files on this machine; copy it here first", path=file)
            with opened(here) as table:
                _columns(table, settings, file)
                for part in _parts(table, settings.text, here, name_in(path, file)):
                    yield Part(msgspec.to_builtins(part))

    def read(self, part: Any, settings: Settings, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Read the row groups batch by batch."""
        mine: GroupsPart = as_part(GroupsPart, part)
        row = mine.row
        with opened(mine.path) as table:
            wanted = _columns(table, settings, mine.path)
            for batch in table.iter_batches(mine.batch, row_groups=mine.groups, columns=list(wanted)):
                yield _documents(batch, row, settings, mine.name, report)
                row += batch.num_rows


FORMAT = Parquet()


@contextmanager
def opened(path: str) -> Iterator[pq.ParquetFile]:
    """Open a file of tables; whatever is wrong with it is said in one line."""
    try:
        with pq.ParquetFile(path, pre_buffer=False) as table:
            yield table
    except FileNotFoundError:
        raise SourceError("no such file; check the path", path=path) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"not a Parquet file, or damaged: {' '.join(str(error).split())}", path=path
        ) from None


def _columns(table: pq.ParquetFile, settings: Settings, path: str) -> dict[str, None]:
    """Return the columns to read; refuse settings that name others than there are."""
    names = table.schema_arrow.names
    asked = [settings.text, *settings.meta]
    asked += [one for one, usual in ((settings.id, "id"), (settings.lang, "lang")) if one != usual]
    for name in asked:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigError(f"{path}: no column {name!r}; {hint}it has {', '.join(names)}")
    kind = table.schema_arrow.field(settings.text).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise ConfigError(f"{path}: column {settings.text!r} is {kind}, not text; name another: text=COLUMN")
    return dict.fromkeys(name for name in (*asked, settings.id, settings.lang) if name in names)


def _parts(table: pq.ParquetFile, column: str, path: str, name: str) -> Iterator[GroupsPart]:
    facts = table.metadata
    place = next(i for i in range(facts.num_columns) if facts.schema.column(i).path == column)
    row = size = rows = 0
    groups: list[int] = []
    for group in range(facts.num_row_groups):
        found = facts.row_group(group)
        groups.append(group)
        size += found.column(place).total_uncompressed_size
        rows += found.num_rows
        if size >= PIECE or group == facts.num_row_groups - 1:
            batch = int(min(ROWS, max(1, BATCH * rows // max(size, 1))))
            yield GroupsPart(path=path, name=name, groups=groups, row=row, batch=batch)
            row, size, rows, groups = row + rows, 0, 0, []


def _documents(
    batch: pa.RecordBatch, row: int, settings: Settings, file: str, report: Report
) -> pa.RecordBatch:
    """Lay out rows as documents; those without a text that can be read are rejected."""
    text, bad = _texts(batch[settings.text])
    for at in np.flatnonzero(bad).tolist():
        reason = "not UTF-8" if batch[settings.text][at].is_valid else "no text"
        report.reject(f"{file}:{row + at + 1}", reason)
    names = batch.schema.names
    numbers = [f"{file}:{row + at + 1}" for at in range(batch.num_rows)]
    unnamed = pa.array(numbers, STR)
    ids = pc.coalesce(_plain(batch[settings.id], file), unnamed) if settings.id in names else unnamed
    lang = _plain(batch[settings.lang], file) if settings.lang in names else pa.nulls(batch.num_rows, STR)
    meta = pa.nulls(batch.num_rows, STR)
    if settings.meta:
        told = batch.select(list(settings.meta)).to_pylist()
        meta = pa.array([msgspec.json.encode(one, enc_hook=str).decode() for one in told], STR)
    links = pa.nulls(batch.num_rows, DOCUMENTS.field("links").type)
    made = pa.RecordBatch.from_arrays([ids, text.fill_null(""), lang, meta, links], schema=DOCUMENTS)
    made = made.filter(pa.array(~bad)) if bad.any() else made
    report.counts["read"] += made.num_rows
    return made


def _texts(column: pa.Array) -> tuple[pa.LargeStringArray, Any]:
    """Return the texts, and which of them are missing or not UTF-8."""
    texts = column.cast(TEXT)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        found = [_decoded(value.as_buffer()) for value in texts.cast(pa.large_binary())]
        texts = pa.array(found, TEXT)
    return texts, texts.is_null().to_numpy(zero_copy_only=False)


def _decoded(data: Any) -> str | None:
    try:
        return None if data is None else data.to_pybytes().decode()
    except UnicodeDecodeError:
        return None


def _plain(column: pa.Array, file: str) -> pa.Array:
    try:
        named = column.cast(STR)
        named.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise ConfigError(f"{file}: a column of {column.type} cannot name documents or languages") from None
    return named
