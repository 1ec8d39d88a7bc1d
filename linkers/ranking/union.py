"""Prior and one feature in [0, 1], either of which could be right by itself: p + s − p·s, as spaCy has it.

The best candidate's value is how sure it is; what it lacks to 1 is NIL. The others share its value in
proportion to theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.linkers.base import Floats, Mentions, Rank, Ranked
from kbtools.linkers.ranking.base import weighed


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which feature it is."""

    feature: str = setting("The feature: a similarity from 0 to 1.", "context")


def make(settings: Settings) -> Rank:
    """Return the rule."""

    def rank(mentions: Mentions, features: Mapping[str, Floats]) -> Ranked:
        prior = mentions.prior.astype(np.float64)
        alike = np.clip(weighed(features, {settings.feature: 1.0}, len(prior)), 0, 1)
        value = prior + alike - prior * alike
        owner, count = mentions.owner, len(mentions)
        best, sums = np.zeros(count), np.bincount(owner, weights=value, minlength=count)
        np.maximum.at(best, owner, value)
        share = np.divide(best, sums, out=np.zeros(count), where=sums > 0)
        return Ranked((value * share[owner]).astype(np.float32), (1 - best).astype(np.float32))

    return rank
