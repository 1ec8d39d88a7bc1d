"""How many votes a candidate gets from the mentions around it (Ferragina and Scaiella 2010).

    vote of mention b for candidate a = Σ related(a, c)·p(c | b) / |C(b)| over b's candidates c ∈ C(b)

A candidate that its name means less often than `least`, or that is not among the `most` common, neither votes
nor is voted for: it has −1, which is below any sum of votes. The most common candidate always stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Feature, Floats, Longs, Mentions
from kbtools.linkers.graph import edges, nodes_of, parts, ranks
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.relatedness import Neighbours, neighbours_of

DROPPED = -1.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Who votes, and how much a vote counts."""

    least: float = setting("Candidates with a smaller prior are dropped.", 0.005)
    most: int = setting("Candidates of a mention that take part: the most common.", 10)
    window: int = setting("Mentions on each side that vote.", 10)
    divided: bool = setting("Divide a mention's vote by the number of its candidates.", True)
    direct: float = setting("How related a triple alone makes two entities.", 0.5)
    same: float = setting("How related an entity is to itself, named twice.", 1.0)

    def __post_init__(self) -> None:
        for name in ("most", "window"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 1 or more")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    profile = knowledge.need_profile("the feature tagme")
    neighbours = neighbours_of(profile)

    def tagme(block: Block, mentions: Mentions, scores: Mapping[str, Floats]) -> Floats:
        row = profile.rows(mentions.kb[mentions.owner], mentions.eid)
        return votes(mentions, row, neighbours, settings)

    return tagme


def votes(mentions: Mentions, row: Longs, neighbours: Neighbours, settings: Settings) -> Floats:
    """Return the sum of votes for each candidate."""
    place = ranks(mentions, mentions.prior)
    kept = ((mentions.prior >= settings.least) & (place < settings.most)) | (place == 0)
    owner = mentions.owner
    voice = mentions.prior.astype(np.float64)
    if settings.divided:
        voice /= np.bincount(owner[kept], minlength=len(mentions))[owner]
    found = np.where(kept, 0.0, DROPPED)
    for part in parts(neighbours, nodes_of(mentions, kept, row)):
        known = edges(neighbours, part, window=settings.window, direct=settings.direct, same=settings.same)
        mine = voice[part.candidate]
        size = len(mine)
        got = np.bincount(known.a, weights=known.value * mine[known.b], minlength=size)
        got += np.bincount(known.b, weights=known.value * mine[known.a], minlength=size)
        found[part.candidate] = got
    return found.astype(np.float32)


def chosen(mentions: Mentions, voted: Floats, close: float) -> Longs:
    """Return each mention's choice as a row of candidates, −1 where it has none.

    Of the candidates with at least 1 − `close` of the best one's votes it is the most common.
    """
    owner = mentions.owner
    best = np.full(len(mentions), DROPPED)
    np.maximum.at(best, owner, voted.astype(np.float64))
    near = (voted >= 0) & (voted >= best[owner] * (1 - close))
    first = ranks(mentions, np.where(near, mentions.prior, DROPPED)) == 0
    found = np.full(len(mentions), -1, np.int64)
    found[owner[first]] = np.flatnonzero(first)
    return found
