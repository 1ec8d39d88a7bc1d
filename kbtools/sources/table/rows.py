"""One batch of rows as a map sees it: cells are looked up, and rows that lack what they need are rejected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb.named import NamedPart
from kbtools.sources.table import values
from kbtools.sources.table.columns import Cell
from kbtools.sources.table.files import Batch
from kbtools.sources.table.values import Array, Seen, Values


class Rows:
    """A batch; `seen` outlives it."""

    def __init__(self, out: NamedPart, batch: Batch, seen: dict[str, Seen]) -> None:
        self.out, self.batch, self.seen = out, batch, seen
        self.lines = np.array(batch.lines, np.uint64)
        self._read: dict[tuple[Any, Any, Any], Values] = {}
        self._rejected: set[tuple[int, str]] = set()
        self._unsound: set[int] = set()

    def required(self, cell: Cell, what: str) -> tuple[pa.Array, Array]:
        """Return the first value of each row, and the rows that have one; the others are rejected."""
        found = self.column(cell)
        good = np.asarray(found.is_valid())
        for row in np.flatnonzero(~good).tolist():
            if row not in self._unsound:
                self.reject(row, f"empty {what}")
        return found, good

    def column(self, cell: Cell | None) -> pa.Array:
        """Return the first value of each row, null where it has none."""
        if cell is None:
            return pa.nulls(len(self.lines), pa.string())
        return values.one_each(self.values(cell), len(self.lines))

    def counts(self, cell: Cell | None, good: Array) -> pa.Array | None:
        """Return the whole numbers of a cell."""
        if cell is None:
            return None
        found = self.column(cell)
        fits = pc.match_substring_regex(found, r"^\d{1,18}$")
        for row in np.flatnonzero(np.asarray(pc.fill_null(pc.invert(fits), False)) & good).tolist():
            self.reject(row, "freq is not a whole number", f"{found[row].as_py()}")
        return pc.if_else(fits, found, pa.scalar(None, pa.string())).cast(pa.uint64())

    def values(self, cell: Cell, good: Array | None = None) -> Values:
        """Return what a cell has in all rows, or in the `good` ones."""
        key = (cell.column, cell.value, cell.split)
        if key not in self._read:
            self._read[key] = self._take(cell)
        found = self._read[key]
        if good is None or good.all():
            return found
        kept = good[found.rows]
        return Values(found.rows[kept], found.texts.filter(pa.array(kept)))

    def _take(self, cell: Cell) -> Values:
        rows: Any
        rows = (
            pa.repeat(cell.value, len(self.lines)) if cell.column is None else self.batch.columns[cell.column]
        )
        found, unsound = values.read(rows, cell.split)
        for some in unsound:
            self._unsound.update(some.rows)
            for row in some.rows:
                self.reject(row, f"column {cell.column!r} {some.reason}")
        return found

    def new(self, name: str, texts: pa.Array) -> Array:
        """Tell which texts are met for the first time in this file, under this name."""
        return self.seen.setdefault(name, Seen()).new(texts)

    def reject(self, row: int, reason: str, text: str = "") -> None:
        """Note a row, once for each reason."""
        if (row, reason) not in self._rejected:
            self._rejected.add((row, reason))
            self.out.reject(reason, line=self.batch.lines[row], text=text or self._text(row))

    def _text(self, row: int) -> str:
        cells = (column[row] for column in self.batch.columns.values())
        shown = (cell.as_py() if isinstance(cell, pa.Scalar) else cell for cell in cells)
        return " | ".join(str(cell).encode("utf-8", "replace").decode() for cell in shown if cell is not None)
