"""How well a linker finds mentions and what they mean, beside what is right.

Gold is a corpus with gold links or linked documents; answers are linked documents. What counts, and how, is
said in `modes.py`. Numbers have intervals over documents; systems are compared with the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from kbtools.config import setting
from kbtools.errors import ConfigError

EXAMPLE = "Example: kbtools eval linking --linked linked --data conll:test.txt --kb kb --out report"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is scored and how it is told."""

    of: str = setting("Score links to this knowledge base, where gold speaks of several.", "")
    at: tuple[int, ...] = setting("The k of recall@k of candidates.", (1, 2, 5, 10, 30))
    folds: int = setting("Parts of the documents; the threshold of one is picked on all others.", 5)
    bins: int = setting("Bins of the reliability plot.", 10)
    types: int = setting("Types of gold that have a line of their own; 0 for none.", 8)
    places: tuple[str, ...] = setting(
        "Classes of places, to tell metonymy.", ("Q27096213", "Q2221906", "Q17334923", "Q618123")
    )
    people: tuple[str, ...] = setting(
        "Classes of persons and peoples: a name of theirs is no metonymy.",
        ("Q5", "Q215627", "Q41710", "Q95074"),
    )
    resamples: int = setting("Samples drawn for an interval.", 1000)
    level: float = setting("Probability of an interval.", 0.95)
    plots: bool = setting("Draw plots; needs matplotlib.", True)

    def __post_init__(self) -> None:
        if not self.at or not all(1 <= k <= 10_000 for k in self.at) or list(self.at) != sorted({*self.at}):
            raise ConfigError(f"at is {','.join(map(str, self.at))}; numbers from 1 to 10000 that grow")
        if not 0 < self.level < 1:
            raise ConfigError(f"level is {self.level}; it is more than 0 and less than 1")
        for name, least in (("folds", 2), ("bins", 1), ("types", 0), ("resamples", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is at least {least}")
