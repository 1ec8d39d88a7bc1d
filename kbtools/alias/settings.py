"""What can be said about how names are weighed and which of them are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kbtools import config
from kbtools.alias.schema import SOURCES
from kbtools.errors import ConfigError


def _help(text: str, default: Any) -> Any:
    return field(default=default, metadata={"help": text})


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

    alpha: float = _help("Pseudo-counts spread over the candidates by popularity.", 1.0)
    beta: float = _help("Popularity is (1 + sitelinks)^beta ...", 0.5)
    gamma: float = _help("... times (1 + in_degree)^gamma.", 0.5)
    kappa: float = _help("How soon a form trusts itself: its weight is n / (n + kappa × candidates).", 1.0)
    most: int = _help("Candidates kept of a name in each knowledge base.", 30)
    min_count: int = _help("Links (anchors, prior files) a name needs to an entity, unless it is a name.", 1)
    min_length: int = _help("Characters of a name.", 1)
    max_length: int = _help("Characters of a name; longer ones are rejected.", 300)
    deny_classes: tuple[str, ...] = _help("Classes (ids) whose instances get no names here.", ())
    stop_aliases: Path | None = _help("A file of names, one a line, that are left out.", None)
    numbers: str = _help(
        "Names without a letter: keep, drop, or names (keep labels, titles, aliases).", "names"
    )
    site: str = _help("The wiki whose titles prior files hold.", "enwiki")
    pages: bool = _help("Count names in the pages of the knowledge bases, for link probabilities.", True)
    langs: tuple[str, ...] = _help("Languages of names; those without a language always stay.  [all]", ())

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma", "kappa"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 0 or more")
        if not 1 <= self.most <= 65_535:
            raise ConfigError(f"most is {self.most}; it is 1 to 65535")
        if self.numbers not in {"keep", "drop", "names"}:
            raise ConfigError(f"numbers is {self.numbers!r}; it is keep, drop or names")


def weights(path: Path | None) -> Weights:
    """Read `--weights FILE`."""
    return Weights() if path is None else config.load(path, Weights)
