"""How many heads and tails belong together by each relation: categories, and which side to corrupt."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
F32 = NDArray[np.float32]

NAMES = ("1-1", "1-N", "N-1", "N-N", "unseen")
UNSEEN = len(NAMES) - 1  # relations without triples of training
MANY = 1.5  # from so many on, on average, it is N (Bordes et al. 2013)


class Shape(NamedTuple):
    """What relations are like, each array [relations]; NaN: it has no triples."""

    tails_per_head: F32
    heads_per_tail: F32

    @property
    def category(self) -> NDArray[np.uint8]:
        """The place in NAMES: heads to tails, as 1-N is one head with many tails (Bordes et al. 2013)."""
        found = (self.heads_per_tail >= MANY) * 2 + (self.tails_per_head >= MANY)
        return np.where(np.isnan(self.tails_per_head), UNSEEN, found).astype(np.uint8)

    @property
    def to_head(self) -> F32:
        """How likely the head is corrupted: less often if that easily makes a truth (Wang et al. 2014).

        Of a relation without triples, one half.
        """
        found: F32 = self.tails_per_head / (self.tails_per_head + self.heads_per_tail)
        return np.nan_to_num(found, nan=0.5)


def shape(triples: I32, relations: int) -> Shape:
    """Count by the triples of training [n, 3], each of them once; for a moment 16 bytes a triple."""
    number = np.bincount(triples[:, 1], minlength=relations).astype(np.float64)
    tails, heads = (number / _distinct(triples, side, relations) for side in (0, 2))
    return Shape(tails.astype(np.float32), heads.astype(np.float32))


def _distinct(triples: I32, side: int, relations: int) -> NDArray[np.float64]:
    """Count the distinct heads (0) or tails (2) of each relation; NaN: there are none."""
    pairs = triples[:, side].astype(np.int64)
    pairs *= relations
    pairs += triples[:, 1]
    pairs.sort()
    new = np.ones(len(pairs), np.bool_)
    new[1:] = pairs[1:] != pairs[:-1]
    found = np.bincount(pairs[new] % max(relations, 1), minlength=relations).astype(np.float64)
    found[found == 0] = np.nan
    return found
