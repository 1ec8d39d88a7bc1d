"""TuckER (Balažević et al. 2019): all relations share a core tensor, W ×₁ r ×₂ h ×₃ t.

Heads cannot be asked for: it goes with reciprocal relations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.kge import starting
from kbtools.models.kge.comparing import Kind
from kbtools.models.kge.scorers.base import Scorer


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How wide, and what is dropped in training."""

    dim: int = setting("Coordinates of entities.", 200)
    relation_dim: int = setting("Coordinates of relations.", 30)
    drop_entity: float = setting("Share dropped of the entity that is known.", 0.2)
    drop_core: float = setting("Share dropped of a relation's matrix.", 0.2)
    drop_query: float = setting("Share dropped of their product.", 0.3)

    def __post_init__(self) -> None:
        if self.relation_dim < 1:
            raise ConfigError(f"scorer.relation_dim is {self.relation_dim}; it is 1 at least")
        for name in ("drop_entity", "drop_core", "drop_query"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"scorer.{name} is {getattr(self, name)}; it is a share, and less than 1")


class TuckER(Scorer):
    """Multiplies by a matrix that a relation mixes from the core's."""

    Settings = Sizes
    compare: Kind = "dot"
    inverts: ClassVar[bool] = False

    def __init__(self, settings: Sizes) -> None:
        super().__init__(settings)
        self.width, self.relation_width = settings.dim, settings.relation_dim
        self.core = nn.Parameter(
            torch.empty(settings.relation_dim, settings.dim, settings.dim).uniform_(-1, 1)
        )
        self.before = nn.BatchNorm1d(settings.dim)
        self.after = nn.BatchNorm1d(settings.dim)

    def query(self, anchor: Tensor, relation: Tensor) -> Tensor:
        """Mix the relation's matrix, and multiply by it."""
        told, width = self.settings, self.width
        known = functional.dropout(
            _normed(self.before, anchor.reshape(-1, width)), told.drop_entity, self.training
        )
        matrix = relation.reshape(-1, self.relation_width) @ self.core.view(-1, width * width)
        matrix = functional.dropout(matrix, told.drop_core, self.training).view(-1, width, width)
        found = _normed(self.after, torch.bmm(known.unsqueeze(1), matrix).squeeze(1))
        return functional.dropout(found, told.drop_query, self.training).view(anchor.shape)

    def start(self, rows: int, generator: Generator) -> Tensor:
        """Draw from a bell as wide as the table's size wants it."""
        return starting.xavier(rows, self.width, generator)

    def start_relations(self, rows: int, generator: Generator) -> Tensor:
        """Draw as entities are."""
        return starting.xavier(rows, self.relation_width, generator)


def _normed(norm: nn.BatchNorm1d, rows: Tensor) -> Tensor:
    """Normalise by the batch; one row says nothing of how rows vary, and is normalised as in use."""
    if norm.training and len(rows) < 2:
        return functional.batch_norm(
            rows, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
    normed: Tensor = norm(rows)
    return normed


SCORER = TuckER
