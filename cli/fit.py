"""`kbtools fit`: a linker learns from gold."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api, linkers
from kbtools.cli.encoder import LOADER
from kbtools.cli.options import common, complain, shared
from kbtools.cli.settings import flags
from kbtools.linkers.fitting.settings import Settings


@click.command()
@click.argument("documents", metavar="CORPUS")
@shared("alias", "indexes", "kbs")
@click.option(
    "--with",
    "linker",
    default="type",
    show_default=True,
    metavar="PRESET|TOML|LINKER",
    help="Whose mentions, candidates and features it has.",
)
@shared("encoder")
@click.option("--out", metavar="LINKER", help="The folder to write.")
@shared("corpus_settings")
@flags(Settings)
@common("max_rejects", "overwrite", "restart", "json")
def command(documents: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Fit a linker to gold: how much each feature speaks for a candidate, and what speaks for none.

    CORPUS holds links of kind gold or anchor; a linked folder does, too. What is printed is cross-validated:
    each document is judged by what the others teach. -o sets what --with has, as `kbtools link -o` does.

    Example: kbtools fit conll:train.txt --alias alias --index profile --with type --out linker
    """
    api.allowed(max_rejects, 0)  # refused now, not after the work
    asked = {name: value for name, value in options.items() if value not in (None, ())}
    made = linkers.fit(documents, asked.pop("out", None), **{"alias": None, **asked, "load_encoder": LOADER})
    click.echo(msgspec.json.encode(made).decode() if as_json else linkers.fit_summary(made, options["out"]))
    complain(api.judge(made, options["out"], max_rejects=max_rejects))
