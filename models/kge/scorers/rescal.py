"""RESCAL (Nickel et al. 2011): a relation is a matrix, hᵀ R t; its row is the matrix, row after row."""

from __future__ import annotations

from torch import Generator, Tensor

from kbtools.models.kge import starting
from kbtools.models.kge.comparing import Kind
from kbtools.models.kge.scorers.base import Scorer


class Rescal(Scorer):
    """Multiplies by a matrix."""

    Settings = starting.Bilinear
    compare: Kind = "dot"

    def __init__(self, settings: starting.Bilinear) -> None:
        super().__init__(settings)
        self.width, self.relation_width = settings.dim, settings.dim**2

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Multiply from the left."""
        return (anchor.unsqueeze(-2) @ self._matrix(relation)).squeeze(-2)

    def inverse(self, relation: Tensor) -> Tensor:
        """Transpose."""
        return self._matrix(relation).mT.flatten(-2)

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw as the settings say."""
        return starting.drawn(self.settings, rows, self.width, generator)

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Draw as entities are."""
        return starting.drawn(self.settings, rows, self.relation_width, generator)

    def _matrix(self, relation: Tensor) -> Tensor:
        return relation.reshape(*relation.shape[:-1], self.width, self.width)


SCORER = Rescal
