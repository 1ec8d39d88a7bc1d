"""How well classes are told: one of several for each example, or a set.

A class of its own may stand for none of the others (`no_relation`): it is no answer that could be right, and
micro scores leave it out (Zhang et al. 2017, TACRED). Sets are scored as those who tell types of entities do
(Ling and Weld 2012): exact; micro over all classes of all examples; macro, the means over examples of
precision and of recall, each 0 where there is nothing to divide by, and the F1 of these two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.metrics.linking.counts import Counts, measured
from kbtools.metrics.ranking import Interval
from kbtools.metrics.resampling import bounds, intervals, times

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]


class ByClass(NamedTuple):
    """Precision, recall and F1 of each class, [C, 3], and how often it is right and said, [C]."""

    scores: Floats
    gold: Longs
    answered: Longs


def confusion(gold: Longs, answer: Longs, classes: int) -> Longs:
    """Count which class was taken for which: [gold, answer].

    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    flat = np.bincount(gold * classes + answer, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def by_class(table: Longs) -> ByClass:
    """Score each class of a confusion table."""
    right, gold, answered = np.diagonal(table), table.sum(axis=1), table.sum(axis=0)
    rows = np.stack([right, answered - right, gold - right], axis=1)
    return ByClass(measured(rows), gold, answered)


def without(gold: Longs, answer: Longs, negative: int = -1) -> Counts:
    """Count for each example what is right, wrong and missed; `negative` is the class that is none."""
    same, told, asked = gold == answer, answer != negative, gold != negative
    return Counts(*(one.astype(np.int64) for one in (same & told, ~same & told, ~same & asked)))


def macro_f1(
    gold: Longs,
    answer: Longs,
    classes: int,
    negative: int = -1,
    *,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Return the mean F1 of the classes that are right or said somewhere, and its interval."""
    if not len(gold):
        return Interval(*(float("nan"),) * 3)
    pairs, counts = np.unique(gold * classes + answer, return_counts=True)
    right, said = np.divmod(pairs, classes)
    asked = np.zeros((len(pairs), classes))
    told = np.zeros((len(pairs), classes))
    asked[np.arange(len(pairs)), right] = 1
    told[np.arange(len(pairs)), said] = 1
    keep = np.arange(classes) != negative

    def mean(drawn: NDArray[np.number]) -> Floats:
        """Of how often each pair was drawn, [..., K]."""
        hit, many = drawn @ (asked * told), drawn @ asked + drawn @ told
        score = np.divide(2 * hit, many, out=np.zeros_like(hit), where=many > 0)
        there = (many > 0) & keep
        total: Floats = there.sum(axis=-1)
        sums: Floats = (score * there).sum(axis=-1)
        found: Floats = np.divide(sums, total, out=np.full(np.shape(total), np.nan), where=total > 0)
        return found

    samples = np.concatenate([mean(one) for one in times(counts, seed, resamples)])
    low, high = bounds(samples, level)
    return Interval(float(mean(counts)), float(low), float(high))


def sets(gold: Bools, answer: Bools) -> Counts:
    """Count for each example the classes that are right, wrong and missed; [N, C] → [N] each."""
    each = (gold & answer, ~gold & answer, gold & ~answer)
    return Counts(*(one.sum(axis=1).astype(np.int64) for one in each))


def macro_sets(
    counts: Counts, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> list[Interval]:
    """Return the means over examples of precision and of recall, and their F1."""
    tp, fp, fn = (one.astype(np.float64) for one in counts)
    precision = np.divide(tp, tp + fp, out=np.zeros_like(tp), where=tp + fp > 0)
    recall = np.divide(tp, tp + fn, out=np.zeros_like(tp), where=tp + fn > 0)
    rows = np.stack([precision, recall, np.ones_like(tp)], axis=1)
    return intervals(rows, _means, seed=seed, resamples=resamples, level=level)


def _means(sums: Floats) -> Floats:
    with np.errstate(all="ignore"):
        precision, recall = sums[..., 0] / sums[..., 2], sums[..., 1] / sums[..., 2]
        f1 = np.where(precision + recall > 0, 2 * precision * recall / (precision + recall), 0.0)
    return np.stack([precision, recall, f1], axis=-1)
