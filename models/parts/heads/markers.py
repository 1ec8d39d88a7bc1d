"""Classes of what is marked: the states of the first token of each marker, side by side.

Sentences have markers around one mention (its types) or two (the relation between them): "entity start" of
Baldini Soares et al. (2019), and, with a linear layer between, the heads of K-Adapter (Wang et al. 2021).
Weights: `classifier.out.{weight,bias}`, with a layer between `classifier.dense.{weight,bias}` too; in
K-Adapter's factual adapter these are `out_proj` and `dense`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.parts.heads.classes import BETWEEN, CLASSES, DROPOUT, Between, Classifier


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which classes there are, and how many markers."""

    classes: tuple[str, ...] = setting(CLASSES, ())
    markers: int = setting("Markers of an example.", 2)
    between: Between = setting(BETWEEN, "none")
    dropout: float | None = setting(DROPOUT, None)

    def __post_init__(self) -> None:
        if self.markers < 1:
            raise ConfigError(f"markers = {self.markers}: an example has 1 at least")


class Markers(nn.Module):
    """Maps states and K places of each of N examples to scores [N, C]."""

    def __init__(self, text: PreTrainedConfig, settings: Settings) -> None:
        super().__init__()
        self.markers = settings.markers
        width = settings.markers * text.hidden_size
        self.classifier = Classifier(text, width, settings.classes, settings.dropout, settings.between)
        self.classes = self.classifier.classes

    def forward(self, hidden: Tensor, places: Tensor) -> Tensor:
        """Map states [B, T, H] and places [N, K] in [B·T] to scores; −1: no marker, a state of zeros."""
        if places.shape[-1] != self.markers:
            raise ConfigError(f"examples have {places.shape[-1]} markers, the head is for {self.markers}")
        found = hidden.flatten(0, 1)[places.clamp(min=0)]  # [N, K, H]
        found = torch.where((places >= 0)[..., None], found, torch.zeros_like(found))
        scores: Tensor = self.classifier(found.flatten(1))
        return scores


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make the head for states of the encoder's width."""
    return Markers(text, settings)
