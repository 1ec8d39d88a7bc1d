"""Cross entropy of a language-model head, at the places that were chosen and nowhere else."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from kbtools.models.batch import Columns, Output
from kbtools.models.objectives.base import Loss, Model


def predict(model: Model, output: Output, batch: Columns, *, name: str, head: str, at_once: int) -> Loss:
    """Sum −log p(target) over `NAME.places`; count how many were right.

    The head sees [M, H]: there is never a [B, T, V]. Beyond `at_once` logits they are computed in parts, and
    once more for the gradient.
    """
    places, targets = batch[f"{name}.places"], batch[f"{name}.targets"]
    hidden, words, lm = output.hidden, model.words, model.heads[head]
    states = hidden.flatten(0, 1)  # [B·T, H]
    if not len(places):
        nothing = lm(states[:1], words).float().sum() * 0
        return Loss(nothing, {"right": nothing.detach()})
    states = states[places]  # [M, H]
    rows = max(at_once // len(words), 1)
    if len(places) <= rows:
        total, right = _costs(lm, states, words, targets)
        return Loss(total, {"right": right})
    total, right = torch.zeros((), device=states.device), targets.new_zeros(())
    for some, told in zip(torch.split(states, rows), torch.split(targets, rows), strict=True):
        cost, good = checkpoint(_costs, lm, some, words, told, use_reentrant=False)
        total, right = total + cost, right + good
    return Loss(total, {"right": right})


def _costs(lm: nn.Module, states: Tensor, words: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    logits = lm(states, words).float()  # [M, V]
    right = (logits.detach().argmax(-1) == targets).sum()
    return functional.cross_entropy(logits, targets, reduction="sum"), right
