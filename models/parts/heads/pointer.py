"""For every token, a score of each token as what it points to: its head in a tree of dependencies, say.

score(i, j) = (Q hᵢ + b)·(K hⱼ) / √d. The bias makes it biaffine as in Dozat & Manning (2017): bᵀK hⱼ is how
much j is pointed to at all. Unlike a matrix with a row for each place, it knows no longest sentence.
Weights: `query.{weight,bias}`, `key.weight`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from kbtools.config import setting


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How wide queries and keys are."""

    width: int = setting("Numbers of a query; 0: as many as of a state.", 0)
    dropout: float = setting("Dropout before both matrices.", 0.0)


class Pointer(nn.Module):
    """Scores every token for every token."""

    def __init__(self, wide: int, settings: Settings) -> None:
        super().__init__()
        self.dropout = nn.Dropout(settings.dropout)
        self.query = nn.Linear(wide, settings.width or wide)
        self.key = nn.Linear(wide, settings.width or wide, bias=False)

    def forward(self, hidden: Tensor, valid: Tensor) -> Tensor:
        """Map states [B, T, H] to scores [B, T, T].

        `valid`, [B, T] or [B, T, T], says what may be pointed to. In packed rows give the second: a token
        points into its own example.
        """
        states = self.dropout(hidden)
        query = self.query(states)
        scores = query @ self.key(states).mT / query.shape[-1] ** 0.5
        return allowed(scores, valid[:, None, :] if valid.dim() < scores.dim() else valid)


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make the head for states of the encoder's width."""
    return Pointer(text.hidden_size, settings)


def allowed(scores: Tensor, valid: Tensor) -> Tensor:
    """Put the lowest number at places that are not valid: a row without any is uniform then, not NaN."""
    return torch.where(valid.bool(), scores, torch.finfo(scores.dtype).min)
