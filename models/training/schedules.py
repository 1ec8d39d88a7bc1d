"""How the learning rate goes: a factor from 0 to 1 of each group's highest rate, for each step."""

from __future__ import annotations

import math

from kbtools.models.recipe import Optimiser


def factor(settings: Optimiser, step: int, steps: int) -> float:
    """Return what the highest rate is multiplied by in step `step` of `steps`, counted from 0.

    A warm-up of W steps rises evenly and reaches the highest rate in its last step; its first step is not
    lost on a rate of 0. After the last step it stays as low as it became.

    >>> [factor(Optimiser(warmup=2), step, 6) for step in range(6)]
    [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    rising = warmup(settings, steps)
    if settings.schedule == "slanted":
        return _slanted(settings.ratio, step, rising, steps)
    if step < rising:
        return (step + 1) / rising
    done = min((step - rising) / max(steps - rising, 1), 1.0)  # of what follows the warm-up
    if settings.schedule == "constant":
        return 1.0
    left = 1 - done if settings.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2
    return settings.floor + (1 - settings.floor) * left


def warmup(settings: Optimiser, steps: int) -> int:
    """Say how many steps the warm-up takes: a share of all is rounded up, as transformers rounds it."""
    share = settings.warmup
    return math.ceil(round(share * steps, 6)) if share < 1 else round(share)  # .1 · 30 is a bit above 3


def _slanted(ratio: float, step: int, rising: int, steps: int) -> float:
    """Rise for a short time, fall for a long one, from 1/ratio to 1 and back (Howard & Ruder 2018, eq. 3).

    p = t / cut up to the cut, 1 − (t − cut) / (T − cut) after it; the factor is (1 + p·(ratio − 1)) / ratio.
    """
    p = step / rising if step < rising else 1 - (step - rising) / max(steps - rising, 1)
    return (1 + max(p, 0.0) * (ratio - 1)) / ratio
