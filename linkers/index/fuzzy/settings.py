"""What can be said about a fuzzy index."""

from __future__ import annotations

from dataclasses import dataclass

from kbtools.config import setting
from kbtools.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How far from a query a name may be, and how much is looked at to find it."""

    edits: int = setting(
        "Edits within which every name is found; fewer in short names (one in up to 3 characters).", 2
    )
    mode: str = setting("fast: look for names that share n-grams only if none is within the edits.", "exact")
    pool: int = setting("Names that share the most n-grams, ranked beside those within the edits.", 50)
    least: float = setting("Similarity of a name to the query, below which it is not found.", 0.5)
    reordered: float = setting(
        "What the same words in another order are worth; 0: no more than others.", 0.95
    )
    longest: int = setting("Characters of a name; longer ones are skipped.", 300)

    def __post_init__(self) -> None:
        if not 0 <= self.edits <= 4:
            raise ConfigError(f"edits is {self.edits}; it is 0 to 4")
        if self.mode not in {"exact", "fast"}:
            raise ConfigError(f"mode is {self.mode!r}; it is exact or fast")
        if not 0 <= self.pool <= 10_000:
            raise ConfigError(f"pool is {self.pool}; it is 0 to 10000")
        if not 0.1 <= self.least <= 1:
            raise ConfigError(f"least is {self.least}; it is 0.1 to 1")
        if not 0 <= self.reordered <= 1:
            raise ConfigError(f"reordered is {self.reordered}; it is 0 to 1")
        if not 1 <= self.longest <= 1_000:
            raise ConfigError(f"longest is {self.longest}; it is 1 to 1000")
