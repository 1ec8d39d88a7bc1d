"""The order of the file: the first fact of an entity has 1, the second 1/2, the third 1/3."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from kbtools.trees.choosing.base import Floats, Given
from kbtools.trees.facts import Facts


class Order:
    """Facts that stand first are taken first."""

    of_sentence: ClassVar[bool] = False

    def prepare(self, facts: Facts, folder: Path) -> None:
        """Do nothing."""

    def score(self, given: Given) -> Floats:
        """Count from the first fact of the entity."""
        place = given.rows - given.facts.begins[given.facts.heads(given.rows)]
        return 1.0 / (place.astype(np.float64) + 1.0)


CRITERION = Order()
