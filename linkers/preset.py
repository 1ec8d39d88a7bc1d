"""A linker in words: where mentions come from, what speaks for a candidate, how that becomes a decision.

    [mentions.dictionary]     steps in the order of the file; a table for each, with its settings
    [candidates]
    [features.context]        features in the order of the file
    [ranking]                 rule = "softmax", and the settings of the rule
    [nil]                     when a mention means none of its candidates, and whether it is kept then

The presets are files of this folder's `presets/`; a `linker` artefact holds one, fitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kbtools import config, plugins
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers import candidates
from kbtools.linkers.base import KINDS
from kbtools.presets import Presets

PRESETS = Presets(Path(__file__).parent / "presets", "--with", "linker", ".toml files, fitted linkers")
FOLDERS = {"mentions": "kbtools.linkers.mentions", "features": "kbtools.linkers.features"}
RANKING = "kbtools.linkers.ranking"
Tables = dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Nil:
    """When a mention means none of its candidates; kept as such, or dropped."""

    total: float = setting("The best candidate is this likely at least.", 0.0)
    prior: float = setting("Its prior is at least this.", 0.0)
    context: float | None = setting("Its context feature is at least this.  [none]", None)
    likelier: bool = setting("It is likelier than that none is right.", True)
    keep: tuple[str, ...] = setting(
        "Mentions of these kinds stay without an entity; others are no mentions then.",
        ("ner", "gold", "user", "anchor"),
    )

    def __post_init__(self) -> None:
        wrong = [kind for kind in self.keep if kind not in KINDS]
        if wrong:
            raise ConfigError(f"nil.keep: no kind {wrong[0]!r}; there are {', '.join(KINDS)}")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """All that makes a linker."""

    about: str = setting("What it is, in a line.", "")
    overlap: Literal["best", "all"] = setting("Of overlapping mentions: the best ones, or all.", "best")
    prefer: Literal["sure", "longest"] = setting(
        "The best are the surest for their length, or from the left the longest.", "sure"
    )
    by_link: bool = setting("A mention is as sure as its name is a link, where that was counted.", False)
    mentions: Tables = field(default_factory=lambda: {"dictionary": {}})
    candidates: candidates.Settings = field(default_factory=candidates.Settings)
    features: Tables = field(default_factory=dict)
    ranking: dict[str, Any] = field(default_factory=lambda: {"rule": "softmax"})
    nil: Nil = field(default_factory=Nil)

    def __post_init__(self) -> None:
        for kind, package in FOLDERS.items():
            for name, told in getattr(self, kind).items():
                settings_of(package, name, told, f"{kind}.{name}")
        rule = dict(self.ranking)
        settings_of(RANKING, rule.pop("rule", "softmax"), rule, "ranking")


def settings_of(package: str, name: str, told: Mapping[str, Any], where: str) -> Any:
    """Build the settings of a part; says what is wrong with them."""
    return config.build(plugins.load(package, name).Settings, dict(told), where=where)


def load(name: str, overrides: Iterable[str] = (), *, instead: Mapping[str, Any] | None = None) -> Preset:
    """Load a preset by its name, or a TOML file by its path; `overrides` are name=value.

    Tables of `instead` stand in place of the file's.
    """
    path = PRESETS.path(name)
    table = config.load_table(path) | dict(instead or {})
    own = [item for item in overrides if not _told_part(table, item)]
    return config.build(Preset, table, where=str(path), overrides=own)


def _told_part(table: dict[str, Any], item: str) -> bool:
    """Override a setting of a part, which alone knows its type; tell whether `item` is one."""
    name, _, value = item.partition("=")
    kind, _, rest = name.strip().partition(".")
    if kind == "ranking" and rest != "rule":
        rule = dict(table.get("ranking", {}))
        kept = {"rule": rule.pop("rule", "softmax")}
        told = _overridden(RANKING, kept["rule"], rule, f"{rest}={value}", "ranking")
        table["ranking"] = kept | told
        return True
    part, dot, setting = rest.partition(".")
    if kind not in FOLDERS or not dot:
        return False
    parts = table.setdefault(kind, {})
    parts[part] = _overridden(
        FOLDERS[kind], part, parts.get(part, {}), f"{setting}={value}", f"{kind}.{part}"
    )
    return True


def _overridden(package: str, name: str, told: dict[str, Any], item: str, where: str) -> dict[str, Any]:
    settings = config.build(plugins.load(package, name).Settings, told, where=where, overrides=[item])
    changed = config.plain(settings)
    return {key: value for key, value in changed.items() if value is not None}
