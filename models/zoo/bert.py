"""BERT: a text encoder that fills in masked tokens and tells which text follows (Devlin et al. 2019).

    batch ──▶ text encoder ──▶ hidden [B, T, H] ──▶ heads: lm at masked places, pooler → nsp at first tokens

Any encoder of transformers will do: BERT is what `[model.text]` of the recipe says, and its objectives.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from kbtools.models.batch import Columns, Output
from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.zoo.base import Given


@dataclass(frozen=True, kw_only=True)
class Settings:
    """It has none of its own."""


class Bert(nn.Module):
    """A text encoder, and nothing else."""

    def __init__(self, text: TextEncoder) -> None:
        super().__init__()
        self.text = text

    def forward(self, batch: Columns, *, layers: bool = False) -> Output:
        """Return the states of all tokens."""
        out: Output = self.text(batch, layers=layers)
        return out


def build(settings: Settings, given: Given) -> nn.Module:
    """Put it together, with new weights."""
    return Bert(TextEncoder(given.text, attention=given.attention))
