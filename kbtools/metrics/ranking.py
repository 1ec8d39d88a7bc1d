"""Ranks in, numbers out: recall, hits, reciprocal ranks, what chance does to them, and whether two differ.

A rank counts from 1; 0 says that what was looked for was not found. Every metric is first one value for each
query, so that groups, intervals and tests work alike for all of them.

Resampling draws queries with replacement. A mean only depends on how often each distinct value was drawn, and
that number is multinomial: so one draw a distinct value replaces one draw a query, with the same distribution
(a million queries take as long as a hundred).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A mean and the interval that holds it with a given probability."""

    mean: float
    low: float
    high: float


class Difference(NamedTuple):
    """How far the mean of one is above that of the other, its interval, how likely chance does as much."""

    mean: float
    low: float
    high: float
    p: float


def hits_at(ranks: ArrayLike, k: int) -> Floats:
    """Mark the queries whose answer is among the first k; where each has one answer, this is recall@k.

    >>> hits_at([1, 0, 7], 5).tolist()
    [1.0, 0.0, 0.0]
    """
    found = np.asarray(ranks, dtype=np.int64)
    return ((found > 0) & (found <= k)).astype(np.float64)


def reciprocal(ranks: ArrayLike) -> Floats:
    """Return 1 / rank of each query, 0 where nothing was found; the mean is MRR.

    >>> reciprocal([1, 0, 4]).tolist()
    [1.0, 0.0, 0.25]
    """
    found = np.asarray(ranks, dtype=np.float64)
    return np.divide(1.0, found, out=np.zeros_like(found), where=found > 0)


def mean(values: ArrayLike) -> float:
    """Return the mean; of nothing it is NaN, without a warning."""
    found = np.asarray(values, dtype=np.float64)
    return float(found.mean()) if found.size else float("nan")


def recall_at(ranks: ArrayLike, k: int) -> float:
    """Return the share of queries whose answer is among the first k."""
    return mean(hits_at(ranks, k))


def mrr(ranks: ArrayLike) -> float:
    """Return the mean reciprocal rank."""
    return mean(reciprocal(ranks))


def grouped_means(values: ArrayLike, groups: ArrayLike, number: int) -> tuple[Floats, NDArray[np.int64]]:
    """Return the mean and the size of each of `number` groups; a negative group is none, an empty one NaN.

    >>> grouped_means([1, 0, 1], [0, 0, 2], 3)
    (array([0.5, nan, 1. ]), array([2, 0, 1]))
    """
    found, group = np.asarray(values, dtype=np.float64), np.asarray(groups, dtype=np.int64)
    inside = group >= 0
    sizes = np.bincount(group[inside], minlength=number)
    sums = np.bincount(group[inside], weights=found[inside], minlength=number)
    means = np.divide(sums, sizes, out=np.full(number, np.nan), where=sizes > 0)
    return means, sizes.astype(np.int64)


def bootstrap(values: ArrayLike, *, seed: int = 0, resamples: int = 1000, level: float = 0.95) -> Interval:
    """Return the mean and its percentile interval over resampled queries (Efron 1979).

    >>> bootstrap([1.0, 1.0, 1.0])
    Interval(mean=1.0, low=1.0, high=1.0)
    """
    found = np.asarray(values, dtype=np.float64)
    if not found.size:
        return Interval(float("nan"), float("nan"), float("nan"))
    return Interval(mean(found), *_interval(_resampled(found, seed, resamples), level))


def compare(
    ours: ArrayLike, theirs: ArrayLike, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> Difference:
    """Compare two metrics of the same queries: paired bootstrap interval, and a paired permutation test.

    p is the share of random swaps of the two, query by query, that bring the means at least as far apart.
    What was observed is one of them, so that p is never 0: (1 + those) / (1 + resamples).

    >>> compare([1, 1, 0], [1, 1, 0])
    Difference(mean=0.0, low=0.0, high=0.0, p=1.0)
    """
    one, other = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if one.shape != other.shape:
        raise ValueError(f"{one.size} values cannot be paired with {other.size}")
    if not one.size:
        return Difference(*(float("nan"),) * 4)
    gaps = one - other
    interval = _interval(_resampled(gaps, seed, resamples), level)
    sizes, counts = np.unique(np.abs(gaps), return_counts=True)
    swaps = np.random.default_rng([seed, 1])
    kept = np.stack([swaps.binomial(count, 0.5, resamples) for count in counts], axis=1)
    swapped = (2 * kept - counts) @ sizes
    as_far = int((np.abs(swapped) >= abs(gaps.sum()) - 1e-9).sum())
    return Difference(mean(gaps), *interval, (1 + as_far) / (1 + resamples))


def _resampled(values: Floats, seed: int, resamples: int) -> Floats:
    """Return the means of `resamples` samples as large as the one we have."""
    distinct, counts = np.unique(values, return_counts=True)
    generator = np.random.default_rng([seed, 0])
    drawn = generator.multinomial(values.size, counts / values.size, size=resamples)
    return np.asarray(drawn @ distinct / values.size)


def _interval(means: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
