"""States of tokens become vectors of entities: dense, activation, LayerNorm (Zhang et al. 2019).

What is compared with these vectors is no weight of the head. Weights: `dense.{weight,bias}`,
`norm.{weight,bias}`; ERNIE's `cls.predictions_ent.transform.{dense,LayerNorm}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.activations import ACT2FN

from kbtools.config import setting
from kbtools.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How wide the vectors are."""

    width: int = setting("Numbers of an entity's vector.", 100)

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ConfigError(f"a head of entities is {self.width} wide; it is 1 at least")


class Transform(nn.Module):
    """Maps states [M, H] to vectors [M, E]."""

    def __init__(self, text: PreTrainedConfig, width: int) -> None:
        super().__init__()
        self.width = width
        self.dense = nn.Linear(text.hidden_size, width)
        self.act = ACT2FN[getattr(text, "hidden_act", "gelu")]
        self.norm = nn.LayerNorm(width, eps=getattr(text, "layer_norm_eps", 1e-12))

    def forward(self, hidden: Tensor) -> Tensor:
        """Map the states of some tokens."""
        found: Tensor = self.norm(self.act(self.dense(hidden)))
        return found


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make the head for an encoder."""
    return Transform(text, settings.width)
