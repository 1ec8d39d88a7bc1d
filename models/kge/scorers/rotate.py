"""RotatE (Sun et al. 2019): a relation turns complex coordinates, γ − Σ |hᵢ e^{iθᵢ} − tᵢ|.

Rows of entities are halves [real | imaginary]. A relation's numbers lie as entities' do at the start, and
stand for phases: θ = r · π / reach, so all angles are as likely.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from kbtools.models.kge import starting
from kbtools.models.kge.comparing import Kind
from kbtools.models.kge.scorers.base import Scorer


class RotatE(Scorer):
    """Turns; `dim` complex coordinates."""

    Settings = starting.Distant
    compare: Kind = "modulus"

    def __init__(self, settings: starting.Distant) -> None:
        super().__init__(settings)
        self.offset = settings.gamma
        self.width, self.relation_width = 2 * settings.dim, settings.dim

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Turn an entity by the relation's angles."""
        phase = relation * (math.pi / self.settings.reach)
        (a, b), cosine, sine = anchor.chunk(2, -1), phase.cos(), phase.sin()
        return torch.cat([a * cosine - b * sine, a * sine + b * cosine], -1)

    def inverse(self, relation: Tensor) -> Tensor:
        """Turn back: a turn keeps moduli."""
        return -relation

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw uniformly."""
        return starting.uniform(rows, self.width, self.settings.reach, generator)

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Draw angles uniformly, from −π to π."""
        return starting.uniform(rows, self.relation_width, self.settings.reach, generator)


SCORER = RotatE
