"""What `kbtools train --help` says: the models there are, or the recipe of one and its settings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from kbtools import config
from kbtools.cli.settings import described
from kbtools.presets import Presets


class Recipes(click.Command):
    """A command whose help ends with the models, or with the recipe of the one that is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:  # noqa: D102
        named = [arg for arg in args if not arg.startswith("-")]
        ctx.meta["recipe"] = named[0] if named else ""  # --help is told before arguments are read
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them as lists."""
        found, name = presets(), ctx.meta.get("recipe")
        if not name:
            with formatter.section("Models"):
                formatter.write_dl(found.abouts())
            return
        path = found.path(name)
        with formatter.section(f"Recipe ({path})"):
            for line in path.read_text(encoding="utf-8").splitlines():
                formatter.write(f"  {line}\n" if line else "\n")
        from kbtools.models.recipe import Optimiser, Run, Stage, Task  # noqa: PLC0415 - torch is slow to load

        for title, prefix, settings in (
            ("Settings (-o NAME=VALUE)", "run", Run), ("The optimiser", "optimiser", Optimiser),
            ("A task", "tasks.NAME", Task), ("A stage, in a TOML file", "stages", Stage),
        ):  # fmt: skip
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{prefix}.{one.name}", described(one)) for one in config.describe(settings)]
                )


def presets() -> Presets:
    """Return the recipes of the zoo; they are found without loading what trains."""
    spec = find_spec("kbtools.models")
    folder = Path(str(spec.origin)).parent / "zoo" if spec else Path()
    return Presets(folder, "MODEL", "model", "or a recipe's .toml file")
