"""`kbtools link`: text in, what its names mean out."""

from __future__ import annotations

from typing import Any

import click

from kbtools import api, linkers
from kbtools.cli.encoder import LOADER
from kbtools.cli.linked import PRESETS, export, show, stream
from kbtools.cli.options import choice, common, complain, shared
from kbtools.cli.scorer import LOADER as MODEL


@click.command(epilog=PRESETS)
@click.argument("documents", metavar="CORPUS")
@shared("alias", "indexes", "kbs")
@click.option(
    "--with",
    "linker",
    default="prior",
    show_default=True,
    metavar="PRESET|TOML|LINKER|knowbert:RUN",
    help="Decides names.",
)
@choice("--overlap", "|best|all", "Of mentions that overlap: the best ones, or all.")
@choice("--candidates", "top5|none|all", "Candidates that are written.")
@choice("--features", "none|all", "What spoke for each candidate.")
@choice("--text", "copy|ref", "The text itself, or where it stands.")
@shared("encoder")
@click.option("--format", "to", metavar="FORMAT", help="Write --out as a file: jsonl, nif, conll …")
@click.option("--out", metavar="LINKED", help="The folder to write; with --format, the file.")
@shared("corpus_settings")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting of the linker.")
@common("max_rejects", "overwrite", "restart", "workers", "quiet", "json")
def command(documents: str, to: str | None, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Find the names in documents and decide what each means.

    CORPUS is a path or FORMAT:PATH; - without --out answers JSON Lines line by line. A linked folder with
    --format is written as it is.

    Example: kbtools link news.jsonl --alias alias --with context --index profile --out linked
    """
    api.allowed(max_rejects, 0)  # refused now, not after hours of work
    options |= {"load_encoder": LOADER, "load_model": MODEL}
    if documents == "-" and not options["out"]:
        stream(to, options)
    elif to:
        export(documents, to, options, max_rejects=max_rejects, as_json=as_json)
    else:
        made = linkers.link(documents, **options)
        show(made, options["out"], as_json=as_json)
        complain(api.judge(made, options["out"], max_rejects=max_rejects))
