"""Cross entropy of a language-model head, and its answers, at places that were chosen and nowhere else."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kbtools.models.batch import Columns, Output
from kbtools.models.masking.parts import in_parts
from kbtools.models.objectives.base import Answers, Loss, Model


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


def answered(
    model: Model, output: Output, batch: Columns, *, name: str, head: str, at_once: int
) -> list[Answers]:
    """Return the likeliest word at each place, how likely the right one is, and its rank among all words.

    Words as likely as the right one are before it and behind it by halves.
    """
    places, targets = batch[f"{name}.places"], batch[f"{name}.targets"]
    words, lm = model.words, model.heads[head]
    states = output.hidden.flatten(0, 1)[places]
    columns: dict[str, list[Tensor]] = {"answer": [], "score": [], "logp": [], "rank": []}
    rows = max(at_once // len(words), 1)
    for some, gold in zip(torch.split(states, rows), torch.split(targets, rows), strict=True):
        logp = torch.log_softmax(lm(some, words).float(), dim=-1)  # [m, V]
        right = logp.gather(1, gold[:, None])  # [m, 1]
        best = logp.max(dim=-1)
        before, beside = (logp > right).sum(-1), (logp == right).sum(-1) - 1
        for column, value in zip(
            columns.values(),
            (best.indices, best.values.exp(), right[:, 0], 1 + before + beside / 2),
            strict=True,
        ):
            column.append(value)
    found = {column: torch.cat(values) for column, values in columns.items()}
    return [Answers("words", places, {"gold": targets, **found})]
