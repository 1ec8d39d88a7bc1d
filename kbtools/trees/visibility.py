"""Which token of a tree sees which: worked out from branch and word numbers, never stored.

Liu et al., K-BERT (AAAI 2020). b: branch (0 for the trunk), w: word (a branch token has its head word's):

    v(i, j)  ⇔  b_i = b_j  ∨  (w_i = w_j ∧ exactly one of b_i, b_j is 0)

b_i = b_j covers two tokens of the trunk. So the trunk sees itself; a branch sees itself and its head word;
siblings do not see each other. N × N: made when a batch is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.trees.base import Bools


def visible(branch: NDArray[Any], word: NDArray[Any]) -> Bools:
    """Return who sees whom in one tree, [N, N]; in a batch of equally long rows, [B, N, N].

    >>> visible(np.array([0, 0, 1]), np.array([0, 1, 1])).astype(int).tolist()
    [[1, 1, 0], [1, 1, 1], [0, 1, 1]]
    """
    trunk = branch == 0
    found: Bools = word[..., :, None] == word[..., None, :]
    found &= trunk[..., :, None] != trunk[..., None, :]
    found |= branch[..., :, None] == branch[..., None, :]
    return found


def visible_batch(branch: NDArray[Any], word: NDArray[Any], valid: Bools) -> Bools:
    """Return who sees whom in padded rows [B, N] → [B, N, N]; padding sees itself alone.

    A row of nothing but false would give no number in a softmax; what padding sees changes nothing else.
    """
    found = visible(branch, word)
    found &= valid[:, :, None] & valid[:, None, :]
    size = branch.shape[1]
    found[:, np.arange(size), np.arange(size)] = True
    return found


def padded(
    rows: Sequence[NDArray[Any]], size: int | None = None, fill: int = 0
) -> tuple[NDArray[Any], Bools]:
    """Put rows below each other: [B, N], and which places are no padding."""
    lengths = np.array([len(row) for row in rows], np.int64)
    width = max(int(lengths.max(initial=0)), size or 0)
    valid = np.arange(width) < lengths[:, None]
    made = np.full(valid.shape, fill, np.int64)
    made[valid] = np.concatenate(rows) if rows else []
    return made, valid
