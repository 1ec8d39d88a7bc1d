"""How sure scores are: documents are drawn, not annotations, as those of one document go together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kbtools.metrics.linking.annotations import Floats, Longs
from kbtools.metrics.linking.counts import METRICS, Counts, measured
from kbtools.metrics.ranking import Difference, Interval, bootstrap
from kbtools.metrics.ranking import compare as compare_values
from kbtools.metrics.resampling import bounds, intervals, sizes, sums


class Intervals(NamedTuple):
    """Precision, recall and F1 with their intervals."""

    precision: Interval
    recall: Interval
    f1: Interval


def micro_intervals(
    counts: Counts, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> Intervals:
    """Return micro scores and their percentile intervals over resampled documents."""
    if not counts.tp.size:
        return Intervals(*(Interval(*(float("nan"),) * 3),) * 3)
    return Intervals(*intervals(counts.rows, measured, seed=seed, resamples=resamples, level=level))


def macro_intervals(
    counts: Counts, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> Intervals:
    """Return macro scores and their intervals."""
    values = measured(counts.rows)
    each = (values[:, place] for place in range(len(METRICS)))
    return Intervals(*(bootstrap(one, seed=seed, resamples=resamples, level=level) for one in each))


def compare(
    ours: Counts,
    theirs: Counts,
    *,
    macro: bool = False,
    metric: str = "F1",
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> Difference:
    """Compare two systems on the same documents: paired bootstrap interval, paired permutation test.

    p is the share of random swaps of whole documents that bring the scores at least as far apart, with what
    was observed as one of them (Noreen 1989, "Computer Intensive Methods for Testing Hypotheses").
    """
    place = METRICS.index(metric)
    one, other = ours.rows, theirs.rows
    if one.shape != other.shape:
        raise ValueError(f"{one.shape[0]} documents cannot be paired with {other.shape[0]}")
    if macro:
        values = (measured(rows)[:, place] for rows in (one, other))
        return compare_values(*values, seed=seed, resamples=resamples, level=level)
    if not one.size:
        return Difference(*(float("nan"),) * 4)
    observed = _gap(one.sum(axis=0), other.sum(axis=0), place)
    both = sums(np.concatenate([one, other], axis=1), seed, resamples)
    low, high = bounds(_gap(both[:, :3], both[:, 3:], place), level)
    moved = _swapped(other - one, seed, resamples)
    gaps = _gap(one.sum(axis=0) + moved, other.sum(axis=0) - moved, place)
    as_far = int((np.abs(gaps) >= abs(observed) - 1e-12).sum())
    return Difference(float(observed), float(low), float(high), (1 + as_far) / (1 + resamples))


def _gap(one: Longs, other: Longs, place: int) -> Floats:
    gap: Floats = measured(one)[..., place] - measured(other)[..., place]
    return gap


def _swapped(moves: Longs, seed: int, resamples: int) -> Longs:
    """Return what random swaps add to the counts of the first system."""
    distinct, counts = np.unique(moves, axis=0, return_counts=True)
    generator = np.random.default_rng([seed, 1])
    moved = [
        generator.binomial(counts, 0.5, size=(size, len(counts))) @ distinct
        for size in sizes(resamples, len(distinct))
    ]
    return np.concatenate(moved)
