"""SimplE (Kazemi & Poole 2018): entities have a vector as heads and one as tails, relations one for each way.

½ (⟨h_head, r, t_tail⟩ + ⟨t_head, r_back, h_tail⟩); rows are halves, [head | tail] and [r | r_back].
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from kbtools.models.kge import starting
from kbtools.models.kge.comparing import Kind
from kbtools.models.kge.scorers.base import Scorer


class SimplE(Scorer):
    """Multiplies, both ways; `dim` coordinates each."""

    Settings = starting.Bilinear
    compare: Kind = "dot"

    def __init__(self, settings: starting.Bilinear) -> None:
        super().__init__(settings)
        self.width = self.relation_width = 2 * settings.dim

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Weigh coordinates: a tail's half meets what is for heads, and the other way round."""
        (head, tail), (there, back) = anchor.chunk(2, -1), relation.chunk(2, -1)
        return torch.cat([tail * back, head * there], -1) / 2

    def inverse(self, relation: Tensor) -> Tensor:
        """Swap the ways."""
        there, back = relation.chunk(2, -1)
        return torch.cat([back, there], -1)

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw as the settings say."""
        return starting.drawn(self.settings, rows, self.width, generator)

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Draw as entities are."""
        return starting.drawn(self.settings, rows, self.relation_width, generator)


SCORER = SimplE
