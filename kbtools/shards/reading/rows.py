"""A table of examples by number: for samplers of one's own, and for batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.errors import ArtefactError, ConfigError
from kbtools.shards.base import I64, SPLITS
from kbtools.shards.reader import Shards
from kbtools.shards.reading.classes import Classes
from kbtools.shards.reading.collating import IDS, Batch, Collator, columns_along, flattened
from kbtools.shards.reading.fills import Fills
from kbtools.shards.reading.ragged import cut, spread
from kbtools.shards.reading.single import example

LOOKED_AT = 4096  # rows, to learn which columns go along with the tokens


class Rows:
    """The examples of one table, mapped: `len`, `rows[i]`, `rows.take(numbers)`."""

    def __init__(
        self,
        shards: Shards,
        split: str = "train",
        *,
        columns: Sequence[str] = (),
        multiple_of: int = 8,
        pads: Mapping[str, float] | None = None,
        classes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.shards, self.split = shards, split
        self.table = shards.open(split)
        self.columns = list(columns) or self.table.schema.names
        for name in self.columns if len(self.table) else ():
            self.table.column(name)  # what cannot be read is told before training begins
        self.fills = Fills(shards.fills.pad_id, dict(pads or {}))
        self.classes = {name: Classes(name, words) for name, words in (classes or {}).items()}
        self._asked = {
            "columns": tuple(columns), "multiple_of": multiple_of, "pads": pads, "classes": classes
        }  # fmt: skip
        self.collate = Collator(self.fills, multiple_of, columns_along(self._some()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what another process needs: nothing that is mapped."""
        return _again, (self.shards, self.split, self._asked)

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, number: int) -> dict[str, Any]:
        """Return an example as arrays that look into the file: read them, do not write.

        Truths, which are bits there, and strings are copies. Lists of lists are lists of arrays.
        """
        at = np.array([number + len(self) if number < 0 else number])
        chunk, index = self.table.find(at)
        batch = self.table.batch(int(chunk[0]))
        return {
            leaf: value
            for name in self.columns
            for leaf, value in example(name, batch.column(name).slice(int(index[0]), 1), self.fills).items()
        }

    def take(self, numbers: Sequence[int] | NDArray[np.integer[Any]]) -> Batch:
        """Return a batch of these examples, in this order."""
        rows = np.asarray(numbers, np.int64)
        return self.collate(self.gather(rows), rows)

    def look_up(self, numbers: Any) -> Batch:
        """Return the rows of numbers in an array of any shape, which the arrays begin with: [*shape, ...].

        A number below 0 is no row: it has lists of nothing. Strings are not put in shape.
        """
        asked = np.asarray(numbers, np.int64)
        rows = asked.ravel()
        there = rows >= 0
        found = self.gather(rows[there])
        if not there.all():
            found = {name: spread(one, there, partial(self.fills.of, name)) for name, one in found.items()}
        return {
            name: one.reshape((*asked.shape, *one.shape[1:])) if isinstance(one, np.ndarray) else one
            for name, one in self.collate(found, rows).items()
        }

    def gather(self, rows: I64) -> dict[str, Any]:
        """Gather the columns of rows, not yet padded."""
        return self._coded(flattened(self.table.take(rows, self.columns, self.fills)))

    def _coded(self, found: dict[str, Any]) -> dict[str, Any]:
        for name, classes in self.classes.items() if found else ():
            if name not in found:
                raise ConfigError(f"classes: there is no column {name!r}, or it is not read")
            found[name] = classes(found[name], self.fills)
        return found

    def _some(self) -> list[dict[str, Any]]:
        """Gather some rows to learn from; of train too, where there are few."""
        found = [self.gather(np.arange(min(len(self), LOOKED_AT)))]
        train = SPLITS[0]
        # Parquet would have to be written anew for that
        there = train in self.shards.splits and train not in self.shards.tabular
        if there and self.split in SPLITS[1:] and len(self) < LOOKED_AT:
            table = self.shards.open(train)
            more = table.take(np.arange(min(len(table), LOOKED_AT)), self.columns, self.fills)
            found.append(self._coded(flattened(more)))
        return [one for one in found if one] or [{}]

    def lengths(self, rows: I64) -> I64:
        """Count the tokens of rows."""
        return self.table.lengths(rows)

    def part(
        self, gathered: Mapping[str, Any], start: int, stop: int, rows: I64, bounds: I64 | None
    ) -> Batch:
        """Make a batch of a stretch of what was gathered."""
        some = {name: cut(taken, start, stop) for name, taken in gathered.items()}
        return self.collate(some, rows, bounds)

    def need_tokens(self) -> None:
        """Refuse to pack what has no tokens, or without them."""
        if IDS not in self.columns:
            raise ArtefactError(f"{self.shards.path}: rows are packed by {IDS}, which is not read")


def _again(shards: Shards, split: str, asked: dict[str, Any]) -> Rows:
    return Rows(shards, split, **asked)
