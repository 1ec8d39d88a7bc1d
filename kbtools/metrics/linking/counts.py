"""Counts of documents become precision, recall and F1, over all of them (micro) or for each (macro).

As GERBIL has it: with no true positive all three are 1 if there was nothing to find and nothing was found,
and 0 otherwise. Macro values are means over documents, macro F1 the mean of their F1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbtools.metrics.linking.annotations import Floats, Longs

METRICS = ("precision", "recall", "F1")


class Counts(NamedTuple):
    """True positives, false positives and false negatives of each document."""

    tp: Longs  # [D]
    fp: Longs  # [D]
    fn: Longs  # [D]

    @property
    def rows(self) -> Longs:
        """The same as a table, [D, 3]."""
        return np.stack(self, axis=1)

    def of(self, documents: ArrayLike) -> Counts:
        """Keep some documents."""
        return Counts(*(column[np.asarray(documents)] for column in self))


class Scores(NamedTuple):
    """Precision, recall and F1."""

    precision: float
    recall: float
    f1: float


def measured(counts: ArrayLike) -> Floats:
    """Turn counts [..., 3] into precision, recall and F1 [..., 3].

    >>> measured([[2, 1, 2], [0, 0, 0], [0, 0, 5]]).round(2).tolist()
    [[0.67, 0.5, 0.57], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """
    tp, fp, fn = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    empty = (tp == 0) & (fp == 0) & (fn == 0)

    def share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> Floats:
        return np.where(empty, 1.0, np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))

    return np.stack([share(tp, tp + fp), share(tp, tp + fn), share(2 * tp, 2 * tp + fp + fn)], axis=-1)


def micro(counts: Counts) -> Scores:
    """Sum over all documents first."""
    return Scores(*measured([int(column.sum()) for column in counts]).tolist())


def macro(counts: Counts) -> Scores:
    """Take the mean over documents; of none it is NaN."""
    if not counts.tp.size:
        return Scores(*(float("nan"),) * 3)
    return Scores(*measured(counts.rows).mean(axis=0).tolist())
