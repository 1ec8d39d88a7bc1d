"""Whether a system that says .8 is right in 8 of 10 cases.

Expected calibration error over bins of equal width (Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of
Modern Neural Networks"): the mean distance of what was said from what was so, weighted by answers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kbtools.metrics.linking.annotations import Bools, Floats, Longs


class Reliability(NamedTuple):
    """The bins with answers in them."""

    said: Floats  # mean score
    right: Floats  # share that is right
    n: Longs


def reliability(score: Floats, right: Bools, bins: int = 10) -> Reliability:
    """Put answers into bins of equal width; a score on a boundary is in the upper one, 1 in the last.

    >>> reliability(np.array([0.05, 0.95, 1.0]), np.array([False, True, False]), 10).right.tolist()
    [0.0, 0.5]
    """
    place = np.clip((score * bins).astype(np.int64), 0, bins - 1)
    n = np.bincount(place, minlength=bins)
    there = n > 0
    said = np.bincount(place, weights=score, minlength=bins)[there] / n[there]
    share = np.bincount(place, weights=right.astype(np.float64), minlength=bins)[there] / n[there]
    return Reliability(said, share, n[there])


def calibration_error(bins: Reliability) -> float:
    """Return the expected calibration error; without any answer NaN."""
    total = bins.n.sum()
    return float((np.abs(bins.said - bins.right) * bins.n).sum() / total) if total else float("nan")
