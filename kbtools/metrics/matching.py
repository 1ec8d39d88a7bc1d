"""Which of the answers to a question is right: those of a group are ranked by their scores.

Only groups that have a right answer count: of a question all of whose answers are wrong nothing can be said.
MRR and P@1 are means over groups.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.metrics.ranking import Interval, bootstrap

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Matched(NamedTuple):
    """Where the first right answer stands in each group that has one."""

    group: Longs  # [G]
    rank: Floats  # [G], from 1; behind all that have a higher score, and in the middle of the wrong of equal


def first_right(score: Floats, right: Bools, group: Longs) -> Matched:
    """Rank the best right answer of each group; a group below 0 is none.

    >>> first_right(np.array([0.9, 0.5, 0.1]), np.array([False, True, False]), np.zeros(3, int)).rank
    array([2.])
    """
    asked = group >= 0
    score, right, group = score[asked], right[asked], group[asked]
    many = int(group.max(initial=-1)) + 1
    best = np.full(many, -np.inf)
    np.maximum.at(best, group[right], score[right])
    there = np.bincount(group[right], minlength=many) > 0
    wrong = ~right
    above = np.bincount(group[wrong & (score > best[group])], minlength=many)
    beside = np.bincount(group[wrong & (score == best[group])], minlength=many)
    return Matched(np.flatnonzero(there), (1 + above + beside / 2)[there])


def mrr_and_first(
    found: Matched, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> tuple[Interval, Interval]:
    """Return MRR, and the share of groups whose first answer is right, by itself."""
    asked = {"seed": seed, "resamples": resamples, "level": level}
    values = (1 / found.rank, (found.rank == 1).astype(np.float64))
    one, other = (bootstrap(each, **asked) for each in values)  # type: ignore[arg-type]
    return one, other
