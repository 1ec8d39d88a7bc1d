"""Shards opened for reading: tables mapped into memory, which no one ever holds whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError
from kbtools.kb.reader import BATCH_ROWS, Tables
from kbtools.shards.base import I64, SPLITS
from kbtools.shards.reading import converted
from kbtools.shards.reading.classes import distinct
from kbtools.shards.reading.columns import Column, Lists, column
from kbtools.shards.reading.fills import Fills
from kbtools.shards.reading.memory import MappedFile, Memory, damaged, map_file

IDS = "input_ids"
Row = dict[str, Any]


class Split:
    """One table: the record batches of all its files, one after the other."""

    def __init__(self, files: Sequence[MappedFile]) -> None:
        for file in files:
            if not file.schema.equals(files[0].schema):
                raise ArtefactError(f"{file.path}: its columns are not those of {files[0].path}")
        self.memory = Memory(files)
        self.schema: pa.Schema = files[0].schema if files else pa.schema([])
        self.batches = [batch for file in files for batch in file.batches]
        self.starts: I64 = np.cumsum([0, *(batch.num_rows for batch in self.batches)])  # [C + 1]
        self._columns: dict[str, Column] = {}
        self._sound: set[int] = set()

    def __len__(self) -> int:
        return int(self.starts[-1])

    def column(self, name: str) -> Column:
        """Return a column; it is laid out when it is first asked for."""
        if name not in self._columns:
            if name not in self.schema.names:
                raise ArtefactError(f"no column {name!r}; there are: {', '.join(self.schema.names)}")
            arrays = [batch.column(name) for batch in self.batches]
            try:
                self._columns[name] = column(name, arrays, self.memory)
            except (pa.ArrowException, ValueError) as error:
                raise damaged(self.memory.path(0).parent, error) from error
        return self._columns[name]

    def find(self, rows: I64) -> tuple[I64, I64]:
        """Say in which record batch rows lie, and where in it; refuse rows that there are not."""
        if len(rows) and (rows.min() < 0 or rows.max() >= len(self)):
            wrong = rows[(rows < 0) | (rows >= len(self))][0]
            raise IndexError(f"no example {wrong}: there are {len(self)}")
        chunk = np.searchsorted(self.starts, rows, side="right") - 1
        return chunk, rows - self.starts[chunk]

    def batch(self, chunk: int) -> pa.RecordBatch:
        """Return a record batch whose lists and strings lie inside of it: Arrow does not look by itself."""
        found = self.batches[chunk]
        if chunk not in self._sound:
            try:
                found.validate(full=True)
            except pa.ArrowException as error:
                raise damaged(self.memory.path(chunk), error) from error
            self._sound.add(chunk)
        return found

    def take(self, rows: I64, columns: Sequence[str], fills: Fills) -> dict[str, Any]:
        """Gather rows, in the order given."""
        if not self.batches:
            return {}
        chunk, index = self.find(rows)
        return {name: self.column(name).take(chunk, index, fills) for name in columns}

    def lengths(self, rows: I64) -> I64:
        """Count the tokens of rows; where there are none (numbers, triples), a row counts as one."""
        if IDS not in self.schema.names:
            return np.ones(len(rows), np.int64)
        lists = self.column(IDS)
        assert isinstance(lists, Lists)  # noqa: S101 - for mypy: `Shards` has looked
        return lists.span(*self.find(rows))[1]


class Shards(Tables):
    """A `shards` artefact. Opening reads the manifest; a table's files are mapped when it is first used.

    Shards of Parquet are written once more as Arrow, into a folder beside them or into `cache`.
    """

    kind = "shards"

    def __init__(self, path: Path | str, *, cache: Path | str | None = None) -> None:
        super().__init__(path)
        self._cache = cache
        self._open: dict[str, Split] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what another process needs: the path."""
        return _reopen, (str(self.path), None if self._cache is None else str(self._cache))

    @property
    def content(self) -> str:
        """What tells these shards from others."""
        return self.manifest.content

    @property
    def splits(self) -> list[str]:
        """The tables of examples there are: train, dev, test."""
        return [name for name in SPLITS if name in self.manifest.tables]

    @property
    def kbs(self) -> list[KbRef]:
        """The knowledge bases that eids are of."""
        return self.manifest.kbs

    @property
    def settings(self) -> Mapping[str, Any]:
        """What they were made with."""
        return self.manifest.settings

    @property
    def max_length(self) -> int | None:
        """How many tokens an example may have, if that was asked for."""
        found: int | None = self.settings.get("common", {}).get("max_length")
        return found

    @property
    def tokenizer(self) -> Mapping[str, Any]:
        """What is known of the tokenizer: content, size, ids of special tokens; empty if there was none."""
        found: Mapping[str, Any] = self.manifest.notes.get("tokenizer") or {}
        return found

    @property
    def columns(self) -> list[str]:
        """The columns of an example."""
        return list(self.schema.names)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of an example, with their types."""
        if not self.splits:
            return pa.schema([])
        first = self.files(self.splits[0])[:1]
        if first and first[0].suffix == ".parquet":
            return pq.read_schema(first[0]).remove_metadata()
        return self.open(self.splits[0]).schema

    @property
    def fills(self) -> Fills:
        """What columns hold where there is nothing."""
        return Fills(max(int(self.tokenizer.get("pad", 0)), 0))

    def tokens(self, split: str) -> int:
        """Count the tokens of a table, as the manifest has it."""
        return sum(tokens for _, tokens in self._index(split))

    def lengths(self, split: str, rows: I64 | None = None) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Count the tokens of rows, or of all: four bytes for each of them, made when asked for."""
        opened = self.open(split)
        return opened.lengths(np.arange(len(opened)) if rows is None else rows).astype(np.int32)

    def longest(self, split: str) -> int | None:
        """Say how many tokens an example has at most, as the manifest has it; None: it does not say."""
        bars = self.manifest.notes.get("lengths", {}).get(split)
        found: int | None = bars[-1][0] if bars else None
        return found

    def words(self, column: str) -> list[str]:
        """Return the different words of a column in all splits, sorted: names of classes, kinds of pairs.

        All of the column is read.
        """
        names = [name for name in self.columns if f"{column}.".startswith(f"{name}.")]
        name = max(names, key=len, default=column)
        found: set[str] = set()
        for split in self.splits:
            for batch in self.scan(split, [name]):
                found.update(distinct(column, column.removeprefix(name).lstrip("."), batch.column(name)))
        return sorted(found)

    def row(self, split: str, number: int) -> Row:
        """Return an example for a person to look at; a number below 0 counts from the end."""
        opened = self.open(split)
        at = np.array([number + len(opened) if number < 0 else number])
        chunk, index = opened.find(at)
        found: Row = opened.batch(int(chunk[0])).slice(int(index[0]), 1).to_pylist()[0]
        return found

    def open(self, split: str) -> Split:
        """Map the files of a table."""
        if split not in self._open:
            self._open[split] = self._map(split)
        return self._open[split]

    def scan(
        self, table: str, columns: Sequence[str] | None = None, *, rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield a table in batches of at most `rows`, in order; Parquet is read as it is."""
        if table in self.tabular:
            yield from super().scan(table, columns, rows=rows)
            return
        opened = self.open(table)
        wanted = opened.schema.names if columns is None else list(columns)
        self._check(table, opened.schema, wanted)
        for chunk in range(len(opened.batches)):
            some = opened.batch(chunk).select(wanted)
            yield from (some.slice(first, rows) for first in range(0, some.num_rows, rows))

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a table; one of Arrow stays mapped, and is not looked at."""
        if name in self.tabular:
            return super().table(name, columns)
        opened = self.open(name)
        wanted = opened.schema.names if columns is None else list(columns)
        self._check(name, opened.schema, wanted)
        return pa.Table.from_batches(opened.batches, opened.schema).select(wanted)

    def _map(self, split: str) -> Split:
        files = self.files(split)
        for path, told in zip(files, self.manifest.tables[split].files, strict=True):
            if path.stat().st_size != told.bytes:
                raise damaged(path, f"{path.stat().st_size:,} bytes, where the manifest has {told.bytes:,}")
        cache = Path(self._cache) if self._cache else converted.beside(self.path, self.content)
        mapped = [
            map_file(converted.as_arrow(path, self.path, cache) if path.suffix == ".parquet" else path)
            for path in files
        ]
        found = Split(mapped)
        if len(found) != self.rows(split):
            raise ArtefactError(
                f"{self.path}: {split} has {len(found):,} examples, where the manifest has "
                f"{self.rows(split):,}; make the shards again"
            )
        if IDS in found.schema.names and not pa.types.is_list(found.schema.field(IDS).type):
            raise ArtefactError(f"{self.path}: {IDS} is {found.schema.field(IDS).type}, not a list of tokens")
        return found

    def _index(self, split: str) -> list[tuple[int, int]]:
        """Return the rows and tokens of each file."""
        found: list[tuple[int, int]] = self.manifest.notes.get("index", {}).get(split, [])
        return found


def _reopen(path: str, cache: str | None) -> Shards:
    return Shards(path, cache=cache)
