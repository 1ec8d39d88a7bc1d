"""Who sees whom: padding, packed rows, trees; worked out on the device, for each batch, from O(N) numbers.

A token i may attend to a token j if all of these hold:

- neither is padding;
- they stand in the same example of a packed row (`sequence`);
- in a tree, b: branch (0: trunk), w: word (a branch has its head word's): b_i = b_j, or w_i = w_j and exactly
  one of b_i, b_j is 0 (Liu et al., K-BERT, AAAI 2020);
- where a layer has a window, their positions are no further apart than that;

and each token may attend to itself, so that no row of a softmax is empty. What is kept is O(N): N × N is made
when a layer needs it, once a batch, in the form that the layer's attention reads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

from kbtools.models.batch import Columns

_ALIGNED = (
    8  # numbers: fused kernels copy a mask whose rows do not begin at multiples of this, in every layer
)


Rule = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class Near(NamedTuple):
    """What a layer with a window sees: others whose positions are at most `window` away."""

    positions: Tensor  # [B, T]
    window: int


class Visibility(NamedTuple):
    """What decides who sees whom, each [B, T]; what is absent parts nobody."""

    valid: Tensor | None = None  # bool, false at padding
    sequence: Tensor | None = None
    branch: Tensor | None = None
    word: Tensor | None = None

    @classmethod
    def of_batch(cls, batch: Columns, *, trees: bool = True) -> Visibility:
        """Read a batch's columns; without `trees`, all tokens of an example see each other."""
        valid = batch.get("attention_mask")
        branch, word = (batch.get("branch"), batch.get("word")) if trees else (None, None)
        if valid is not None:
            valid = valid.bool() if _padded(batch, valid) else None
        return cls(valid, batch.get("sequence"), branch, word)

    @property
    def whole(self) -> bool:
        """Whether everyone sees everyone: no mask, and the fastest kernels."""
        return all(numbers is None for numbers in self)

    @property
    def padding_alone(self) -> Tensor | None:
        """Return `valid` if padding is all that is hidden."""
        return self.valid if self.sequence is None and self.branch is None else None

    def pairs(self, near: Near | None = None) -> Tensor | None:
        """Return [B, T, T] bool (B or 1): row i sees column j; nothing if everyone sees everyone."""
        rows, columns = (slice(None), slice(None), None), (slice(None), None)
        found = self._seen(rows, columns, near)
        if found is None:
            return None
        return found | torch.eye(found.shape[-1], dtype=torch.bool, device=found.device)

    def additive(self, dtype: torch.dtype, near: Near | None = None) -> Tensor | None:
        """Return what is added to scores, 0 or the least number of `dtype`: [B or 1, 1, T, T].

        [B, 1, 1, T] where only padding is hidden: there what padding sees matters to nobody. The least number
        is finite, so that even a row of padding alone gives numbers.
        """
        valid = self.padding_alone
        if valid is not None and near is None:
            return _added(valid[:, None, None, :], dtype)
        found = self.pairs(near)
        return None if found is None else _added(found[:, None], dtype)

    def rule(self, near: Near | None = None) -> Rule:
        """Return the rule as FlexAttention asks for it: (row of the batch, head, i, j) → bool."""

        def seen(row: Tensor, head: Tensor, i: Tensor, j: Tensor) -> Tensor:
            found = self._seen((row, i), (row, j), near)
            itself = i == j
            return itself | True if found is None else found | itself

        return seen

    def blocks(self, shape: tuple[int, int], device: Any, near: Near | None = None) -> BlockMask | None:
        """Return which blocks of B × T × T FlexAttention may skip; `shape` is (B, T)."""
        if self.whole and near is None:
            return None
        rows, length = shape
        return create_block_mask(self.rule(near), rows, None, length, length, device=device)

    def _seen(self, i: Any, j: Any, near: Near | None) -> Tensor | None:
        """Ask of tokens at the indices i and j, whatever their shapes, all that is to be asked."""
        tests = []
        if self.valid is not None:
            tests.append(self.valid[i] & self.valid[j])
        if self.sequence is not None:
            tests.append(self.sequence[i] == self.sequence[j])
        if self.branch is not None and self.word is not None:
            head = (self.branch[i] == 0) != (self.branch[j] == 0)
            tests.append((self.branch[i] == self.branch[j]) | (head & (self.word[i] == self.word[j])))
        if near is not None:
            tests.append((near.positions[i] - near.positions[j]).abs() <= near.window)
        return reduce(torch.logical_and, tests) if tests else None


def _padded(batch: Columns, valid: Tensor) -> bool:
    """Say whether a batch has padding.

    Whoever makes batches knows, and may say so in `batch.padded`; to look costs waiting for the device, and
    a compiled model cannot look at all.
    """
    told = batch.get("batch.padded")
    if told is not None:
        return bool(told)
    return torch.compiler.is_compiling() or not bool(valid.all())


def _added(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn true into 0 and false into the least number; rows begin at multiples of `_ALIGNED`."""
    length = seen.shape[-1]
    room = -(-length // _ALIGNED) * _ALIGNED
    mask = torch.zeros((*seen.shape[:-1], room), dtype=dtype, device=seen.device)[..., :length]
    return mask.masked_fill_(~seen, torch.finfo(dtype).min)
