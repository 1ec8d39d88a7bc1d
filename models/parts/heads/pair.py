"""How two spans stand to each other: classes of two states, side by side, multiplied, or one less the other.

Weights: `out.{weight,bias}`, with a layer between `dense.{weight,bias}` too. The order of what stands side by
side is that of the setting, first [a, b] (`concat`), a·b (`product`), |a − b| (`difference`) if all are named
so; those three together are InferSent's features (Conneau et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.parts.heads.classes import BETWEEN, CLASSES, DROPOUT, Between, Classifier

Feature = Literal["concat", "product", "difference"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which classes there are, and what is looked at."""

    classes: tuple[str, ...] = setting(CLASSES, ())
    features: tuple[Feature, ...] = setting("What is made of the two states.", ("concat",))
    between: Between = setting(BETWEEN, "none")
    dropout: float | None = setting(DROPOUT, None)

    def __post_init__(self) -> None:
        if not self.features or len({*self.features}) < len(self.features):
            raise ConfigError(f"features = {','.join(self.features)}: name one at least, each once")


class Pair(nn.Module):
    """Maps two states [N, H] each to scores [N, C]."""

    def __init__(self, text: PreTrainedConfig, settings: Settings) -> None:
        super().__init__()
        self.features = settings.features
        width = sum(2 if name == "concat" else 1 for name in self.features) * text.hidden_size
        self.classifier = Classifier(text, width, settings.classes, settings.dropout, settings.between)
        self.classes = self.classifier.classes

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        """Score each class, [N, C]."""
        made = {"concat": (one, two), "product": (one * two,), "difference": ((one - two).abs(),)}
        features = [state for name in self.features for state in made[name]]
        scores: Tensor = self.classifier(torch.cat(features, dim=-1))
        return scores


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make the head for two states of the encoder's width."""
    return Pair(text, settings)
