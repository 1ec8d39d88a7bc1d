"""Stage files with a source's reader of whole files, and look at the rows."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from kbtools.kb import staged
from kbtools.kb.named import PREFIX


class Staged:
    """What one reader staged."""

    def __init__(self, folder: Path, source: str, files: list[Path | str], **settings: Any) -> None:
        found = importlib.import_module(f"kbtools.sources.{source}")
        reading = found.SOURCE.plan([str(file) for file in files], found.Settings(**settings))
        (feed,) = reading.feeds
        module, _, function = feed.call.partition(":")
        read = getattr(importlib.import_module(module), function)
        self.reading, self.path = reading, folder / "x.part"
        self.outcome = read(folder, files=list(feed.paths), part="x.part", **feed.args)
        self.counts: dict[str, int] = self.outcome.facts["counts"]

    def rows(self, table: str, *columns: str) -> list[Any]:
        """Return rows as tuples of these columns, single values if it is one."""
        name = table if table == "rejects" else PREFIX + table
        found = [row for batch in staged.read(self.path, name) for row in batch.to_pylist()]
        if len(columns) == 1:
            return [row[columns[0]] for row in found]
        return [tuple(row[column] for column in columns) for row in found]

    @property
    def rejects(self) -> list[tuple[int | None, str]]:
        """The line (from 0) and the reason of each reject."""
        return self.rows("rejects", "line", "reason")
