"""Choosing units: as many as a budget allows, or each by itself."""

from __future__ import annotations

import numpy as np

from kbtools.models.masking.tokens import F64, I64, Bools
from kbtools.models.masking.units import Units

BITS = 40  # of a key that count; what is equal in these goes by place


def budgets(lengths: I64, rate: float, most: int | None) -> I64:
    """Say how many tokens of each example are chosen: min(most, max(1, round(length · rate))).

    As in the code of BERT (Devlin et al. 2019): special tokens count, halves go to the even number.
    """
    many: I64 = np.maximum(1, np.rint(lengths * rate)).astype(np.int64)
    return many if most is None else np.minimum(many, most)


def exact(units: Units, budget: I64, keys: F64) -> Bools:
    """Choose units in the order of their keys (in [0, 2)), as long as the budget [N] of their example lasts.

    A unit larger than what is left is passed over, and those behind it have their turn. All examples at once,
    in rounds: what fits one after the other is chosen; then what is larger than what is left can never be,
    and goes. Two or three rounds as a rule.
    """
    order = np.argsort((units.example << BITS + 1) + (keys * 2.0**BITS).astype(np.int64), kind="stable")
    example, size = units.example[order], units.size[order]
    left = budget.copy()
    chosen = np.zeros(len(order), np.bool_)
    while len(order):
        of = np.bincount(example, size, minlength=len(left)).astype(np.int64)
        used = np.cumsum(size) - (np.cumsum(of) - of)[example]  # in its example, with all before it
        fits = used <= left[example]
        chosen[order[fits]] = True
        left -= np.bincount(example[fits], size[fits], minlength=len(left)).astype(np.int64)
        some = ~fits & (size <= left[example])
        order, example, size = order[some], example[some], size[some]
    return chosen
