"""Run a reader of lines over a file in pieces, and look at what it staged."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from kbtools.io import Dump
from kbtools.kb import staged
from kbtools.kb.named import PREFIX, SCHEMAS


class Staged:
    """The rows that a reader staged, and what it counted."""

    def __init__(self, decode, data, *, size=1 << 20, **args):
        self.counts: Counter[str] = Counter()
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in [*SCHEMAS, "rejects"]}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "dump").write_bytes(data)
            for piece in Dump(str(folder / "dump")).pieces(folder, size=size, skip=lambda _: False):
                outcome = decode(folder, piece=msgspec.to_builtins(piece), part="part", **args)
                self.counts.update(outcome.facts["counts"])
                for table, held in self._rows.items():
                    stored = table if table == "rejects" else PREFIX + table
                    for batch in staged.read(folder / "part", stored):
                        held.extend(batch.to_pylist())

    def rows(self, table, *columns):
        """The rows of a table; of some columns, as tuples."""
        found = self._rows[table]
        return [tuple(row[name] for name in columns) for row in found] if columns else found

    def ids(self):
        """The entities in the order in which they come first."""
        return list(dict.fromkeys(row["entity"] for row in self.rows("entities")))
