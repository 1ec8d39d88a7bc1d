"""How well a candidate fits the candidates of the mentions around it: personalised PageRank.

A walk over the candidates of a document goes with probability `damping` to a related candidate of a mention
nearby, the more often the more related it is, and else starts again at a candidate as likely as it seemed
before. Where the walk is found is how likely each candidate is then (Haveliwala 2002; for linking: Pershina,
He and Grishman 2015).

    x ← (1 − damping)·v + damping·(P x + what does not go on, given back as v)

From a candidate whose relatedness to others sums up to r, a part min(1, r / `enough`) goes on: without it all
that is at a candidate would go to a single one that it is hardly related to.

Where the best candidate of a mention leads by more than `margin`, nothing is asked: it is context for others,
and its mention's candidates keep their shares. So the graph holds little besides what is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.extras import need
from kbtools.linkers.base import Block, Feature, Floats, Longs, Mentions
from kbtools.linkers.graph import Edges, Nodes, edges, nodes_of, parts, ranks, shares
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.ranking.base import weighed
from kbtools.linkers.ranking.softmax import LEAST, softmax
from kbtools.linkers.relatedness import Doubles, Neighbours, neighbours_of


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How candidates speak for each other."""

    prior: float = setting("Walks start by the prior to the power of this ...", 1.0)
    weights: dict[str, float] = field(
        default_factory=dict, metadata={"help": "... and by features before this one, as in ranking softmax."}
    )
    least: float = setting("The least that a candidate counts there.", 0.001)
    margin: float = setting("A best candidate that leads by more than this share is not asked about.", 0.5)
    most: int = setting("Candidates of a mention that take part: the best.", 10)
    window: int = setting("Mentions on each side that are seen.", 10)
    damping: float = setting("How often a walk goes on, rather than to start again.", 0.85)
    enough: float = setting(
        "Relatedness in sum that keeps walks going; with less they start again more.", 2.0
    )
    steps: int = setting("Steps of all walks.", 10)
    direct: float = setting("How related a triple alone makes two entities.", 0.5)
    same: float = setting("How related an entity is to itself, named twice.", 0.0)
    log: bool = setting(
        "Give the logarithm of the share, as rules that add weighted features like it.", False
    )

    def __post_init__(self) -> None:
        if not 0 <= self.damping < 1:
            raise ConfigError(f"damping is {self.damping}; it is at least 0 and below 1")
        if self.enough < 0:
            raise ConfigError(f"enough is {self.enough}; it is 0 or more")
        for name in ("most", "window", "steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 1 or more")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    profile = knowledge.need_profile("the feature coherence")
    neighbours = neighbours_of(profile)

    def coherence(block: Block, mentions: Mentions, scores: Mapping[str, Floats]) -> Floats:
        start = settings.prior * np.log(np.maximum(mentions.prior, LEAST).astype(np.float64))
        start += weighed(scores, settings.weights, len(start))
        row = profile.rows(mentions.kb[mentions.owner], mentions.eid)
        found = walked(mentions, softmax(mentions, start, None).p, row, neighbours, settings)
        return np.log(np.maximum(found, np.float32(LEAST))) if settings.log else found

    return coherence


def walked(
    mentions: Mentions, score: Floats, row: Longs, neighbours: Neighbours, settings: Settings
) -> Floats:
    """Return each candidate's share of where the walks are; 1 in sum for each mention."""
    share = shares(mentions, score, settings.least)
    place = ranks(mentions, share)
    owner = mentions.owner
    open_ = _lead(mentions, share, place) <= settings.margin
    nodes = nodes_of(mentions, place < np.where(open_, settings.most, 1)[owner], row)
    found = (1 - settings.damping) * share
    for part in parts(neighbours, nodes):
        weight = np.where(open_[part.mention], share[part.candidate], 1.0)
        known = edges(neighbours, part, window=settings.window, direct=settings.direct, same=settings.same)
        found[part.candidate] = walk(part, known, weight, settings)
    return np.where(open_[owner], shares(mentions, found), share).astype(np.float32)


def walk(nodes: Nodes, known: Edges, weight: Doubles, settings: Settings) -> Doubles:
    """Let walks go over the graph; what a node gets is relative to one mention of its group."""
    sparse = need("scipy.sparse", extra="link", why="coherence of entities")
    size = len(nodes.row)
    way = np.concatenate([known.value, known.value])
    to, of = np.concatenate([known.a, known.b]), np.concatenate([known.b, known.a])
    leaving = np.bincount(of, weights=way, minlength=size)
    whole = np.maximum(leaving, settings.enough)
    matrix = sparse.csr_array((way / whole[of], (to, of)), shape=(size, size))
    matrix.sort_indices()
    alone = 1 - np.divide(leaving, whole, out=np.zeros(size), where=whole > 0)
    back = weight / np.bincount(nodes.group, weights=weight)[nodes.group]
    x = weight
    for _ in range(settings.steps):
        given_back = np.bincount(nodes.group, weights=alone * x)[nodes.group] * back
        x = (1 - settings.damping) * weight + settings.damping * (matrix @ x + given_back)
    return x


def _lead(mentions: Mentions, share: Doubles, place: Longs) -> Doubles:
    """Return by how much each mention's best candidate is ahead of its second; 1 where there is no second."""
    lead = np.ones(len(mentions))
    second = np.flatnonzero(place == 1)
    best = np.zeros(len(mentions))
    owner = mentions.owner
    best[owner[place == 0]] = share[place == 0]
    lead[owner[second]] = best[owner[second]] - share[second]
    return lead
