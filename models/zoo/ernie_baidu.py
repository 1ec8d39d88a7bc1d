"""ERNIE of Baidu: the body of BERT; knowledge enters by what is masked together (Sun et al. 2019).

Words, then phrases, then names are masked as wholes, in three stages. Of dialogues, segments are the roles of
those who speak (two), or the turns (three): the embedding of segments needs as many rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Columns, Output
from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.zoo.base import Given

SEGMENTS = {"role": 2, "turn": 3}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What its segments are."""

    dialogues: Literal["role", "turn"] = setting(
        "Segments of dialogues: who speaks, or which turn; as shards have them (dialogues.ids).", "role"
    )


class ErnieBaidu(nn.Module):
    """A text encoder that knows how many segments there are."""

    def __init__(self, text: TextEncoder, segments: int) -> None:
        super().__init__()
        self.text, self.segments = text, segments

    def forward(self, batch: Columns, *, layers: bool = False) -> Output:
        """Return the states of all tokens."""
        segment = batch.get("segment")
        # On a GPU a look would wait for it; there the embedding itself fails.
        if segment is not None and segment.device.type == "cpu" and segment.numel():
            most = int(segment.max())
            if most >= self.segments:
                raise ConfigError(
                    f"segment {most}, but the model has {self.segments}: shards with dialogues.ids=turn need "
                    'model.text.type_vocab_size=3 and model.settings.dialogues="turn"'
                )
        out: Output = self.text(batch, layers=layers)
        return out


def build(settings: Settings, given: Given) -> nn.Module:
    """Put it together, with new weights."""
    needed, there = SEGMENTS[settings.dialogues], getattr(given.text, "type_vocab_size", 0)
    if there < needed:
        raise ConfigError(
            f"model.settings.dialogues is {settings.dialogues}: {needed} segments, but the text encoder has "
            f"{there}; set model.text.type_vocab_size={needed}"
        )
    return ErnieBaidu(TextEncoder(given.text, attention=given.attention), there)
