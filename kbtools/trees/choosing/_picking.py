"""Take the best of each group, in one order for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kbtools.trees.base import I64, OVER_MAX, TAKEN, U8, WHY
from kbtools.trees.choosing.base import Floats

OVER_CAP = WHY.index("over the cap of its relation")


def ordered(group: I64, score: Floats, why: U8, tie: I64) -> I64:
    """Order facts by group; within one those that may be taken first, best first, then as `tie` says."""
    return np.lexsort((tie, -score, why != TAKEN, group))


def pick(group: I64, relation: NDArray[np.integer], why: U8, most: int, per_relation: int) -> U8:
    """Mark what is over the caps; facts come ordered, those that may be taken first in each group."""
    found = why.copy()
    if per_relation:
        open_ = np.flatnonzero(found == TAKEN)
        order = np.lexsort((open_, relation[open_], group[open_]))
        place = _place(_begins(group[open_][order]) | _begins(relation[open_][order]))
        found[open_[order[place >= per_relation]]] = OVER_CAP
    open_ = np.flatnonzero(found == TAKEN)
    place = _place(_begins(group[open_]))
    found[open_[place >= most]] = OVER_MAX
    return found


def _begins(values: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mark where a run of equal values begins."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def _place(begins: NDArray[np.bool_]) -> I64:
    """Count up from each beginning."""
    at = np.arange(len(begins))
    return at - np.maximum.accumulate(np.where(begins, at, 0))
