"""Classes of tokens: dropout and a matrix on the state of each.

Weights: `out.{weight,bias}`, the `classifier` of transformers' token classifiers.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedConfig

from kbtools.config import setting
from kbtools.models.parts.heads.classes import CLASSES, DROPOUT, Classifier


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which classes there are."""

    classes: tuple[str, ...] = setting(CLASSES, ())
    dropout: float | None = setting(DROPOUT, None)


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make the head for states of the encoder's width, [B, T, H] → [B, T, C], or chosen ones [M, H]."""
    return Classifier(text, text.hidden_size, settings.classes, settings.dropout)
