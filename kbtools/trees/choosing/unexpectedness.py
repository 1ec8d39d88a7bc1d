"""Facts whose ends seldom meet in text: −NPMI of head and tail, counted in a corpus (`--cooccurrence`).

1 for those that never met (a model cannot have read of them, however rare their ends are, and nothing can be
rarer), 0 for those that met as often as chance has it, −1 for those that are always named together. Of values
that are no entities nothing is known: 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from kbtools.trees import cooccurrence
from kbtools.trees.choosing.base import Floats, Given
from kbtools.trees.facts import Facts


class Unexpectedness:
    """Facts that text does not tell."""

    of_sentence: ClassVar[bool] = False

    def prepare(self, facts: Facts, folder: Path) -> None:
        """Do nothing: counting a corpus is a stage of its own (see `choosing.prepare`)."""

    def score(self, given: Given) -> Floats:
        """Look up what was counted."""
        counted = cooccurrence.opened(given.facts.folder)
        tail = given.facts.tail[given.rows]
        known = np.flatnonzero(tail >= 0)
        found = np.zeros(len(tail))
        found[known] = -counted.npmi(given.facts.heads(given.rows[known]), tail[known])
        return found


CRITERION = Unexpectedness()
