"""pRotatE (Sun et al. 2019): RotatE where all coordinates have one modulus, which is learned.

γ − C Σ |sin(hᵢ + rᵢ − tᵢ)|; rows stand for phases as RotatE's relations do, θ = x · π / reach.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn

from kbtools.models.kge import starting
from kbtools.models.kge.comparing import Kind
from kbtools.models.kge.scorers.base import Scorer


class PRotatE(Scorer):
    """Adds angles."""

    Settings = starting.Distant
    compare: Kind = "sine"

    def __init__(self, settings: starting.Distant) -> None:
        super().__init__(settings)
        self.offset = settings.gamma
        self.width = self.relation_width = settings.dim
        self.modulus = nn.Parameter(torch.tensor([settings.reach / 2]))  # C

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Add angles; after them, what turns candidates into angles, and the modulus: [..., width + 2]."""
        scale = math.pi / self.settings.reach
        phase = (anchor + relation) * scale
        ends = torch.cat([torch.full_like(self.modulus, scale), self.modulus])
        return torch.cat([phase, ends.expand(*phase.shape[:-1], 2)], -1)

    def inverse(self, relation: Tensor) -> Tensor:
        """Turn back: a sine's size is the same both ways."""
        return -relation

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw angles uniformly, from −π to π."""
        return starting.uniform(rows, self.width, self.settings.reach, generator)

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Draw as entities are."""
        return self.start(rows, generator)


SCORER = PRotatE
