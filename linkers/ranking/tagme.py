"""Choose by votes, and trust by ρ = (lp + coherence) / 2 (Ferragina and Scaiella 2010).

lp is how likely the mention's words are a link; where that was not counted, ρ is the coherence alone. With ρ
for the choice being right, the same trust is put in the others if it is not: they share ρ(1 − ρ) as the votes
are, and (1 − ρ)² is left for none of them. So the choice is always ahead, and its p is ρ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Floats, Mentions, Rank, Ranked
from kbtools.linkers.features.tagme import chosen
from kbtools.linkers.graph import shares

ASKED = ("tagme", "tagme_coherence")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the choice is made."""

    close: float = setting("Candidates this close to the most votes, as a part of them, are as good.", 0.2)

    def __post_init__(self) -> None:
        if not 0 <= self.close <= 1:
            raise ConfigError(f"close is {self.close}; it is 0 to 1")


def make(settings: Settings) -> Rank:
    """Make the rule."""

    def rank(mentions: Mentions, features: Mapping[str, Floats]) -> Ranked:
        missing = [name for name in ASKED if name not in features]
        if missing:
            raise ConfigError(f"ranking tagme asks for the feature {missing[0]}: name it in `features`")
        return ranked(mentions, features["tagme"], features["tagme_coherence"], settings.close)

    return rank


def ranked(mentions: Mentions, voted: Floats, coherence: Floats, close: float) -> Ranked:
    """Return what the rule says of each candidate and of none."""
    choice = chosen(mentions, voted, close)
    has = choice >= 0
    first = np.zeros(len(voted), np.bool_)
    first[choice[has]] = True
    trust = np.zeros(len(mentions))
    trust[has] = np.clip(coherence[choice[has]], 0, 1)
    linked = has & ~np.isnan(mentions.link)
    trust[linked] = (trust[linked] + mentions.link[linked]) / 2
    left = np.where(mentions.lengths > 1, trust * (1 - trust), 0.0)
    # Votes count before priors, and both before merely being a candidate.
    weight = np.maximum(voted, 0) + 1e-6 * mentions.prior.astype(np.float64) + 1e-12
    part = shares(mentions, np.where(first, 0.0, weight))
    owner = mentions.owner
    p = np.where(first, trust[owner], left[owner] * part).astype(np.float32)
    return Ranked(p, (1 - trust - left).astype(np.float32))
