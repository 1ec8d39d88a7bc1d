"""`kbtools link`: text in, what its names mean out."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api, linkers
from kbtools.cli.options import common, complain


@click.command()
@click.argument("documents", metavar="CORPUS")
@click.option("--alias", required=True, metavar="ALIAS", help="The table of names.")
@click.option("--index", "indexes", multiple=True, metavar="INDEX", help="An index beside it.")
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="What they were made from, if it moved.")
@click.option("--with", "linker", default="prior", show_default=True, metavar="PRESET|TOML|LINKER",
              help="How names are found and decided.")  # fmt: skip
@click.option(
    "--overlap", type=click.Choice(["best", "all"]), help="Of overlapping mentions: the best, or all."
)
@click.option("--candidates", type=click.Choice(["none", "top5", "all"]), default="top5", show_default=True,
              help="Candidates that are written.")  # fmt: skip
@click.option("--features", type=click.Choice(["none", "all"]), default="none", show_default=True,
              help="What spoke for each candidate.")  # fmt: skip
@click.option("--text", type=click.Choice(["copy", "ref"]), default="copy", show_default=True,
              help="The text itself, or where it stands.")  # fmt: skip
@click.option("--encoder", metavar="NAME|PATH", help="What dense indexes were made with.")
@click.option("--out", required=True, metavar="LINKED", help="The folder to write.")
@click.option("-c", "corpus_settings", multiple=True, metavar="NAME=VALUE", help="A setting of the corpus.")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting of the linker.")
@click.option("--max-rejects", default="0.1%", show_default=True, help="A share, a number, or none.")
@click.option("--overwrite", is_flag=True, help="Replace the artefact at --out.")
@click.option("--restart", is_flag=True, help="Throw away what an interrupted build has done.")
@common("workers", "quiet", "json")
def command(documents: str, out: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Find the names in documents and decide what each means.

    CORPUS is a path or FORMAT:PATH; - reads JSON Lines and answers each at once.

    Example: kbtools link news.jsonl --alias alias --with context --index profile --out linked
    """
    api.allowed(max_rejects, 0)  # refused now, not after hours of work
    made = linkers.link(documents, out, load_encoder="kbtools.cli.encoder:load", **options)
    click.echo(msgspec.json.encode(made).decode() if as_json else linkers.link_summary(made, out))
    complain(api.judge(made, out, max_rejects=max_rejects))
