"""What the tests of small sources share: plan, read, and look at what was staged."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from kbtools.kb import staged
from kbtools.kb.named import PREFIX, SCHEMAS


class Staged:
    """The rows that a source stages for some dumps, without the columns that are null."""

    def __init__(self, folder: Path, source: Any, *dumps: Path | str, **settings: Any) -> None:
        self.reading = source.plan([str(dump) for dump in dumps], source.settings(**settings))
        (feed,) = self.reading.feeds
        module, _, function = feed.call.partition(":")
        call = getattr(import_module(module), function)
        folder.mkdir(parents=True, exist_ok=True)
        self.outcome = call(folder, files=list(feed.paths), part="x.part", **feed.args)
        self.counts = self.outcome.facts["counts"]
        self.tables = {name: rows_of(folder / "x.part", name) for name in (*SCHEMAS, "rejects")}

    def __getitem__(self, table: str) -> list[dict[str, Any]]:
        return self.tables[table]

    @property
    def rejects(self) -> list[dict[str, Any]]:
        """What could not be used."""
        return self["rejects"]

    def rows(self, table: str, *columns: str) -> list[Any]:
        """Return rows as tuples of these columns, single values if it is one."""
        return columns_of(self[table], *columns)

    def edges(self, relation: str | None = None) -> list[tuple[str, str, str]]:
        """Triples as (head, relation, tail)."""
        rows = self.rows("triples", "entity", "relation", "tail")
        return [row for row in rows if relation in {None, row[1]}]


def rows_of(part: Path, table: str) -> list[dict[str, Any]]:
    """Return the rows of a staged table, without the columns that are null."""
    stored = table if table == "rejects" else PREFIX + table
    rows = [row for batch in staged.read(part, stored) for row in batch.to_pylist()]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def columns_of(rows: list[dict[str, Any]], *columns: str) -> list[Any]:
    """Return rows as tuples of these columns, single values if it is one."""
    if len(columns) == 1:
        return [row.get(columns[0]) for row in rows]
    return [tuple(row.get(column) for column in columns) for row in rows]
