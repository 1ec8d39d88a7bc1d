"""What a model reads, in words: a layout and views for each kind of input it can be made from.

    about = "..."
    [common]                      fields of settings.Settings
    max_length = 256
    [corpus]                      of documents, linked or not; likewise [kb] and [trees]
    layout = "pairs"
    [corpus.settings]             of the layout
    [corpus.views.entities]       a view, with its settings

A file of `presets/` is a choice of --for; so is the path of any other file of this shape. An override is
NAME=VALUE for a common setting, PART.NAME=VALUE for one of the layout or of a view, `layout=NAME`, or
`views=NAME,NAME` for the views to have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from kbtools import config, plugins
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.presets import Presets
from kbtools.shards.settings import Settings

Takes = Literal["corpus", "kb", "trees"]
LAYOUTS, VIEWS = "kbtools.shards.layouts", "kbtools.shards.views"
PRESETS = Presets(Path(__file__).parent / "presets", "--for", "model")
KINDS = {"corpus": "documents (a corpus, or linked)", "kb": "a knowledge base", "trees": "sentence trees"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is made of one kind of input."""

    layout: str = setting("What an example is made of.", "sequences")
    settings: dict[str, Any] = field(default_factory=dict)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """All that a model reads."""

    about: str = setting("What it is, in a line.", "")
    common: dict[str, Any] = field(default_factory=dict)
    corpus: Part | None = None
    kb: Part | None = None
    trees: Part | None = None

    @property
    def takes(self) -> list[str]:
        """The kinds of input that it can be made from."""
        return [name for name in get_args(Takes) if getattr(self, name) is not None]


class Chosen(NamedTuple):
    """A preset for one kind of input, with overrides, checked: plain data may be made of it again."""

    takes: Takes
    common: Settings
    layout: str
    settings: Any  # of the layout
    views: dict[str, Any]  # name: its settings

    def plain(self) -> dict[str, Any]:
        """Return plain data that `rebuilt` takes."""
        views = {name: config.plain(told) for name, told in self.views.items()}
        return {
            "takes": self.takes, "common": config.plain(self.common), "layout": self.layout,
            "settings": config.plain(self.settings), "views": views,
        }  # fmt: skip


def load(name: str) -> Preset:
    """Load a preset by the model's name, or a TOML file by its path."""
    path = PRESETS.path(name)
    return config.build(Preset, config.load_table(path), where=str(path))


def choose(preset: Preset, takes: Takes, overrides: Iterable[str] = (), *, name: str = "preset") -> Chosen:
    """Take what the preset says of one kind of input; apply overrides and check every setting."""
    part: Part | None = getattr(preset, takes)
    if part is None:
        made = " or ".join(KINDS[kind] for kind in preset.takes)
        raise ConfigError(f"--for {name}: is made from {made}, not from {KINDS[takes]}")
    told = _Overrides(overrides)
    layout = told.take("layout") or part.layout
    wanted = told.take("views")
    views = dict(part.views) if wanted is None else {
        view: part.views.get(view, {}) for view in wanted.replace(" ", "").split(",") if view
    }  # fmt: skip
    made_layout = plugins.load(LAYOUTS, layout).LAYOUT
    if made_layout.takes != takes:
        raise ConfigError(
            f"layout {layout}: is made from {KINDS[made_layout.takes]}, not from {KINDS[takes]}"
        )
    own = part.settings if layout == part.layout else {}
    settings = config.build(made_layout.settings, own, where=layout, overrides=told.of(layout))
    built = {
        view: config.build(
            plugins.load(VIEWS, view).VIEW.settings, table, where=view, overrides=told.of(view)
        )
        for view, table in views.items()
    }
    common = config.build(Settings, preset.common, where=name, overrides=told.rest(layout, built))
    return Chosen(takes, common, layout, settings, built)


def rebuilt(plain: dict[str, Any]) -> Chosen:
    """Make a choice of the plain data that it was sent as."""
    layout, views = plain["layout"], plain["views"]
    return Chosen(
        plain["takes"],
        config.build(Settings, plain["common"], where="common"),
        layout,
        config.build(plugins.load(LAYOUTS, layout).LAYOUT.settings, plain["settings"], where=layout),
        {
            name: config.build(plugins.load(VIEWS, name).VIEW.settings, told, where=name)
            for name, told in views.items()
        },
    )


class _Overrides:
    """NAME=VALUE texts, handed out to whom they are for."""

    def __init__(self, items: Iterable[str]) -> None:
        self.items = list(items)

    def take(self, name: str) -> str | None:
        found = [item for item in self.items if item.partition("=")[0].strip() == name]
        self.items = [item for item in self.items if item not in found]
        return found[-1].partition("=")[2].strip() if found else None

    def of(self, part: str) -> list[str]:
        mine = [item for item in self.items if item.strip().startswith(f"{part}.")]
        self.items = [item for item in self.items if item not in mine]
        return [item.strip().removeprefix(f"{part}.") for item in mine]

    def rest(self, layout: str, views: Iterable[str]) -> list[str]:
        """Return what is for all; say what parts there are if one is named that there is not."""
        common = {one.name for one in fields(Settings)}
        for item in self.items:
            name, dot, _ = item.partition("=")[0].strip().partition(".")
            if dot and name not in common:
                parts = ", ".join([layout, *views])
                raise ConfigError(f"-o {item}: no part {name!r} here; there are {parts}")
        return self.items
