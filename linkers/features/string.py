"""How well a mention's own words fit the candidate's best name.

What the table of names knows counts by the rung on which it was found: as it is spelt, in another case,
without accents, without punctuation, as a plural. What only an index found counts as alike as the index says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kbtools.alias.schema import LEVELS
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Feature, Floats, Mentions
from kbtools.linkers.knowledge import Knowledge


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What each rung is worth."""

    exact: float = setting("What a name is worth that is spelt as the mention is; all from 0 to 1.", 1.0)
    case: float = setting("In another case,", 0.95)
    folded: float = setting("with other accents, widths or characters (traditional, simplified),", 0.9)
    norm: float = setting("with other punctuation,", 0.85)
    inflected: float = setting("in the singular where the mention is a plural.", 0.75)

    def __post_init__(self) -> None:
        for name in LEVELS:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 0 to 1")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    del knowledge
    worth = np.array([getattr(settings, level) for level in LEVELS], np.float32)

    def string(_: Block, mentions: Mentions, __: Mapping[str, Floats]) -> Floats:
        level = np.where(mentions.prior > 0, worth[mentions.level][mentions.owner], np.float32(1))
        return (mentions.string * level).astype(np.float32)

    return string
