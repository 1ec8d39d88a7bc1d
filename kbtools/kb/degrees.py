"""How many triples start and end at each entity: counted file by file while triples are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kbtools.kb import arrays

FOLDER = "work/degrees"
SIDES = {"head": "out", "tail": "in"}

Array = np.ndarray[Any, Any]


class Degrees:
    """Counts of one file's triples, kept beside it: for each side, arrays of (eids, counts)."""

    def __init__(self, folder: Path, name: str, *, counting: bool) -> None:
        self._folder, self._name, self._counting = folder / FOLDER, name, counting
        self.files = [f"{FOLDER}/{name}.{side}" for side in SIDES.values()] if counting else []

    def __enter__(self) -> Degrees:
        if self._counting:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files = {
                column: (self._folder / f"{self._name}.{side}").open("wb") for column, side in SIDES.items()
            }
        return self

    def __exit__(self, *_: object) -> None:
        if self._counting:
            for file in self._files.values():
                file.close()

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Count the heads and tails of some triples."""
        for column, file in self._files.items():
            eids, counts = np.unique(rows[column].to_numpy(), return_counts=True)
            np.save(file, np.stack([eids, counts.astype(np.uint32)]), allow_pickle=False)

    def watch(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Count triples on their way to somewhere else."""
        for batch in batches:
            if self._counting:
                self.add(batch)
            yield batch


def total(folder: Path, side: str, entities: int) -> Array:
    """Add up all counts of one side ("in" or "out") → [entities] uint32, on disk."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)  # a source may have no triples
    sums = arrays.create(folder / FOLDER / f"sum.{side}.u32", entities)
    for path in sorted((folder / FOLDER).glob(f"*.{side}")):
        with path.open("rb") as file:
            while file.peek(1):
                eids, counts = np.load(file, allow_pickle=False)
                sums[eids] += counts
    return sums
