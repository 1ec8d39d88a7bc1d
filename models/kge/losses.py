"""What is made small, given scores of triples and of what they are compared with.

A loss is a weighted mean over triples: Σ weight · loss / Σ weight. Negatives that are not `kept` count for
nothing; a triple that has none left is learned by its own score alone, and not by losses that only compare.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from kbtools.models.kge.recipe import Loss


def loss(
    settings: Loss, positive: Tensor, negative: Tensor, kept: Tensor | None, weight: Tensor | None
) -> Tensor:
    """Return the loss of triples [C, S] against negatives [C, S, N]; `weight` [C, S]. `bce` takes labels."""
    each = _KINDS[settings.kind](settings, positive, negative, kept)
    return _mean(each, weight)


def labelled(settings: Loss, scores: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of all answers [B, E] against what is known of them, 0 or 1 (KvsAll).

    Labels are smoothed: (1 − ε) label + ε / E, E the number of entities (Dettmers et al. 2018).
    """
    if settings.smoothing:
        labels = labels * (1 - settings.smoothing) + settings.smoothing / labels.shape[-1]
    each = functional.binary_cross_entropy_with_logits(scores, labels.to(scores.dtype), reduction="none")
    return _mean(each.mean(-1), weight)


def _mean(each: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return each.mean()
    return (each * weight).sum() / weight.sum().clamp_min(torch.finfo(each.dtype).tiny)


def _adversarial(settings: Loss, positive: Tensor, negative: Tensor, kept: Tensor | None) -> Tensor:
    """Self-adversarial (Sun et al. 2019): the harder a negative is, the more it weighs.

    ½ (−log σ(s⁺) − Σ wᵢ log σ(−sᵢ)), w = softmax(temperature · s⁻), and no gradient goes through w.
    """
    wrong = functional.softplus(negative)  # −log σ(−s)
    if not settings.temperature:
        return (functional.softplus(-positive) + _average(wrong, kept)) / 2
    logits = negative.detach() * settings.temperature
    if kept is not None:
        logits = logits.masked_fill(~kept, -math.inf)
    weights = torch.softmax(logits, -1)
    if kept is not None:
        weights = weights.masked_fill(~kept, 0.0)  # where none is kept, a softmax is not a number
    return (functional.softplus(-positive) + (weights * wrong).sum(-1)) / 2


def _margin(settings: Loss, positive: Tensor, negative: Tensor, kept: Tensor | None) -> Tensor:
    """Ranking (Bordes et al. 2013): a triple is to be better than a negative by a margin."""
    short = (negative - positive.unsqueeze(-1) + settings.margin).clamp_min(0)
    return _average(short, kept)


def _softmax(settings: Loss, positive: Tensor, negative: Tensor, kept: Tensor | None) -> Tensor:
    """Choice: −log of the share that a triple has of e^s, its negatives beside it."""
    if kept is not None:
        negative = negative.masked_fill(~kept, -math.inf)
    return torch.logsumexp(torch.cat([positive.unsqueeze(-1), negative], -1), -1) - positive


def _logistic(settings: Loss, positive: Tensor, negative: Tensor, kept: Tensor | None) -> Tensor:
    """Right or wrong, one by one; all negatives weigh together what the triple does (Lerer et al. 2019)."""
    return functional.softplus(-positive) + _average(functional.softplus(negative), kept)


def _average(each: Tensor, kept: Tensor | None) -> Tensor:
    """Return the mean over kept negatives, [C, S, N] → [C, S]; 0 where there are none."""
    if kept is None:
        return each.mean(-1)
    return (each * kept).sum(-1) / kept.sum(-1).clamp_min(1)


_KINDS: dict[str, Callable[[Loss, Tensor, Tensor, Tensor | None], Tensor]] = {
    "adversarial": _adversarial,
    "margin": _margin,
    "softmax": _softmax,
    "logistic": _logistic,
}
