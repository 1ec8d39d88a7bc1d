"""Gather rows one at a time: for small dumps whose records are objects, not columns."""

from __future__ import annotations

from typing import Any

from kbtools.kb.named import NamedPart

BATCH = 1 << 15  # rows of one table that are held before they are handed over


class Rows:
    """Hands over rows to a part in batches, each table's in order. Call `flush` at the end.

    A batch holds rows with the same columns named: name them alike wherever rows of one table alternate.
    """

    def __init__(self, out: NamedPart) -> None:
        self.out = out
        self._held: dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]] = {}

    def add(self, table: str, **values: Any) -> None:
        """Append one row; a column that is not named is null (`rank` 0, `best` true)."""
        names = tuple(values)
        held = self._held.get(table)
        if held is None or held[0] != names or len(held[1]) >= BATCH:
            self._hand_over(table)
            held = self._held[table] = (names, [])
        held[1].append(tuple(values.values()))

    def statement(self) -> int:
        """Return a new statement number."""
        return int(self.out.statements(1)[0])

    def flush(self) -> None:
        """Hand over what is held."""
        for table in list(self._held):
            self._hand_over(table)

    def _hand_over(self, table: str) -> None:
        if table in self._held:
            names, rows = self._held.pop(table)
            self.out.add(table, **dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
            self.out.end_block()
