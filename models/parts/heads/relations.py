"""A vector for each relation of a knowledge base, as wide as the encoder's states.

Weights: `weight` [R, H]. First values lie evenly within ±reach, as KEPLER's own code has them: (γ + 2) / H.
The ids of relations are among the settings, so a saved model says which row is whose.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from kbtools.config import setting
from kbtools.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which relations there are."""

    ids: tuple[str, ...] = setting("Ids of the relations, in the order of the rows.", ())
    gamma: float = setting("First values lie evenly within ±(gamma + 2) / width.", 4.0)

    def __post_init__(self) -> None:
        if len({*self.ids}) < len(self.ids):
            raise ConfigError("relations of a head: one is named twice; name each once, by its id")


class Relations(nn.Module):
    """Maps numbers of relations [...] to vectors [..., H]."""

    def __init__(self, width: int, settings: Settings) -> None:
        super().__init__()
        self.ids = settings.ids
        self.reach = (settings.gamma + 2) / width
        self.weight = nn.Parameter(torch.empty(len(settings.ids), width))

    def start(self) -> None:
        """Draw first values."""
        nn.init.uniform_(self.weight, -self.reach, self.reach)

    def forward(self, rids: Tensor) -> Tensor:
        """Look relations up."""
        return self.weight[rids]


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make the table."""
    return Relations(text.hidden_size, settings)
