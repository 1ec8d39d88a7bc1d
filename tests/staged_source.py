"""What the tests of small sources share: plan, read, and look at what was staged."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from kbtools.kb import staged
from kbtools.kb.named import PREFIX, SCHEMAS


class Staged:
    """The rows that a source stages for some dumps, without the columns that are null."""

    def __init__(self, folder: Path, source: Any, *dumps: Path, **settings: Any) -> None:
        self.reading = source.plan([str(dump) for dump in dumps], source.settings(**settings))
        (feed,) = self.reading.feeds
        module, _, function = feed.call.partition(":")
        call = getattr(import_module(module), function)
        folder.mkdir(parents=True, exist_ok=True)
        self.outcome = call(folder, files=list(feed.paths), part="x.part", **feed.args)
        self.counts = self.outcome.facts["counts"]
        self.tables = {name: _rows(folder / "x.part", PREFIX + name) for name in SCHEMAS}
        self.rejects = _rows(folder / "x.part", "rejects")

    def __getitem__(self, table: str) -> list[dict[str, Any]]:
        return self.tables[table]

    def edges(self, relation: str | None = None) -> list[tuple[str, str, str]]:
        """Triples as (head, relation, tail)."""
        rows = [(row["entity"], row["relation"], row["tail"]) for row in self["triples"]]
        return [row for row in rows if relation in {None, row[1]}]


def _rows(part: Path, table: str) -> list[dict[str, Any]]:
    rows = [row for batch in staged.read(part, table) for row in batch.to_pylist()]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]
