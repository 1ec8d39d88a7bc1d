"""How many candidates are better than the right answer of a query, how many are as good: its ranks.

Each triple is asked for twice, (h, r, ?) and (?, r, t). With as many better and equal as there are, the right
answer left out, its rank is

    optimistic    1 + better             as if it stood before all that are as good
    pessimistic   1 + better + equal     ... behind them
    realistic     the mean of both       what a draw among them gives on average

The realistic one counts (Berrendorf et al. 2020): a scorer that finds all alike is in the middle, not first.
Filtered ranks leave other known answers out (Bordes et al. 2013), raw ones count them as wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Ties = Literal["realistic", "optimistic", "pessimistic"]

TAIL, HEAD = 0, 1  # what is asked for: the place of a query among the two of its triple
SIDES = ("tail", "head")


class Ranks(NamedTuple):
    """What was counted for N triples; the second axis is what is asked for."""

    rows: int  # candidates of each query, the right answer among them
    better: I64  # [N, 2] candidates above the right answer, other known answers left out
    equal: I64  # [N, 2] ... as good as it
    known: I64  # [N, 2] other known answers
    known_better: I64  # [N, 2] ... above it
    known_equal: I64  # [N, 2] ... as good as it
    score: NDArray[np.float32]  # [N, 2] of the right answer
    top: I64  # [N, 2, K] rows of the best candidates, other known answers left out; −1: there are no more
    top_score: NDArray[np.float32]  # [N, 2, K]

    def of(self, ties: Ties = "realistic", *, raw: bool = False) -> F64:
        """Return ranks from 1, [N, 2]."""
        better, equal = self.better, self.equal
        if raw:
            better, equal = better + self.known_better, equal + self.known_equal
        share = {"optimistic": 0.0, "realistic": 0.5, "pessimistic": 1.0}[ties]
        found: F64 = 1.0 + better + share * equal
        return found

    def candidates(self, *, raw: bool = False) -> I64:
        """Count what each right answer is ranked among, itself too, [N, 2]."""
        found: I64 = self.rows - (0 if raw else 1) * self.known
        return found

    def mrr(self, *, raw: bool = False) -> float:
        """Return the mean of 1 / rank over all queries, the realistic one; NaN if there are none."""
        found = self.of(raw=raw)
        return float((1.0 / found).mean()) if found.size else float("nan")


def folded(rows: int, found: Mapping[str, NDArray[Any]]) -> Ranks:
    """Put counts of queries, [2N, ...], together: all that ask for tails come first, then those for heads."""
    halves = {name: np.stack(np.split(array, 2), axis=1) for name, array in found.items()}
    return Ranks(rows=rows, **halves)
