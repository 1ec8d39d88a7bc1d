"""What `kbtools embed --help` says: all that makes vectors, or the recipe of one and its settings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from kbtools import config, plugins
from kbtools.cli.settings import described
from kbtools.presets import Presets
from kbtools.vectors.formats.base import Settings as Reading

TEXTS, FORMATS = "kbtools.models.embedding", "kbtools.vectors.formats"


class Embeddings(click.Command):
    """A command whose help ends with the models, or with the settings of the one that --model names."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them as lists."""
        model = str(ctx.params.get("model") or "")
        if not model:
            for title, rows in (
                ("Learned from triples", presets().abouts()),
                ("Made of texts", _summaries(TEXTS)),
                ("Brought from FORMAT:PATH", _summaries(FORMATS)),
            ):
                with formatter.section(title):
                    formatter.write_dl(rows)
        elif model.partition(":")[0] in plugins.names(TEXTS):
            _settings(formatter, plugins.load(TEXTS, model.partition(":")[0]).Settings)
        elif model.partition(":")[0] in plugins.names(FORMATS):
            _settings(formatter, Reading)
        else:
            _recipe(formatter, presets().path(model))


def presets() -> Presets:
    """Return the recipes; they are found without loading what trains."""
    spec = find_spec("kbtools.models")
    folder = Path(str(spec.origin)).parent / "kge" / "presets" if spec else Path()
    return Presets(folder, "--model", "recipe", "or a recipe's .toml file")


def _summaries(package: str) -> list[tuple[str, str]]:
    return [(name, plugins.summary(package, name)) for name in plugins.names(package)]


def _settings(
    formatter: click.HelpFormatter, settings: type, title: str = "Settings (-o NAME=VALUE)"
) -> None:
    with formatter.section(title):
        formatter.write_dl([(one.name, described(one)) for one in config.describe(settings)])


def _recipe(formatter: click.HelpFormatter, path: Path) -> None:
    with formatter.section(f"Recipe ({path})"):
        for line in path.read_text(encoding="utf-8").splitlines():
            formatter.write(f"  {line}\n" if line else "\n")
    from kbtools.models.kge import recipes  # noqa: PLC0415 - torch is slow to load
    from kbtools.models.kge.recipe import Recipe  # noqa: PLC0415

    _settings(formatter, Recipe)
    found = config.load(path, Recipe)
    rows = config.describe(plugins.load(recipes.SCORERS, found.model).SCORER.Settings)
    with formatter.section(f"The scorer ({found.model})"):
        formatter.write_dl([(f"scorer.{one.name}", described(one)) for one in rows if one.name != "dim"])
