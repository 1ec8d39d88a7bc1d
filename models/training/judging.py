"""Which look at dev was the best, and when there is no use in going on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from kbtools.errors import TaskError
from kbtools.models.recipe import Run

HIGHER = {"right", "agreed", "precision", "recall", "f1"}  # measures that are better when they are higher


@dataclass
class Best:
    """The best look of a stage; plain data."""

    value: float | None = None
    step: int | None = None
    worse: int = 0  # looks since

    def take(self, run: Run, step: int, found: Mapping[str, float]) -> bool:
        """Hear what was seen; say whether it is the best so far. What is no number never is."""
        if run.best not in found:
            if run.best == "loss":  # no example of dev had a target
                return False
            raise TaskError(
                f"run.best = {run.best}: nothing of that name is seen on dev; there are {', '.join(found)}",
                task="dev",
            )
        value = found[run.best]
        sign = -1 if run.best.rpartition(".")[2] in HIGHER else 1
        better = math.isfinite(value) and (self.value is None or sign * value < sign * self.value)
        if better:
            self.value, self.step, self.worse = value, step, 0
        else:
            self.worse += 1
        return better

    def hopeless(self, run: Run) -> bool:
        """Tell whether too many looks were no better."""
        return bool(run.patience) and self.worse >= run.patience
