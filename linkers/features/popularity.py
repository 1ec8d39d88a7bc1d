"""How well known a candidate is: ln(1 + its neighbours), as the profile counts them.

Where nobody counted what names mean, all that bear a name are equally likely; this one tells the capital from
the village, and of those whose name the mention is only a part of, the ones that anybody would call so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Feature, Floats, Mentions
from kbtools.linkers.knowledge import Knowledge


@dataclass(frozen=True, kw_only=True)
class Settings:
    """From where on more does not count."""

    most: int = setting("Neighbours beyond so many make nobody better known.", 1_000_000)

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ConfigError(f"most is {self.most}; it is 1 or more")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    profile = knowledge.need_profile("the feature popularity")

    def popularity(_: Block, mentions: Mentions, __: Mapping[str, Floats]) -> Floats:
        row = profile.rows(mentions.kb[mentions.owner], mentions.eid)
        if not len(profile.degrees):
            return np.zeros(len(row), np.float32)
        count = np.where(row >= 0, profile.degrees[np.maximum(row, 0)], 0)
        found: Floats = np.log1p(np.minimum(count, settings.most)).astype(np.float32)
        return found

    return popularity
