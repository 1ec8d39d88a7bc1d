"""ComplEx (Trouillon et al. 2016): complex coordinates, Re Σ hᵢ rᵢ t̄ᵢ; rows are halves [real | imaginary]."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from kbtools.models.kge import starting
from kbtools.models.kge.comparing import Kind
from kbtools.models.kge.scorers.base import Scorer


class ComplEx(Scorer):
    """Multiplies complex numbers; `dim` of them."""

    Settings = starting.Bilinear
    compare: Kind = "dot"
    complex = True

    def __init__(self, settings: starting.Bilinear) -> None:
        super().__init__(settings)
        self.width = self.relation_width = 2 * settings.dim

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Multiply: the real part of a product with t̄ is the inner product of halves."""
        (a, b), (c, d) = anchor.chunk(2, -1), relation.chunk(2, -1)
        return torch.cat([a * c - b * d, a * d + b * c], -1)

    def inverse(self, relation: Tensor) -> Tensor:
        """Conjugate: Re h r t̄ = Re t r̄ h̄."""
        real, imaginary = relation.chunk(2, -1)
        return torch.cat([real, -imaginary], -1)

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw as the settings say."""
        return starting.drawn(self.settings, rows, self.width, generator)

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Draw as entities are."""
        return starting.drawn(self.settings, rows, self.relation_width, generator)


SCORER = ComplEx
