"""TransE (Bordes et al. 2013): a relation moves heads to tails, γ − ‖h + r − t‖.

The first one had no γ, learned with a margin, and kept entities on the unit sphere: gamma = 0, unit = true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Generator, Tensor
from torch.nn import functional

from kbtools.config import setting
from kbtools.models.kge import starting
from kbtools.models.kge.scorers.base import Scorer


@dataclass(frozen=True, kw_only=True)
class Distances(starting.Distant):
    """How distances are measured."""

    norm: Literal[1, 2] = setting("1: sum of absolute differences; 2: Euclidean.", 1)
    unit: bool = setting("Entities are of length 1 after each step, relations at the start.", False)


class TransE(Scorer):
    """Adds."""

    Settings = Distances
    settings: Distances

    def __init__(self, settings: Distances) -> None:
        super().__init__(settings)
        self.compare = "l1" if settings.norm == 1 else "l2"
        self.offset = settings.gamma
        self.width = self.relation_width = settings.dim

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Go from a head to where its tail should be."""
        return anchor + relation

    def inverse(self, relation: Tensor) -> Tensor:
        """Go back."""
        return -relation

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw uniformly; onto the sphere, if that is where they are kept."""
        return self.bound(self._drawn(rows, generator))

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Draw as entities are."""
        return self.start(rows, generator)

    def bound(self, rows: Tensor) -> Tensor:
        """Bring entities back onto the sphere."""
        return functional.normalize(rows, dim=-1) if self.settings.unit else rows

    def _drawn(self, rows: int, generator: Generator) -> Tensor:
        settings = self.settings
        reach = 6 / settings.dim**0.5 if settings.unit else settings.reach
        return starting.uniform(rows, settings.dim, reach, generator)


SCORER = TransE
