"""`kbtools export`: vectors in a format that other programs read."""

from __future__ import annotations

from typing import Any

import click

from kbtools import api, plugins
from kbtools.cli.options import common
from kbtools.cli.printing import show_json
from kbtools.cli.settings import Listed
from kbtools.vectors.formats.base import Shape

FORMATS = "kbtools.vectors.formats"


class Formats(Listed):
    """A command whose help ends with the formats and their settings."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them as lists."""
        with formatter.section("Formats"):
            formatter.write_dl([(name, plugins.summary(FORMATS, name)) for name in plugins.names(FORMATS)])
        super().format_epilog(ctx, formatter)


@click.command(cls=Formats, settings=Shape)
@click.argument("path", metavar="VECTORS")
@click.option("--format", required=True, metavar="NAME", help="One of those listed below.")
@click.option("--out", required=True, metavar="PATH", help="The file or folder to write.")
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="Whose entities they are, if it moved.")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting listed below.")
@common("overwrite", "json")
def command(as_json: bool, **options: Any) -> None:
    """Write vectors for other programs: entities by the ids of their knowledge base, words as they are.

    Numbers are written so that what is read again is the same. A file that ends in .gz is compressed.

    Example: kbtools export vectors --format word2vec --out vectors.vec.gz
    """
    made = api.export_vectors(options.pop("path"), options.pop("out"), **options)
    show_json(made) if as_json else click.echo(api.exported(made))
