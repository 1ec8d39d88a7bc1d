"""What `kbtools fit` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS

MOST_TREES, MOST_DEPTH = 200, 4


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is learnt from, and how."""

    model: Literal["logistic", "gradient"] = setting("A weight for each feature, or small trees.", "logistic")
    folds: int = setting(
        "Parts that the documents are dealt out to, each judged by what the others teach.", 5
    )
    seed: int = setting("Decides which document goes to which part.", 0)
    kinds: tuple[str, ...] = setting("Links of these kinds are gold.", ("gold", "anchor"))
    negatives: bool = setting(
        "In documents with links of kind gold, a name found outside of gold is no mention.", True
    )
    most: int = setting("Links of gold at most; documents after that are not looked at.", 200_000)
    ridge: float = setting("How strongly weights are drawn to 0.", 1.0)
    trees: int = setting("gradient: how many trees.", 100)
    depth: int = setting("gradient: questions in a row that a tree asks at most.", 3)
    rate: float = setting("gradient: how much of its correction each tree makes.", 0.1)

    def __post_init__(self) -> None:
        wrong = [kind for kind in self.kinds if kind not in KINDS]
        if wrong or not self.kinds:
            raise ConfigError(f"kinds: no kind {(wrong or [''])[0]!r}; there are {', '.join(KINDS)}")
        limits = {"folds": (2, 100), "trees": (1, MOST_TREES), "depth": (1, MOST_DEPTH), "most": (1, 1 << 40)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is from {low} to {high:,}")
        if not self.ridge > 0 or not 0 < self.rate <= 1:
            raise ConfigError("ridge is above 0, and rate from 0 to 1")
