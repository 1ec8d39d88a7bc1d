"""What `--help` says of the models that shards are made for: all of them, or the settings of one."""

from __future__ import annotations

from collections.abc import Iterator

import click

from kbtools import config, plugins
from kbtools.cli.settings import described
from kbtools.shards import preset
from kbtools.shards.settings import Settings


class Presets(click.Command):
    """A command whose help ends with the presets, or with the settings of the one that --for names."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them as lists."""
        model = ctx.params.get("model")
        if not model:
            with formatter.section("Models"):
                formatter.write_dl(preset.PRESETS.abouts())
            return
        with formatter.section("Settings (-o NAME=VALUE)"):
            formatter.write_dl(list(_common(preset.load(model))))
        for title, rows in _parts(preset.load(model)):
            with formatter.section(title):
                formatter.write_dl(list(rows))


def _common(found: preset.Preset) -> Iterator[tuple[str, str]]:
    for one in config.describe(Settings):
        yield one.name, described(_as_told(one, found.common))


def _parts(found: preset.Preset) -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    for takes in found.takes:
        part = getattr(found, takes)
        layout = plugins.load(preset.LAYOUTS, part.layout).LAYOUT
        yield (
            f"From {preset.KINDS[takes]}: layout {part.layout}",
            _rows(part.layout, layout.settings, part.settings),
        )
        for view, told in part.views.items():
            yield f"  with {view}", _rows(view, plugins.load(preset.VIEWS, view).VIEW.settings, told)


def _rows(name: str, settings: type, told: dict[str, object]) -> Iterator[tuple[str, str]]:
    for one in config.describe(settings):
        yield f"{name}.{one.name}", described(_as_told(one, told))


def _as_told(one: config.Setting, told: dict[str, object]) -> config.Setting:
    """Put what the preset says in place of the default."""
    value = told.get(one.name, one.default)
    return one._replace(default=tuple(value) if isinstance(value, list) else value)
