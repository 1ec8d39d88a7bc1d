"""The words of a vocabulary: dense, activation, LayerNorm, then the embeddings of the words and a bias.

The embeddings [V, E] are an argument, not a weight of the head: they are the text encoder's. E may differ
from the width H of states. All else is as transformers has it for the same encoder. Names of weights:

| here                  | BERT, DeBERTa-v2: `cls.predictions.` | RoBERTa: `lm_head.` | ModernBERT   |
|-----------------------|--------------------------------------|---------------------|--------------|
| `dense.{weight,bias}` | `transform.dense`                    | `dense`             | `head.dense` |
| `norm.{weight,bias}`  | `transform.LayerNorm`                | `layer_norm`        | `head.norm`  |
| `bias`                | `bias`                               | `bias`              | `decoder.bias` |

DeBERTa-v2 with `legacy = false` has `lm_predictions.lm_head.{dense, LayerNorm, bias}`, DistilBERT
`vocab_transform`, `vocab_layer_norm`, `vocab_projector.bias`, ALBERT `predictions.{dense, LayerNorm, bias}`,
ELECTRA `generator_predictions.{dense, LayerNorm}` and `generator_lm_head.bias`. ModernBERT's `dense` and
`norm` have no biases unless its configuration says so. There is no room for a decoder that is not tied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig
from transformers.activations import ACT2FN

ALWAYS_GELU = {  # whatever their hidden_act is
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "data2vec-text",
    "electra",
    "longformer",
    "mpnet",
    "xmod",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Nothing: all follows from the text encoder."""


class Words(nn.Module):
    """Scores each word of the vocabulary at M places."""

    def __init__(self, text: PreTrainedConfig) -> None:
        super().__init__()

        def biased(name: str) -> bool:  # ModernBERT alone may do without
            return bool(getattr(text, name, True))

        wide = text.hidden_size
        width = getattr(text, "embedding_size", None) or wide
        epsilon = getattr(text, "norm_eps", None) or getattr(text, "layer_norm_eps", None) or 1e-12
        self.dense = nn.Linear(wide, width, bias=biased("classifier_bias"))
        self.act = ACT2FN[_activation(text)]
        self.norm = nn.LayerNorm(width, eps=epsilon, bias=biased("norm_bias"))
        self.bias = nn.Parameter(torch.zeros(text.vocab_size)) if biased("decoder_bias") else None

    def forward(self, hidden: Tensor, words: Tensor) -> Tensor:
        """Map states [M, H] and embeddings [V, E] to scores [M, V]."""
        return functional.linear(self.norm(self.act(self.dense(hidden))), words, self.bias)


def build(settings: Settings, text: PreTrainedConfig) -> nn.Module:
    """Make the head that belongs to the encoder."""
    return Words(text)


def _activation(text: PreTrainedConfig) -> Any:
    if text.model_type in ALWAYS_GELU:
        return "gelu"
    names = ("classifier_activation", "hidden_act", "activation")
    return next((found for name in names if (found := getattr(text, name, None))), "gelu")
