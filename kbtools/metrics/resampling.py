"""How sure a score is that is made of sums: rows are drawn anew, and summed (Efron 1979).

A row is what belongs together: a document, an example, a group of questions. A score depends on how often
each distinct row was drawn, and that is multinomial, as in `kbtools.metrics.ranking`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbtools.metrics.ranking import Interval

Floats = NDArray[np.float64]
Rows = NDArray[Any]

CELLS = 4 << 20  # numbers drawn at once


def intervals(
    rows: ArrayLike,
    score: Callable[[Floats], Floats],
    *,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> list[Interval]:
    """Return scores and their percentile intervals; `score` turns sums of rows [..., K] into scores [..., S].

    >>> [one.mean for one in intervals([[1, 2], [1, 2]], lambda sums: sums[..., :1] / sums[..., 1:])]
    [0.5]
    """
    found = np.asarray(rows, np.float64)
    values = score(found.sum(axis=0))
    if not len(found):
        return [Interval(float(value), float("nan"), float("nan")) for value in values]
    low, high = bounds(score(sums(found, seed, resamples)), level)
    return [Interval(*map(float, one)) for one in zip(values, low, high, strict=True)]


def sums(rows: Rows, seed: int, resamples: int) -> Rows:
    """Return the sums of `resamples` samples of rows [N, K], each as large as the one we have: [R, K]."""
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    return np.concatenate([drawn @ distinct for drawn in times(counts, seed, resamples)])


def times(counts: Rows, seed: int, resamples: int) -> Iterator[Rows]:
    """Yield how often each distinct row [K] is in samples, some samples at a time: [r, K]."""
    generator = np.random.default_rng([seed, 0])
    total = int(counts.sum())
    for size in sizes(resamples, len(counts)):
        yield generator.multinomial(total, counts / total, size=size)


def sizes(resamples: int, distinct: int) -> Iterator[int]:
    """Say how many samples are drawn at once, so that they fit in memory."""
    most = max(1, CELLS // max(distinct, 1))
    for done in range(0, resamples, most):
        yield min(most, resamples - done)


def bounds(values: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the percentiles of samples [R, ...]; those without a value say nothing."""
    with np.errstate(all="ignore"):
        share = [(1 - level) / 2, (1 + level) / 2]
        known = ~np.isnan(values).all(axis=0)
        low, high = np.nanquantile(np.where(known, values, 0.0), share, axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)
