"""Where an answer begins and where it ends: a score of each for every token.

Weights: `out.{weight,bias}`, transformers' `qa_outputs`: its first row is of starts, its second of ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn
from transformers import PreTrainedConfig

from kbtools.config import setting
from kbtools.models.parts.heads.pointer import allowed


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What comes before the matrix."""

    dropout: float = setting("Dropout before it.", 0.0)


class Span(NamedTuple):
    """Scores, the lowest number there is at places that are not valid."""

    start: Tensor  # [B, T]
    end: Tensor  # [B, T]


class Ends(nn.Module):
    """Scores starts and ends."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, 2)

    def forward(self, hidden: Tensor, valid: Tensor) -> Span:
        """Map states [B, T, H] and the places that an answer may have [B, T] to scores."""
        scores = self.out(self.dropout(hidden))
        return Span(allowed(scores[..., 0], valid), allowed(scores[..., 1], valid))


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make the head for states of the encoder's width."""
    return Ends(text.hidden_size, settings.dropout)
