"""What can be said about how names are weighed and which of them are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kbtools import config
from kbtools.alias.schema import SOURCES
from kbtools.config import setting
from kbtools.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What one count of a source is worth; `--weights FILE` is a TOML file of these."""

    label: float = 1.0
    alias: float = 0.5
    title: float = 1.0
    redirect: float = 0.5
    anchor: float = 1.0
    disambiguation: float = 0.5
    lemma: float = 1.0
    form: float = 0.5
    exception: float = 0.5
    term: float = 1.0
    name: float = 1.0
    user: float = 1.0
    prior: float = 0.3

    def __post_init__(self) -> None:
        for source in SOURCES:
            if not 0 <= getattr(self, source) < float("inf"):
                raise ConfigError(f"the weight of {source} is {getattr(self, source)}; it is 0 or more")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How counts become candidates; p(e|m) = (Σ w n + α π(e)) / (Σ w n + α) over the candidates e of m."""

    alpha: float = setting("Pseudo-counts spread over the candidates by popularity.", 1.0)
    beta: float = setting("Popularity is (1 + sitelinks)^beta ...", 0.5)
    gamma: float = setting("... times (1 + in_degree)^gamma.", 0.5)
    kappa: float = setting("How soon a form trusts itself: its weight is n / (n + kappa × candidates).", 1.0)
    most: int = setting("Candidates kept of a name in each knowledge base.", 30)
    min_count: int = setting("Links (anchors, prior files) to an entity, below which they do not count.", 1)
    min_length: int = setting("Characters of a name.", 1)
    max_length: int = setting("Characters of a name; longer ones are rejected.", 300)
    deny_classes: tuple[str, ...] = setting("Classes (ids) whose instances get no names here.", ())
    stop_aliases: Path | None = setting("A file of names, one a line, that are left out.", None)
    numbers: Literal["keep", "drop", "names"] = setting(
        "Names without a letter; names: keep what is a label, title or alias.", "names"
    )
    site: str = setting("The wiki whose titles prior files hold.", "enwiki")
    pages: bool = setting("Count names in the pages of the knowledge bases, for link probabilities.", True)
    langs: tuple[str, ...] = setting("Languages of names; those without a language always stay.  [all]", ())

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma", "kappa"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 0 or more")
        if not 1 <= self.most <= 65_535:
            raise ConfigError(f"most is {self.most}; it is 1 to 65535")


def weights(path: Path | None) -> Weights:
    """Read `--weights FILE`."""
    return Weights() if path is None else config.load(path, Weights)
