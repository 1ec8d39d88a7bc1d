"""The staged parts of a knowledge base in the order of the dump, and how local numbers become global."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.artefact import write_whole
from kbtools.kb import staged

FILE = "work/parts.json"
NAMED = "work/named.json"  # the part that naming adds (`names.py`), with a record of its own


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A staged part; `row`, `statement`, `page`, `line` and `byte` are what its local zeros stand for."""

    path: str  # relative to the staging folder
    file: str  # the name of the dump it came from
    row: int = 0
    rows: int = 0
    statement: int = 0
    statements: int = 0
    page: int = 0
    pages: int = 0
    line: int | None = 0  # lines before it; None: they are not known
    byte: int = 0


class Parts:
    """All parts of one staging folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = [folder / FILE, *([folder / NAMED] if (folder / NAMED).exists() else ())]
        self.parts = [p for file in files for p in msgspec.json.decode(file.read_bytes(), type=list[Part])]
        self._ends = np.array([part.row + part.rows for part in self.parts], np.int64)

    @staticmethod
    def save(folder: Path, parts: Sequence[Part], file: str = FILE) -> None:
        """Write the list down for the tasks of finishing."""
        write_whole(folder / file, msgspec.json.encode(parts))

    @property
    def rows(self) -> int:
        """The number of entity rows that were staged."""
        return int(self._ends[-1]) if self.parts else 0

    def batches(self, table: str, columns: list[str] | None = None) -> Iterator[tuple[Part, pa.RecordBatch]]:
        """Yield all batches of a table in dump order, each with its part."""
        for part in self.parts:
            for batch in staged.read(self.folder / part.path, table, columns):
                yield part, batch

    def numbered(
        self, table: str, columns: list[str] | None = None
    ) -> Iterator[tuple[Part, Any, pa.RecordBatch]]:
        """Yield all batches of a table, each with its part and the numbers of its rows in the whole dump."""
        first = 0
        for part, batch in self.batches(table, columns):
            yield part, np.arange(first, first + batch.num_rows), batch
            first += batch.num_rows

    def between(self, table: str, first: int, end: int) -> Iterator[tuple[Part, pa.RecordBatch]]:
        """Yield the rows of `table` that belong to the entity rows from `first` up to `end`.

        Batches are in row order, so that reading can stop early; within a part, rows ascend.
        """
        for place in range(int(np.searchsorted(self._ends, first, side="right")), len(self.parts)):
            part = self.parts[place]
            if part.row >= end:
                return
            for batch in staged.read(self.folder / part.path, table):
                rows = batch["row"].to_numpy().astype(np.int64) + part.row
                low, high = np.searchsorted(rows, [first, end])
                if high > low:
                    yield part, batch.slice(low, high - low)
                if high < len(rows):
                    break


def rows_of(part: Part, batch: pa.RecordBatch) -> Any:
    """Return the global entity rows of a batch, int64."""
    return batch["row"].to_numpy().astype(np.int64) + part.row
