"""Weighted features as log-odds: p(e) = exp(s(e)) / (exp(s(NIL)) + Σ exp(s)), s = ln prior + Σ w f.

With the prior alone and no NIL, p is the prior. What NIL weighs is a constant: the log-odds that a candidate
has to beat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kbtools.config import setting
from kbtools.linkers.base import Floats, Mentions, Rank, Ranked
from kbtools.linkers.ranking.base import weighed

LEAST = 1e-6  # a prior below this, or none, counts as this


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What each feature weighs."""

    prior: float = setting("Weight of the logarithm of the prior.", 1.0)
    weights: dict[str, float] = field(default_factory=dict, metadata={"help": "Weights of features by name."})
    nil: float | None = setting("Log-odds of no candidate being right; none: one always is.", None)


def make(settings: Settings) -> Rank:
    """Return the rule."""

    def rank(mentions: Mentions, features: Mapping[str, Floats]) -> Ranked:
        scores = settings.prior * np.log(np.maximum(mentions.prior, LEAST)).astype(np.float64)
        scores += weighed(features, settings.weights, len(scores))
        return softmax(mentions, scores, settings.nil)

    return rank


def softmax(mentions: Mentions, scores: np.ndarray, nil: float | np.ndarray | None) -> Ranked:
    """Turn scores into probabilities mention by mention; sums are taken in double precision."""
    count, owner = len(mentions), mentions.owner
    top = np.full(count, -np.inf if nil is None else nil)
    np.maximum.at(top, owner, scores)
    shares = np.exp(scores - top[owner])
    none = np.zeros(count) if nil is None else np.exp(nil - top)
    sums = np.bincount(owner, weights=shares, minlength=count) + none
    empty = mentions.lengths == 0
    none[empty] = sums[empty] = 1.0
    return Ranked((shares / sums[owner]).astype(np.float32), (none / sums).astype(np.float32))
