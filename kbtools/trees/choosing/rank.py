"""What the knowledge base prefers: 1 for preferred statements, 1/2 for the best there is, 0 for others."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from kbtools.trees.choosing.base import Floats, Given
from kbtools.trees.facts import Facts


class Rank:
    """Preferred statements before others of the same relation, and those before outdated ones."""

    of_sentence: ClassVar[bool] = False

    def prepare(self, facts: Facts, folder: Path) -> None:
        """Do nothing."""

    def score(self, given: Given) -> Floats:
        """Add half a point for `best` to half a point for `preferred`."""
        rank, best = given.facts.rank[given.rows], given.facts.best[given.rows]
        return (np.maximum(rank, 0).astype(np.float64) + best) / 2.0


CRITERION = Rank()
