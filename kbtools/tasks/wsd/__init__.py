"""How well the senses of words are told apart, beside a wordnet's first senses.

Gold is a corpus whose links have sense keys; answers are linked documents. Precision, recall and F1 are
counted over instances, as Raganato's scorer does it (`kbtools.metrics.wsd`). Two systems are always there:
the first sense of each word, and, with a corpus to count in, its most frequent sense there.
"""

from __future__ import annotations

from dataclasses import dataclass

from kbtools.config import setting
from kbtools.errors import ConfigError

EXAMPLE = "Example: kbtools eval wsd --linked linked --data raganato:senseval2.data.xml --kb wn --out report"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is scored and how it is told."""

    train: str = setting("A corpus with senses, to find each word's most frequent one.  [none]", "")
    of: str = setting("Score senses of this knowledge base, where gold speaks of several.", "")
    resamples: int = setting("Samples drawn for an interval.", 1000)
    level: float = setting("Probability of an interval.", 0.95)
    plots: bool = setting("Draw plots; needs matplotlib.", True)

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ConfigError(f"level is {self.level}; it is more than 0 and less than 1")
        if self.resamples < 1:
            raise ConfigError(f"resamples is {self.resamples}; it is at least 1")
