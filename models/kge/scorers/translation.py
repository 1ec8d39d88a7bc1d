"""Translation (Lerer et al. 2019): a relation moves heads, and tails agree with where they come, ⟨h + r, t⟩.

The vectors of Wikidata of PyTorch-BigGraph are such. Heads cannot be asked for by moving tails back: it goes
with reciprocal relations, which move tails.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Generator, Tensor

from kbtools.models.kge import starting
from kbtools.models.kge.comparing import Kind
from kbtools.models.kge.scorers.base import Scorer


class Translation(Scorer):
    """Adds, and multiplies."""

    Settings = starting.Bilinear
    compare: Kind = "dot"
    inverts: ClassVar[bool] = False

    def __init__(self, settings: starting.Bilinear) -> None:
        super().__init__(settings)
        self.width = self.relation_width = settings.dim

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Go from a head to where its tail should be."""
        return anchor + relation

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw as the settings say."""
        return starting.drawn(self.settings, rows, self.width, generator)

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Begin where all relations leave heads as they are."""
        return torch.zeros(rows, self.relation_width, device=generator.device)


SCORER = Translation
