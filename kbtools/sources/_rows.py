"""Gather rows one at a time: for small dumps whose records are objects, not columns."""

from __future__ import annotations

from typing import Any

from kbtools.kb.named import NamedPart

BATCH = 1 << 17  # values of one table that are held before they are handed over


class Rows:
    """Hands over rows to a part in batches, each table's in order. Call `flush` at the end.

    A batch holds rows with the same columns named: name them alike wherever rows of one table alternate.
    Statements are numbered in the order in which `statement` is called; a part takes all its numbers here.
    """

    def __init__(self, out: NamedPart) -> None:
        self.out = out
        # by table: the columns that are named, and the values of all rows one after the other; neither a
        # tuple a row nor a list a column would be as fast
        self._held: dict[str, tuple[tuple[str, ...], list[Any]]] = {}
        self._statements = self._claimed = 0

    def add(self, table: str, **values: Any) -> None:
        """Append one row; a column that is not named is null (`rank` 0, `best` true)."""
        names = tuple(values)
        held = self._held.get(table)
        if held is None or held[0] != names or len(held[1]) >= BATCH:
            self._hand_over(table)
            held = self._held[table] = (names, [])
        held[1].extend(values.values())

    def statement(self) -> int:
        """Return a new statement number."""
        self._statements += 1
        return self._statements - 1

    def flush(self) -> None:
        """Hand over what is held."""
        for table in list(self._held):
            self._hand_over(table)
        self.out.statements(self._statements - self._claimed)
        self._claimed = self._statements

    def _hand_over(self, table: str) -> None:
        if table in self._held:
            names, values = self._held.pop(table)
            self.out.add(table, **{name: values[at :: len(names)] for at, name in enumerate(names)})
            self.out.end_block()
