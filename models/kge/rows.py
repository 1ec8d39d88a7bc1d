"""Optimisers that change some rows of a table, at a cost that does not grow with the table.

    sgd             w ← w − η·g
    adagrad         G ← G + g²,            w ← w − η·g / (√G + ε)                (Duchi et al. 2011)
    adagrad-rows    G ← G + mean_j(g_j²),  w ← w − η·g / (√G + ε)   one G a row  (Lerer et al. 2019)
    adam            m ← m + (1 − β₁)(g − m),  v ← v + (1 − β₂)(g² − v),
                    w ← w − η·√(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)              (Kingma & Ba 2015)

Adam's is the rule of `torch.optim.SparseAdam`: what it gathered of a row waits while the row has no gradient,
and t counts all steps. Rows are copied out, changed as a small table would be, and copied back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from kbtools.models.kge import recipe

Kind = Literal["adagrad", "adagrad-rows", "adam", "sgd"]
State = Mapping[str, Tensor]
Step = Callable[[Tensor, State, Tensor, float, int], None]  # weights, state, gradient, lr, step

EPSILON, ADAM_EPSILON = 1e-10, 1e-8
BETAS = 0.9, 0.999
TENTH = 0.1  # what is left of a rate when it drops
PORTION = 1 << 17  # numbers that a CPU changes at once: what is computed on the way stays in its cache
SLACK = 9  # digits: 0.7 · 10 is a little more than 7


class Rows(NamedTuple):
    """An optimiser; what it gathers is kept by whoever keeps the table."""

    kind: Kind
    shapes: Mapping[str, bool]  # what it gathers: as wide as the table, or one number a row
    step: Step

    def state(self, rows: int, width: int, device: torch.device | str = "cpu") -> dict[str, Tensor]:
        """Make what it has gathered before the first step: zeros, [rows, width] or [rows]."""
        return {
            name: torch.zeros((rows, width) if wide else (rows,), device=device)
            for name, wide in self.shapes.items()
        }

    def bytes(self, width: int) -> int:
        """Count the bytes of state that go with a row."""
        return sum(4 * (width if wide else 1) for wide in self.shapes.values())

    def update(  # noqa: PLR0917 - as an optimiser is called
        self,
        table: Tensor,
        state: State,
        index: Tensor | None,
        gradient: Tensor,
        lr: float,
        step: int,
        *,
        held: Tensor | None = None,
        bound: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Change the rows `index` [U] of `table` [R, W], in place, by their `gradient` [U, W].

        No row stands in `index` twice; None: all rows, in order. `step` counts from 1, and matters to Adam
        alone. `held` are these rows, where they have been read before: it is changed too, and saves a
        reading. `bound` is told the new rows, and returns what they are to be. Nothing needs a gradient.
        """
        size = len(gradient)
        portion = max(1, PORTION // max(1, table.shape[1])) if table.device.type == "cpu" else size
        if size <= portion:
            self._some(table, state, index, gradient, lr, step, held, bound)
            return
        for at in range(0, size, portion):
            here = slice(at, at + portion)
            part = gradient[here]
            if index is None:
                views = {name: one[here] for name, one in state.items()}
                self._some(table[here], views, None, part, lr, step, None, bound)
            else:
                rows = None if held is None else held[here]
                self._some(table, state, index[here], part, lr, step, rows, bound)

    def _some(  # noqa: PLR0917
        self,
        table: Tensor,
        state: State,
        index: Tensor | None,
        gradient: Tensor,
        lr: float,
        step: int,
        held: Tensor | None,
        bound: Callable[[Tensor], Tensor] | None,
    ) -> None:
        if index is None:
            self.step(table, state, gradient, lr, step)
            if bound is not None:
                table.copy_(bound(table))
            return
        rows = table.index_select(0, index) if held is None else held.detach()
        gathered = {name: one.index_select(0, index) for name, one in state.items()}
        self.step(rows, gathered, gradient, lr, step)
        put(table, index, rows if bound is None else bound(rows))
        for name, one in state.items():
            put(one, index, gathered[name])


def make(kind: Kind) -> Rows:
    """Return the optimiser of this kind."""
    shapes, step = KINDS[kind]
    return Rows(kind, shapes, step)


def put(table: Tensor, index: Tensor, rows: Tensor) -> None:
    """Write rows to their places. On a CPU numpy does it, which takes a half to a third of torch's time."""
    if table.device.type == "cpu" and table.dtype in {torch.float32, torch.float64}:
        table.detach().numpy()[index.numpy()] = rows.detach().numpy()
    else:
        table.index_copy_(0, index, rows)


def rate(settings: recipe.Optimiser, epoch: int, epochs: int) -> float:
    """Return what learning rates are multiplied by in an epoch, from 0 on."""
    dropped = sum(epoch >= at for at in _drops(settings, epochs))
    return float(settings.decay**epoch * TENTH**dropped)


def resets(settings: recipe.Optimiser, epoch: int, epochs: int) -> bool:
    """Tell whether an epoch begins with nothing gathered, and steps are counted from 1 again.

    Adam does where its rate drops, as in the code of Sun et al. (2019), which makes a new one there.
    """
    return settings.kind == "adam" and epoch > 0 and epoch in _drops(settings, epochs)


def _drops(settings: recipe.Optimiser, epochs: int) -> list[int]:
    """List the epochs from which on rates are lower."""
    return [math.ceil(round(share * epochs, SLACK)) for share in settings.drop]


def _sgd(weights: Tensor, _state: State, gradient: Tensor, lr: float, _step: int) -> None:
    weights.add_(gradient, alpha=-lr)


def _adagrad(weights: Tensor, state: State, gradient: Tensor, lr: float, _step: int) -> None:
    sums = state["sum"].addcmul_(gradient, gradient)
    weights.addcdiv_(gradient, sums.sqrt().add_(EPSILON), value=-lr)


def _adagrad_rows(weights: Tensor, state: State, gradient: Tensor, lr: float, _step: int) -> None:
    squares = torch.linalg.vector_norm(gradient, dim=1).square_()  # [U]
    sums = state["sum"].add_(squares, alpha=1 / max(1, gradient.shape[1]))
    weights.addcdiv_(gradient, sums.sqrt().add_(EPSILON).unsqueeze(1), value=-lr)


def _adam(weights: Tensor, state: State, gradient: Tensor, lr: float, step: int) -> None:
    first, second = BETAS
    means = state["mean"].lerp_(gradient, 1 - first)
    squares = state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
    size = lr * math.sqrt(1 - second**step) / (1 - first**step)
    weights.addcdiv_(means, squares.sqrt().add_(ADAM_EPSILON), value=-size)


KINDS: dict[Kind, tuple[dict[str, bool], Step]] = {
    "adagrad": ({"sum": True}, _adagrad),
    "adagrad-rows": ({"sum": False}, _adagrad_rows),
    "adam": ({"mean": True, "square": True}, _adam),
    "sgd": ({}, _sgd),
}
