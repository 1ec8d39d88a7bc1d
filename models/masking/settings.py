"""What all kinds of masking can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.masking.parts import Parted

How = Literal["exact", "bernoulli"]


@dataclass(frozen=True, kw_only=True)
class Masking(Parted):
    """How many tokens are chosen, and what the model sees in their place."""

    rate: float = setting("Share of the tokens that is chosen.", 0.15)
    how: How = setting(
        "`exact`: as many of an example as `rate` says; `bernoulli`: each unit by itself.", "exact"
    )
    max_predictions: int | None = setting("Tokens of an example that are chosen at most (exact).", None)
    shares: tuple[float, float, float] = setting(
        "Of chosen tokens: share that is masked, replaced by a random one, kept.", (0.8, 0.1, 0.1)
    )
    alike: bool = setting("All tokens of a unit are masked, or replaced, or kept (SpanBERT).", False)
    random_from: int = setting("The lowest number of a random token.", 0)
    random_excludes_special: bool = setting("No random token is a special one.", False)
    head: str = setting("The language-model head, by name; objectives that name the same one share it.", "lm")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.rate <= 1:
            raise ConfigError(f"rate is {self.rate}; it is above 0 and 1 at most")
        if self.max_predictions is not None and self.max_predictions < 1:
            raise ConfigError(f"max_predictions is {self.max_predictions}; it is 1 at least")
        if self.max_predictions is not None and self.how != "exact":
            raise ConfigError("max_predictions goes with how = exact; bernoulli has no limit")
        if min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ConfigError(f"shares are {list(self.shares)}; they are 0 at least and 1 in sum")
        if self.random_from < 0:
            raise ConfigError(f"random_from is {self.random_from}; it is 0 at least")
