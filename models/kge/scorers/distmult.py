"""DistMult (Yang et al. 2015): a relation weighs coordinates, Σ hᵢ rᵢ tᵢ. It cannot tell heads from tails."""

from __future__ import annotations

from torch import Generator, Tensor

from kbtools.models.kge import starting
from kbtools.models.kge.comparing import Kind
from kbtools.models.kge.scorers.base import Scorer


class DistMult(Scorer):
    """Multiplies."""

    Settings = starting.Bilinear
    compare: Kind = "dot"

    def __init__(self, settings: starting.Bilinear) -> None:
        super().__init__(settings)
        self.width = self.relation_width = settings.dim

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Weigh coordinates."""
        return anchor * relation

    def inverse(self, relation: Tensor) -> Tensor:
        """Return what is the same both ways."""
        return relation

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw as the settings say."""
        return starting.drawn(self.settings, rows, self.width, generator)

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Draw as entities are."""
        return starting.drawn(self.settings, rows, self.relation_width, generator)


SCORER = DistMult
