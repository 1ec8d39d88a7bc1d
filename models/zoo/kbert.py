"""K-BERT: a text encoder that reads sentences with facts hung on their entities (Liu et al. 2020).

    tree ──▶ embeddings at soft positions ──▶ layers; who sees whom: the tree ──▶ states [B, T, H] ──▶ heads

There are no new weights: any checkpoint of BERT, RoBERTa and their kin will do, and text without branches is
read as these read it. What a token sees is worked out from `branch` and `word` (parts/visibility.py), where
it stands is `soft`. The three switches leave out one thing each, for ablations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.norms import as_uer
from kbtools.models.parts.visibility import Visibility
from kbtools.models.zoo.base import Given

OF_WEIGHTS = ("layer_norm", "segments")  # settings that weights were trained with: they come with a start
SEGMENTS = 3  # of UER: padding, first, second


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What of a tree is used, and whose arithmetic the weights are used to."""

    knowledge: bool = setting("Branches are read; else they are hidden, and the text stands alone.", True)
    soft_positions: bool = setting("Branches count on from their word; else all tokens count 0, 1, 2 …", True)
    visibility: bool = setting("Who sees whom is as the tree says; else everyone sees everyone.", True)
    layer_norm: Literal["bert", "uer"] = setting(
        "BERT's, or that of UER and K-BERT's own code: the deviation of N − 1 numbers, plus 1e-6.", "bert"
    )
    segments: Literal["bert", "uer"] = setting(
        "bert: 0, 1; uer: 0 is padding, 1 the first text, 2 the second (three rows).", "bert"
    )


class KBert(nn.Module):
    """A text encoder to which trees are shown."""

    def __init__(self, text: TextEncoder, settings: Settings) -> None:
        super().__init__()
        self.text, self.told = text, settings
        if settings.layer_norm == "uer":
            as_uer(text.model)

    def forward(self, batch: Columns, *, layers: bool = False) -> Output:
        """Return the states of all tokens, those of branches too."""
        read = self._read(batch)
        visible = Visibility.of_batch(read, trees=self.told.visibility and self.told.knowledge)
        out: Output = self.text(read, visible=visible, layers=layers)
        return out

    def _read(self, batch: Columns) -> Batch:
        """Put positions, segments and what is hidden as the settings say."""
        read, soft, branch = dict(batch), batch.get("soft"), batch.get("branch")
        if branch is not None and not self.told.knowledge:
            trunk = branch == 0
            valid = batch.get("attention_mask")
            read["attention_mask"] = trunk if valid is None else valid.bool() & trunk
            read["batch.padded"] = True
        # Without branches the text counts 0, 1, 2 …: these are its soft positions.
        if soft is not None and (self.told.soft_positions or not self.told.knowledge):
            self._check(soft, batch)
            read["positions"] = soft
        if self.told.segments == "uer":
            read["segment"] = _of_uer(read)
        return read

    def _check(self, soft: Tensor, batch: Columns) -> None:
        """Refuse trees that are longer than the encoder's positions.

        Short rows cannot be; on a GPU to look at long ones waits for it, and packed rows always are long:
        there the embedding itself fails.
        """
        room = self.text.room
        if room is None or soft.shape[1] <= room or (soft.is_cuda and "sequence" in batch):
            return
        if (most := int(soft.max()) + 1) > room:
            raise ConfigError(
                f"a tree of {most} soft positions, but this encoder has {room}: make shorter ones "
                f"(kbtools tree --max-length {room})"
            )


def build(settings: Settings, given: Given) -> nn.Module:
    """Put it together, with new weights."""
    there = getattr(given.text, "type_vocab_size", 0)
    if settings.segments == "uer" and there < SEGMENTS:
        raise ConfigError(
            f"model.settings.segments is uer: {SEGMENTS} segments, but the text encoder has {there}; "
            f"set model.text.type_vocab_size={SEGMENTS}"
        )
    return KBert(TextEncoder(given.text, attention=given.attention), settings)


def _of_uer(batch: Columns) -> Tensor:
    """Count segments from 1, and padding 0, [B, T]."""
    segment, valid = batch.get("segment"), batch.get("attention_mask")
    if segment is None:
        segment = torch.zeros_like(batch["input_ids"])
    found: Tensor = segment.long() + 1
    return found if valid is None else found * valid
