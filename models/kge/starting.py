"""First vectors, drawn on the device of their generator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from kbtools.config import setting
from kbtools.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Bilinear:
    """What scorers take that multiply: how wide they are, and what they start with."""

    dim: int = setting("Coordinates.", 100)
    start: Literal["normal", "uniform", "xavier"] = setting(
        "First vectors; xavier: normal, by the size of the table (Glorot & Bengio 2010).", "normal"
    )
    spread: float = setting("Of the first vectors: standard deviation, or bound of `uniform`.", 0.1)

    def __post_init__(self) -> None:
        if not 0 < self.spread < math.inf:
            raise ConfigError(f"scorer.spread is {self.spread}; it is more than 0")


@dataclass(frozen=True, kw_only=True)
class Distant:
    """What scorers take that measure distances."""

    dim: int = setting("Coordinates.", 100)
    gamma: float = setting("What a score is at most; first numbers lie in ±(gamma + 2) / dim.", 9.0)

    def __post_init__(self) -> None:
        if not 0 <= self.gamma < math.inf:
            raise ConfigError(f"scorer.gamma is {self.gamma}; it is at least 0")

    @property
    def reach(self) -> float:
        """How large the first numbers are, at most (Sun et al. 2019)."""
        return (self.gamma + 2) / self.dim


def uniform(rows: int, width: int, bound: float, generator: Generator) -> Tensor:
    """Draw numbers from −bound to bound."""
    return torch.empty(rows, width, device=generator.device).uniform_(-bound, bound, generator=generator)


def normal(rows: int, width: int, deviation: float, generator: Generator) -> Tensor:
    """Draw from a bell around 0."""
    return torch.empty(rows, width, device=generator.device).normal_(0, deviation, generator=generator)


def xavier(rows: int, width: int, generator: Generator) -> Tensor:
    """Draw from a bell as wide as the table's size wants it."""
    return normal(rows, width, (2 / max(rows + width, 1)) ** 0.5, generator)


def drawn(settings: Bilinear, rows: int, width: int, generator: Generator) -> Tensor:
    """Draw as the settings say."""
    if settings.start == "uniform":
        return uniform(rows, width, settings.spread, generator)
    if settings.start == "xavier":
        return xavier(rows, width, generator)
    return normal(rows, width, settings.spread, generator)
