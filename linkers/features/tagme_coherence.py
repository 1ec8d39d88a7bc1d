"""How related a mention's choice is to the choices around it: what the rule `tagme` trusts a link by.

The mean over the mentions in reach; 0 where there is none, and for candidates that are not chosen. It asks
for the feature `tagme` before it, and its `close` is to be the rule's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Feature, Floats, Longs, Mentions
from kbtools.linkers.features.tagme import chosen
from kbtools.linkers.graph import edges, nodes_of, others, parts
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.relatedness import Neighbours, neighbours_of


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What counts as being near, and as being related."""

    close: float = setting("Candidates this close to the most votes, as a part of them, are as good.", 0.2)
    window: int = setting("Mentions on each side that are compared with.", 10)
    direct: float = setting("How related a triple alone makes two entities.", 0.5)
    same: float = setting("How related an entity is to itself, named twice.", 1.0)

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigError(f"window is {self.window}; it is 1 or more")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    profile = knowledge.need_profile("the feature tagme_coherence")
    neighbours = neighbours_of(profile)

    def tagme_coherence(block: Block, mentions: Mentions, scores: Mapping[str, Floats]) -> Floats:
        if "tagme" not in scores:
            raise ConfigError("the feature tagme_coherence goes by votes: put the feature tagme before it")
        row = profile.rows(mentions.kb[mentions.owner], mentions.eid)
        return coherence(mentions, scores["tagme"], row, neighbours, settings)

    return tagme_coherence


def coherence(
    mentions: Mentions, voted: Floats, row: Longs, neighbours: Neighbours, settings: Settings
) -> Floats:
    """Return the mean relatedness of each choice to the others in reach."""
    choice = chosen(mentions, voted, settings.close)
    kept = np.zeros(len(mentions.eid), np.bool_)
    kept[choice[choice >= 0]] = True
    found = np.zeros(len(kept))
    for part in parts(neighbours, nodes_of(mentions, kept, row)):
        known = edges(neighbours, part, window=settings.window, direct=settings.direct, same=settings.same)
        size = len(part.row)
        total = np.bincount(known.a, weights=known.value, minlength=size)
        total += np.bincount(known.b, weights=known.value, minlength=size)
        found[part.candidate] = total / np.maximum(others(part, settings.window), 1)
    return found.astype(np.float32)
