"""Word senses against gold keys, as Raganato's scorer counts.

Raganato et al. (2017), "Word Sense Disambiguation: A Unified Evaluation Framework and Empirical Comparison".
An answer has the share of its senses that are among the gold ones: c. With A answers to N instances

    precision = Σc / A        recall = Σc / N        F1 = 2 Σc / (A + N)

An instance without gold is not counted; one without an answer counts in N alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbtools.metrics.ranking import Difference, Interval

Floats = NDArray[np.float64]
Keys = Sequence[Sequence[str]]  # of each instance; nothing: no answer, or no gold


class Credits(NamedTuple):
    """What the instances that have gold earned: a share each, and whether there was an answer."""

    credit: Floats
    answered: NDArray[np.bool_]
    scored: NDArray[np.int64]  # which of those given these are


class Score(NamedTuple):
    """How right a system is, with intervals."""

    precision: Interval
    recall: Interval
    f1: Interval
    instances: int
    answered: int
    unscored: int  # without gold


def earned(gold: Keys, answers: Keys) -> Credits:
    """Return what each answer earns; an answer that names a sense twice names it once.

    >>> earned([["a", "b"], ["c"], ["d"], []], [["a", "x"], [], ["d"], ["e"]])[:2]
    (array([0.5, 0. , 1. ]), array([ True, False,  True]))
    """
    if len(gold) != len(answers):
        raise ValueError(f"{len(answers)} answers to {len(gold)} instances")
    scored = [number for number, keys in enumerate(gold) if keys]
    told = [(set(gold[number]), set(answers[number])) for number in scored]
    share = [len(right & answer) / len(answer) if answer else 0.0 for right, answer in told]
    return Credits(
        np.array(share, np.float64),
        np.array([bool(answer) for _, answer in told], bool),
        np.array(scored, np.int64),
    )


def score(gold: Keys, answers: Keys, *, seed: int = 0, resamples: int = 1000, level: float = 0.95) -> Score:
    """Score answers; intervals are percentiles over resampled instances (Efron 1979).

    >>> found = score([["a"], ["b"], ["c"], ["d"]], [["a"], ["b"], ["x"], []])
    >>> round(found.precision.mean, 3), found.recall.mean, round(found.f1.mean, 3)
    (0.667, 0.5, 0.571)
    """
    told = earned(gold, answers)
    return _score(told.credit, told.answered, len(gold), (seed, resamples, level))


def by_group(
    gold: Keys,
    answers: Keys,
    groups: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> dict[str, Score]:
    """Score the instances of each group apart, groups in order of their names: parts of speech, say."""
    if len(groups) != len(gold):
        raise ValueError(f"{len(groups)} groups of {len(gold)} instances")
    found = {}
    told = earned(gold, answers)
    of_all = np.array(groups, dtype=object)
    of_scored = of_all[told.scored]
    for group in sorted(set(groups)):
        mine = np.asarray(of_scored == group, bool)
        size = int((of_all == group).sum())
        found[group] = _score(told.credit[mine], told.answered[mine], size, (seed, resamples, level))
    return found


def compare(
    ours: Credits, theirs: Credits, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> Difference:
    """Compare the F1 of two systems on the same instances: paired bootstrap and paired permutation test.

    >>> found = earned([["a"], ["b"]], [["a"], ["x"]])
    >>> compare(found, found)
    Difference(mean=0.0, low=0.0, high=0.0, p=1.0)
    """
    if not np.array_equal(ours.scored, theirs.scored):
        raise ValueError("the two systems were scored on different instances")
    size = len(ours.credit)
    if not size:
        return Difference(*(float("nan"),) * 4)
    rows = np.stack([ours.credit, ours.answered, theirs.credit, theirs.answered], axis=1)
    kinds, counts = np.unique(rows.astype(np.float64), axis=0, return_counts=True)
    observed = float(_gap(counts @ kinds, size))
    drawn = np.random.default_rng([seed, 0]).multinomial(size, counts / size, size=resamples)
    low, high = np.quantile(_gap(drawn @ kinds, size), [(1 - level) / 2, (1 + level) / 2])
    swaps = np.random.default_rng([seed, 1])
    kept = np.stack([swaps.binomial(count, 0.5, resamples) for count in counts], axis=1)
    swapped = _gap(kept @ kinds + (counts - kept) @ kinds[:, [2, 3, 0, 1]], size)
    as_far = int((np.abs(swapped) >= abs(observed) - 1e-12).sum())
    return Difference(observed, float(low), float(high), (1 + as_far) / (1 + resamples))


def _gap(sums: Floats, size: int) -> Floats:
    """Return the difference of F1 from the sums of both systems' credits and answers."""
    return np.asarray(
        2 * sums[..., 0] / (sums[..., 1] + size) - 2 * sums[..., 2] / (sums[..., 3] + size), np.float64
    )


def _score(credit: Floats, answered: NDArray[np.bool_], given: int, draws: tuple[int, int, float]) -> Score:
    size = len(credit)
    seed, resamples, level = draws
    if not size:
        nothing = Interval(*(float("nan"),) * 3)
        return Score(nothing, nothing, nothing, 0, 0, given)
    rows = np.stack([credit, answered.astype(np.float64)], axis=1)
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    drawn = np.random.default_rng([seed, 0]).multinomial(size, counts / size, size=resamples)
    right, tried = (drawn @ kinds).T
    whole = _rates(credit.sum(), answered.sum(), size)
    samples = _rates(right, tried, size)
    bounds = [_bounds(one, level) for one in samples]
    found = [Interval(float(mean), *two) for mean, two in zip(whole, bounds, strict=True)]
    return Score(found[0], found[1], found[2], size, int(answered.sum()), given - size)


def _bounds(samples: Floats, level: float) -> tuple[float, float]:
    """Return the percentiles; samples without any answer say nothing of precision."""
    known = samples[~np.isnan(samples)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _rates(right: ArrayLike, tried: ArrayLike, size: int) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1; precision of no answer is not a number."""
    credit, answers = np.asarray(right, np.float64), np.asarray(tried, np.float64)
    precision = np.divide(credit, answers, out=np.full_like(credit, np.nan), where=answers > 0)
    return precision, credit / size, 2 * credit / (answers + size)
