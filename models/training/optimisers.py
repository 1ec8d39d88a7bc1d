"""AdamW, with bias correction or, as in BERT's own code, without; LAMB for very large batches.

A weight without a gradient is left entirely alone: it does not decay, and its running means and its count
of steps stay as they are. So where tasks take turns, the head of one is not touched by the steps of another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.distributed import all_reduce
from torch.distributed.tensor import DTensor, Shard
from torch.optim import AdamW, Optimizer

from kbtools.models.recipe import Optimiser
from kbtools.models.training.groups import Groups
from kbtools.models.training.states import local

FUSED = {"cuda", "cpu", "xpu", "mps"}  # devices for which torch has AdamW in one kernel
PORTION = 1 << 25  # numbers of weights at once: what is computed on the way takes twice their memory


def make(groups: Groups, settings: Optimiser, *, fused: bool = True) -> Optimizer:
    """Make the optimiser of these settings for groups of weights; see `groups.groups`."""
    if settings.name == "lamb" or not settings.bias_correction:
        return Adam(groups, settings, ratios=settings.name == "lamb")
    devices = {weight.device.type for group in groups for weight in group["params"]}
    kernel: dict[str, Any] = {"fused": True} if fused and devices <= FUSED else {"foreach": True}
    return AdamW(groups, settings.lr, settings.betas, settings.eps, settings.decay, **kernel)


class Adam(Optimizer):
    """Adam with decay apart from it, for what torch's own does not do.

        m ← β₁m + (1 − β₁)g,   v ← β₂v + (1 − β₂)g²,   u = m / (√v + ε) + λw,   w ← w − η·r·u

    With bias correction m is divided by 1 − β₁ᵗ, v by 1 − β₂ᵗ (Kingma & Ba 2015, Loshchilov & Hutter 2019);
    BERT (Devlin et al. 2019) was trained without. With `ratios` r = ‖w‖ / ‖u‖ for each weight, 1 if either
    is 0 (LAMB, You et al. 2020, algorithm 2); groups that are not `scaled`, such as biases and norms, keep
    r = 1, as in the authors' code. Otherwise r = 1.
    """

    def __init__(self, groups: Groups, settings: Optimiser, *, ratios: bool = False) -> None:
        self.ratios, self.corrected = ratios, settings.bias_correction
        defaults = {
            "lr": settings.lr, "betas": settings.betas, "eps": settings.eps,
            "weight_decay": settings.decay, "scaled": True,
        }  # fmt: skip
        super().__init__(groups, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change all weights that have a gradient."""
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            for weights in _portions([weight for weight in group["params"] if weight.grad is not None]):
                self._change(group, weights)
        return value

    def _change(self, group: dict[str, Any], weights: list[Tensor]) -> None:
        states = [self._state(weight) for weight in weights]
        here = [local(weight) for weight in weights]
        slopes = [local(weight.grad) for weight in weights if weight.grad is not None]
        mean, square = ([local(state[what]) for state in states] for what in ("exp_avg", "exp_avg_sq"))
        torch._foreach_add_([state["step"] for state in states], 1)
        update = self._update(group, [int(state["step"]) for state in states], slopes, mean, square)
        if group["weight_decay"]:
            torch._foreach_add_(update, here, alpha=group["weight_decay"])
        if self.ratios and group["scaled"]:
            torch._foreach_mul_(update, list(_ratios(_norms(here, weights), _norms(update, weights))))
        torch._foreach_add_(here, update, alpha=-group["lr"])

    def _update(
        self,
        group: dict[str, Any],
        steps: list[int],
        slopes: list[Tensor],
        mean: list[Tensor],
        square: list[Tensor],
    ) -> list[Tensor]:
        """Move the running means, and return m / (√v + ε)."""
        (first, second), corrected = group["betas"], self.corrected
        torch._foreach_lerp_(mean, slopes, 1 - first)
        torch._foreach_mul_(square, second)
        torch._foreach_addcmul_(square, slopes, slopes, 1 - second)
        root = torch._foreach_sqrt(square)
        if corrected:
            torch._foreach_div_(root, [math.sqrt(1 - second**step) for step in steps])
        torch._foreach_add_(root, group["eps"])
        if corrected:
            torch._foreach_mul_(root, [1 - first**step for step in steps])
        return list(torch._foreach_div(mean, root))

    def _state(self, weight: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
            state["exp_avg_sq"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
        return state


def _portions(weights: list[Tensor]) -> Iterator[list[Tensor]]:
    """Cut a group into portions, so that what is computed on the way stays small."""
    portion: list[Tensor] = []
    size = 0
    for weight in weights:
        portion.append(weight)
        size += weight.numel()
        if size >= PORTION:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _norms(parts: list[Tensor], weights: list[Tensor]) -> Tensor:
    """Return the length of each tensor, also where this process has a part of it: `weights` say."""
    found = torch.stack(torch._foreach_norm(parts))
    shared: dict[Any, list[int]] = {}
    for at, weight in enumerate(weights):
        if isinstance(weight, DTensor):
            shared.setdefault((weight.device_mesh, weight.placements), []).append(at)
    for (mesh, placements), places in shared.items():
        squares = found[places] ** 2
        for axis, placement in enumerate(placements):
            if isinstance(placement, Shard):
                all_reduce(squares, group=mesh.get_group(axis))
        found[places] = squares.sqrt()
    return found


def _ratios(weights: Tensor, updates: Tensor) -> tuple[Tensor, ...]:
    found = torch.where((weights > 0) & (updates > 0), weights / updates, torch.ones_like(weights))
    return found.unbind()
