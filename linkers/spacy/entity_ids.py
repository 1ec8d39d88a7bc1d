"""The ids of what an alias table speaks of: spaCy knows entities by strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.kb.ids import Ids
from kbtools.kb.reader import Base


class EntityIds:
    """Ids by knowledge base and eid."""

    def __init__(self, bases: Mapping[int, Base]) -> None:
        self._ids = {place: Ids(base.kb) for place, base in bases.items()}

    def of(self, kb: NDArray[np.uint8], eid: NDArray[np.integer[Any]]) -> list[str | None]:
        """Return the ids of entities; None for those of a knowledge base that is not at hand."""
        found: list[str | None] = [None] * len(eid)
        for place, ids in self._ids.items():
            rows = np.flatnonzero(kb == place)
            for row, name in zip(rows.tolist(), ids.take(eid[rows]).to_pylist(), strict=True):
                found[row] = name
        return found
