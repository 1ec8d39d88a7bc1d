"""Classes of examples: dropout and a matrix.

Weights: `out.{weight,bias}`; BERT's `cls.seq_relationship` and `classifier`, RoBERTa's `classifier.out_proj`.
With a layer between, `dense.{weight,bias}` too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.activations import ACT2FN

from kbtools.config import setting
from kbtools.errors import ConfigError

Between = Literal["none", "linear", "tanh", "gelu", "relu"]
CLASSES = "Names of the classes, in the order of their numbers."
DROPOUT = "Dropout before the matrix; none: the text encoder's own."
BETWEEN = "A layer before the matrix, as wide as the states, by what follows it; linear: nothing does."


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which classes there are."""

    classes: tuple[str, ...] = setting(CLASSES, ())
    dropout: float | None = setting(DROPOUT, None)


class Classifier(nn.Module):
    """Maps features [..., F] to scores [..., C]; the layer between is as wide as the encoder's states."""

    def __init__(
        self,
        text: PreTrainedConfig,
        features: int,
        classes: Sequence[str],
        dropout: float | None,
        between: Between = "none",
    ) -> None:
        super().__init__()
        if not classes or len({*classes}) < len(classes):
            what = "one is named twice" if classes else "there are none"
            raise ConfigError(
                f"classes of a head: {what}; name each class once, in the order of their numbers"
            )
        self.classes = tuple(classes)
        self.dense = None if between == "none" else nn.Linear(features, text.hidden_size)
        self.act = nn.Identity() if between in {"none", "linear"} else ACT2FN[between]
        self.dropout = nn.Dropout(_dropout(text) if dropout is None else dropout)
        self.out = nn.Linear(features if self.dense is None else text.hidden_size, len(classes))

    def forward(self, states: Tensor) -> Tensor:
        """Score each class, [..., C]."""
        if self.dense is not None:
            states = self.act(self.dense(states))
        scores: Tensor = self.out(self.dropout(states))
        return scores


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make the head for states of the encoder's width, [N, H] → [N, C]."""
    return Classifier(text, text.hidden_size, settings.classes, settings.dropout)


def _dropout(text: PreTrainedConfig) -> float:
    """Return the dropout that transformers' own classifiers have for an encoder."""
    names = ("classifier_dropout", "hidden_dropout_prob", "dropout")
    return next((float(found) for name in names if (found := getattr(text, name, None)) is not None), 0.1)
