"""Rows of a table that a step works on: read once each, a leaf of the graph of gradients, written back after.

Where a batch asks for at least as many rows as there are, the table itself is lent: to find out which rows
are distinct, and to copy them, would cost more than the step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Lent(NamedTuple):
    """What a step may read, and where in it what it asked for is."""

    rows: Tensor  # [U, width], with a gradient after the step
    where: Tensor  # [K] places in `rows` of the K rows that were asked for
    which: Tensor | None  # [U] which rows they are, sorted; none: all there are
    all_move: bool = False  # and all have a gradient that counts

    def moved(self) -> tuple[Tensor | None, Tensor, Tensor] | None:
        """Return which rows were asked for (none: all), those rows, and their gradient; none: it has none."""
        rows, gradient = self.rows.detach(), self.rows.grad
        if gradient is None:
            return None
        if self.which is not None or self.all_move:
            return self.which, rows, gradient
        asked = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        asked[self.where] = True
        index = asked.nonzero().squeeze(1)
        if len(index) == len(rows):
            return None, rows, gradient
        return index, rows.index_select(0, index), gradient.index_select(0, index)


def lend(read: Callable[[Tensor | None], Tensor], size: int, asked: Tensor) -> Lent:
    """Read rows `asked` [K] of a table of `size`; `read` returns sorted ones, for none the table itself."""
    if size <= len(asked):
        return Lent(read(None).detach().requires_grad_(), asked, None)
    index, where = torch.unique(asked, return_inverse=True)
    return Lent(read(index).requires_grad_(), where, index)


def lend_all(table: Tensor, asked: Tensor) -> Lent:
    """Read a table as a whole, for what looks at all of it."""
    return Lent(table.detach().requires_grad_(), asked, None, all_move=True)
