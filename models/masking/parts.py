"""Work on many scores of the vocabulary in parts, so that they are never there all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from kbtools.config import setting
from kbtools.errors import ConfigError

Cost = Callable[..., tuple[Tensor, ...]]  # of columns [m, ...]: sums over their rows


@dataclass(frozen=True, kw_only=True)
class Parted:
    """The setting of objectives that score the whole vocabulary."""

    at_once: int = setting("Logits that are held at once; beyond that they are computed in parts.", 1 << 28)

    def __post_init__(self) -> None:
        if self.at_once < 1:
            raise ConfigError(f"at_once is {self.at_once}; it is 1 at least")


def in_parts(cost: Cost, columns: tuple[Tensor, ...], *, logits: int, at_once: int) -> tuple[Tensor, ...]:
    """Add up what rows [M] cost, of which each has so many logits.

    Beyond `at_once` they are computed in parts, and once more for the gradient.
    """
    rows = max(at_once // logits, 1)
    if len(columns[0]) <= rows:
        return cost(*columns)
    parts = zip(*(torch.split(column, rows) for column in columns), strict=True)
    found = [checkpoint(cost, *part, use_reentrant=False) for part in parts]
    return tuple(torch.stack(sums).sum(0) for sums in zip(*found, strict=True))
