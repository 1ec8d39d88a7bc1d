"""How near numbers are to those that are right: squared error, correlation, correlation of ranks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbtools.metrics.ranking import Interval
from kbtools.metrics.resampling import intervals

Floats = NDArray[np.float64]


class Nearness(NamedTuple):
    """The mean squared error, Pearson's r, Spearman's ρ (r of the ranks, equal numbers sharing theirs)."""

    mse: Interval
    pearson: Interval
    spearman: Interval


def nearness(
    gold: ArrayLike, answer: ArrayLike, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> Nearness:
    """Compare numbers; of a constant there is no correlation, it is NaN."""
    one, other = np.asarray(gold, np.float64), np.asarray(answer, np.float64)
    asked = {"seed": seed, "resamples": resamples, "level": level}
    rows = np.stack([(one - other) ** 2, np.ones_like(one)], axis=1)
    (error,) = intervals(rows, lambda sums: sums[..., :1] / np.maximum(sums[..., 1:], 1), **asked)  # type: ignore[arg-type]
    (straight,) = intervals(_moments(one, other), _correlation, **asked)  # type: ignore[arg-type]
    (ranked,) = intervals(_moments(ranks(one), ranks(other)), _correlation, **asked)  # type: ignore[arg-type]
    return Nearness(error, straight, ranked)


def ranks(values: Floats) -> Floats:
    """Rank values from 1, the smallest first; equal ones have the mean of their places.

    >>> ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found: Floats = (last - (counts - 1) / 2)[place]
    return found


def _moments(one: Floats, other: Floats) -> Floats:
    """Return what sums up to means, variances and covariance; about the means, lest digits be lost."""
    x, y = (values - (values.mean() if len(values) else 0.0) for values in (one, other))
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)


def _correlation(sums: Floats) -> Floats:
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    with np.errstate(all="ignore"):
        spread = np.sqrt(np.maximum(n * xx - x * x, 0) * np.maximum(n * yy - y * y, 0))
        scale = np.abs(n * xx) * np.abs(n * yy)
        sure = spread > 1e-12 * np.sqrt(scale)
        found = np.where(sure, (n * xy - x * y) / np.where(sure, spread, 1.0), np.nan)
    return found[..., None]
