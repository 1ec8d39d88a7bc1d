"""What entities are called, for people: of those that a report shows, by their numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.kb.ids import Ids
from kbtools.kb.reader import Base


class Names:
    """Ids and labels of the entities of a knowledge base."""

    def __init__(self, base: Base) -> None:
        self._ids = Ids(base.kb)

    def ids(self, eids: NDArray[np.int64]) -> pa.Array:
        """Return ids of entities, of any shape flattened; null for −1."""
        return self._take(eids, "id")

    def labels(self, eids: NDArray[np.int64]) -> pa.Array:
        """Return what entities are called; null where that is not known."""
        return self._take(eids, "label")

    def shown(self, eids: NDArray[np.int64]) -> list[str]:
        """Return labels, or ids of what has none."""
        pairs = zip(self.labels(eids).to_pylist(), self.ids(eids).to_pylist(), strict=True)
        return [label or name or "" for label, name in pairs]

    def _take(self, eids: NDArray[np.int64], column: str) -> pa.Array:
        found: pa.Array = self._ids.take(eids.ravel(), column)
        return found
