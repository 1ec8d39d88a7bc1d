"""Rows on their way from a foreign file into a folder: on the disk, until it is known whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.errors import SourceError
from kbtools.vectors.formats.base import F32, I64, Piece

SCHEMA = pa.schema([("name", pa.string()), ("line", pa.int64()), ("word", pa.bool_())])
BATCH = 1 << 20  # names that are looked at together
BLOCK = 1 << 26  # bytes of vectors that are handed on together


class Spool:
    """Numbers in one file, names in another; a context manager that is written first, then read."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.source = source
        self.rows, self.dim = 0, 0
        self._numbers, self._names = folder / "numbers", folder / "names"

    def __enter__(self) -> Spool:
        self._file = self._numbers.open("wb")
        self._table = pa.OSFile(str(self._names), "wb")
        self._writer = pa.ipc.new_stream(self._table, SCHEMA)
        return self

    def add(self, piece: Piece) -> None:
        """Write some rows."""
        dim = piece.numbers.shape[1]
        if self.dim not in {0, dim}:
            what = f"has rows of {self.dim:,} numbers and of {dim:,}; vectors have one width"
            raise SourceError(what, path=self.source)
        self.dim = dim
        self.rows += len(piece.names)
        self._file.write(np.ascontiguousarray(piece.numbers, np.float32).data)
        word = pa.array(np.full(len(piece.names), piece.words))
        self._writer.write_batch(pa.record_batch([piece.names, pa.array(piece.line), word], schema=SCHEMA))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._table.close()
        self._file.close()

    def names(self) -> Iterator[pa.Table]:
        """Read the names in order, many at a time."""
        with pa.memory_map(str(self._names)) as mapped, pa.ipc.open_stream(mapped) as batches:
            held: list[pa.RecordBatch] = []
            for batch in batches:
                held.append(batch)
                if sum(map(len, held)) >= BATCH:
                    yield pa.Table.from_batches(held)
                    held = []
            if held:
                yield pa.Table.from_batches(held)

    def blocks(self, rows: I64, dtype: str) -> Iterator[NDArray[Any]]:
        """Read some rows, ascending, in blocks; one of no rows if there are none."""
        step = max(1, BLOCK // (4 * self.dim))
        for at in range(0, max(1, len(rows)), step):
            with np.errstate(over="ignore"):  # what is too large for float16 is told when it is written
                yield self._some(rows[at : at + step]).astype(dtype, copy=False)

    def _some(self, rows: I64) -> F32:
        if not len(rows):
            return np.zeros((0, self.dim), np.float32)
        whole = np.memmap(self._numbers, np.float32, "r", shape=(self.rows, self.dim))  # let go each time
        return np.array(whole[rows])
