"""What becomes of a system if it only answers when it is sure.

A system's annotations in the order of their scores each take the first free gold one that fits: so whether
one is right does not depend on less sure ones, and one pass gives the scores at every threshold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kbtools.metrics.linking.annotations import Annotations, Bools, Floats, Longs
from kbtools.metrics.linking.counts import Counts, measured
from kbtools.metrics.linking.pairing import agree, one_to_one, overlapping, same_span

ALL = float("-inf")  # the threshold that lets everything through


class Swept(NamedTuple):
    """Counts at each threshold, from the highest to the lowest; a score equal to it passes."""

    threshold: Floats  # [T]
    counts: Longs  # [T, 3]


def right_by_score(gold: Annotations, system: Annotations, *, weak: bool = False) -> Bools:
    """Mark the annotations of a system that are right, the surest first."""
    order = np.lexsort([np.arange(len(system)), -system.score])
    ranked = system.take(order)
    pairs = overlapping(ranked, gold) if weak else same_span(ranked, gold)
    turned = type(pairs)(pairs.system, pairs.gold)  # `agree` takes gold first
    pairs = pairs.where(agree(gold, ranked, turned))
    right = np.zeros(len(system), np.bool_)
    right[order[pairs.gold[one_to_one(*pairs)]]] = True
    return right


def sweep(score: Floats, right: Bools, total: int) -> Swept:
    """Count at every distinct score; `total` is how many there are to find."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if score.size else np.zeros(0, int)
    tp = np.cumsum(right[order])[last]
    return Swept(ordered[last], np.stack([tp, last + 1 - tp, total - tp], axis=1).astype(np.int64))


def average_precision(swept: Swept, total: int) -> float:
    """Return the area under the precision-recall curve as a sum of steps; needs no threshold.

    Where there is nothing to find there is nothing to be measured: NaN.
    """
    if not total:
        return float("nan")
    gained = np.diff(swept.counts[:, 0], prepend=0) / total
    return float((gained * measured(swept.counts)[:, 0]).sum())


def best(swept: Swept) -> float:
    """Return the threshold with the best F1; of several the highest. Without any answer all pass."""
    if not swept.threshold.size:
        return ALL
    return float(swept.threshold[np.argmax(measured(swept.counts)[:, 2])])


def folds(documents: int, number: int, seed: int = 0) -> Longs:
    """Deal documents out to folds of equal size."""
    fold = np.empty(documents, np.int64)
    fold[np.random.default_rng([seed, 3]).permutation(documents)] = np.arange(documents) % number
    return fold


def picked(gold: Annotations, system: Annotations, right: Bools, fold: Longs) -> Floats:
    """Return a threshold for each fold, the best one on all others: no document helps to judge itself."""
    chosen = []
    for one in range(int(fold.max(initial=-1)) + 1):
        mine = fold[system.doc] != one
        total = int((fold[gold.doc] != one).sum())
        chosen.append(best(sweep(system.score[mine], right[mine], total)))
    return np.array(chosen, np.float64)


def counts_above(
    gold: Annotations, system: Annotations, right: Bools, threshold: Floats | float, documents: int
) -> Counts:
    """Count document by document what passes a threshold, or one for each annotation."""
    passes = system.score >= threshold
    tp = np.bincount(system.doc[passes & right], minlength=documents)
    fp = np.bincount(system.doc[passes & ~right], minlength=documents)
    return Counts(tp, fp, np.bincount(gold.doc, minlength=documents) - tp)
