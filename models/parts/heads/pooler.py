"""The state of an example made of that of its first token: dense and tanh, as BERT has it.

Weights: `dense.{weight,bias}`, BERT's `pooler.dense`. With dropout before, what RoBERTa and DeBERTa classify
by (`classifier.dense`, `pooler.dense`) is such a pooler too, the latter with gelu.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.activations import ACT2FN

from kbtools.config import setting


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What comes before and behind the matrix."""

    activation: Literal["tanh", "gelu", "relu"] = setting("What follows the matrix.", "tanh")
    dropout: float = setting("Dropout before it.", 0.0)


class Pooler(nn.Module):
    """Maps states [N, H] to states [N, H]."""

    def __init__(self, width: int, settings: Settings) -> None:
        super().__init__()
        self.dropout = nn.Dropout(settings.dropout)
        self.dense = nn.Linear(width, width)
        self.act = ACT2FN[settings.activation]

    def forward(self, hidden: Tensor) -> Tensor:
        """Map the states of first tokens [N, H]."""
        pooled: Tensor = self.act(self.dense(self.dropout(hidden)))
        return pooled


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make a pooler as wide as the states."""
    return Pooler(text.hidden_size, settings)
