"""What the corpus itself says: 1 for the candidate that is meant, −1 for others of the same mention.

Where the corpus says nothing, 0. With a large weight this makes gold of candidates that a linker found: what
a model learns to link from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS, Block, Feature, Floats, Given, Longs, Mentions
from kbtools.linkers.knowledge import Knowledge


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Whose word counts."""

    kinds: tuple[str, ...] = setting("Links of these kinds.", ("gold", "user", "anchor"))

    def __post_init__(self) -> None:
        if wrong := [kind for kind in self.kinds if kind not in KINDS]:
            raise ConfigError(f"kinds: no {wrong[0]!r}; there are {', '.join(KINDS)}")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    del knowledge
    kinds = [KINDS.index(kind) for kind in settings.kinds]

    def told(block: Block, mentions: Mentions, _: Mapping[str, Floats]) -> Floats:
        found = np.zeros(len(mentions.eid), np.float32)
        if block.given is None or not len(found):
            return found
        given = block.given.take(np.flatnonzero(np.isin(block.given.kind, kinds)))
        mine, theirs = _places(mentions, given)
        own = mine << 8 | mentions.kb  # a place, and of which knowledge base
        named = (theirs << 8 | given.kb)[given.kb >= 0]
        spoken = np.isin(own, named) | np.isin(mine, theirs[given.kb < 0])
        spoken &= np.isin(mentions.kind, kinds)
        known = (given.eid >= 0) & (given.kb >= 0)
        right = (theirs << 8 | given.kb)[known] << 32 | given.eid[known]
        owner = mentions.owner
        meant = np.isin(own[owner] << 32 | mentions.eid, right)
        return np.where(spoken[owner], np.where(meant, 1, -1), 0).astype(np.float32)

    return told


def _places(mentions: Mentions, given: Given) -> tuple[Longs, Longs]:
    """Give each place of a mention or a link a number."""
    both = [np.stack([one.text, one.start, one.end]).astype(np.int64) for one in (mentions, given)]
    number = np.unique(np.concatenate(both, axis=1), axis=1, return_inverse=True)[1].reshape(-1)
    return number[: len(mentions)], number[len(mentions) :]
