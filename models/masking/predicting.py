"""Cross entropy of a language-model head, at the places that were chosen and nowhere else."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from kbtools.models.batch import Columns, Output
from kbtools.models.masking.parts import in_parts
from kbtools.models.objectives.base import Loss, Model


def predict(model: Model, output: Output, batch: Columns, *, name: str, head: str, at_once: int) -> Loss:
    """Sum −log p(target) over `NAME.places`; count how many were right.

    The head sees [M, H]: there is never a [B, T, V], nor more than `at_once` logits.
    """
    places, targets = batch[f"{name}.places"], batch[f"{name}.targets"]
    hidden, words, lm = output.hidden, model.words, model.heads[head]
    states = hidden.flatten(0, 1)  # [B·T, H]
    if not len(places):
        nothing = lm(states[:1], words).float().sum() * 0
        return Loss(nothing, {"right": nothing.detach()})

    def cost(states: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        logits = lm(states, words).float()  # [m, V]
        right = (logits.detach().argmax(-1) == targets).sum()
        return functional.cross_entropy(logits, targets, reduction="sum"), right

    total, right = in_parts(cost, (states[places], targets), logits=len(words), at_once=at_once)
    return Loss(total, {"right": right})
