"""How well vectors of a knowledge graph tell which triples hold: link prediction.

Of each triple that training has not seen, the tail is asked for, and the head: the right answer is ranked
among all entities. Filtered, other known answers are left out (Bordes et al. 2013). Ties are in the middle
(`ranks`), and entities that training has never seen stay in: leaving them out flatters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kbtools.config import setting
from kbtools.errors import ConfigError

EXAMPLE = "Example: kbtools eval linkprediction --vectors vectors --data kb --out report"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is ranked and how it is told."""

    split: Literal["test", "valid"] = setting("The triples of the knowledge base that are ranked.", "test")
    filter: Literal["all", "train+valid", "none"] = setting(
        "Known answers that are left out of filtered ranks; none: ranks are raw.", "all"
    )
    triples: int = setting("Triples at most; of more, as many are drawn; 0: all.", 0)
    top: int = setting("Best answers of a query that are kept.", 5)
    relations: int = setting("Relations that have a line of their own.", 300)
    map: int = setting("Entities on the map of the vectors; 0: no map.", 5000)
    types: int = setting("Kinds that have a colour of their own on the map.", 8)
    names: int = setting("Entities that are named on the map.", 30)
    resamples: int = setting("Samples drawn for an interval.", 1000)
    level: float = setting("Probability of an interval.", 0.95)
    plots: bool = setting("Draw plots; needs matplotlib.", True)

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ConfigError(f"level is {self.level}; it is more than 0 and less than 1")
        for name in ("triples", "top", "relations", "map", "types", "names"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is at least 0")
        if self.resamples < 1:
            raise ConfigError(f"resamples is {self.resamples}; it is at least 1")
