"""How well a trained run does what it was trained for, on the examples of shards.

The run's own objectives ask, its heads answer, and the kind of question says how answers are scored. What is
drawn (masks) is what the run's looks at dev draw, so that losses can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kbtools.config import setting
from kbtools.errors import ConfigError

EXAMPLE = "Example: kbtools eval shards --model run --data shards --split dev --out report"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is asked, and how answers are scored and told."""

    split: Literal["test", "dev", "train"] = setting("The examples.", "test")
    entity_ablation: str = setting(
        "Entities as they are, or a control: none, redrawn, wrong ...; none: the run's.", ""
    )
    objectives: tuple[str, ...] = setting("Of those of the run; none named: all of its last stage.", ())
    negative: str = setting("A class that stands for none of the others: micro F1 leaves it out.", "")
    positive: str = setting("Matching: the class of right answers; none: the last of two.", "")
    threshold: float = setting("Several classes: how likely one is that is said.", 0.5)
    tokens: int = setting("Tokens at once, padding too.", 8192)
    device: str = setting("cpu, cuda, cuda:1 ...; auto: a GPU if there is one.", "auto")
    precision: Literal["", "fp32", "bf16", "fp16"] = setting("What is computed in; none: as the run.", "")
    classes: int = setting("Classes that are drawn: the most frequent.", 30)
    text: bool = setting("Write texts beside predictions.", True)
    resamples: int = setting("Samples drawn for an interval.", 1000)
    level: float = setting("Probability of an interval.", 0.95)
    plots: bool = setting("Draw plots; needs matplotlib.", True)

    def __post_init__(self) -> None:
        for name in ("level", "threshold"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is more than 0 and less than 1")
        for name in ("resamples", "tokens", "classes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is at least 1")
