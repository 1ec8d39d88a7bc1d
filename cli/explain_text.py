"""`kbtools explain text`: what a linker makes of a text, and why."""

from __future__ import annotations

import sys
from typing import Any

import click

from kbtools import linkers
from kbtools.cli.encoder import LOADER
from kbtools.cli.explained_text import show
from kbtools.cli.options import common, shared
from kbtools.cli.printing import plural, show_json
from kbtools.errors import ConfigError

MANY = click.IntRange(min=1)


@click.command("text", short_help="Why a text is linked as it is.")
@click.argument("text", required=False, metavar="[TEXT|-]")
@click.option("--alias", required=True, metavar="ALIAS", help="The table of names.")
@shared("indexes", "kbs")
@click.option("--with", "linker", default="prior", show_default=True, metavar="LINKER", help="As for link.")
@click.option("--overlap", type=click.Choice(["best", "all"]), help="Of mentions that overlap.")
@shared("encoder")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting of the linker.")
@click.option("--corpus", metavar="CORPUS", help="Documents instead of TEXT, beside their gold.")
@click.option("--first", type=MANY, default=20, show_default=True, help="So many documents of it.")
@shared("corpus_settings")
@click.option("--top", type=MANY, default=10, show_default=True, help="Candidates of a mention to show.")
@click.option("--mentions", type=MANY, default=1000, show_default=True, help="To tell of, in all.")
@click.option("--characters", type=MANY, default=100_000, show_default=True, help="Of a document to show.")
@click.option("--html", metavar="FILE", help="Write a page to look at instead.")
@common("json")
def text_command(text: str | None, top: int, html: str | None, as_json: bool, **options: Any) -> None:
    """Explain how TEXT is linked: mentions, their candidates, what speaks for each, and what was dropped.

    - is a text from standard input. All of a text is linked, whatever is shown of it.

    Example: kbtools explain text "Jordan plays in Chicago" --alias alias --with context --index profile
    """
    limits = {name: options.pop(name) for name in ("mentions", "characters")}
    spec, most, told = (options.pop(name) for name in ("corpus", "first", "corpus_settings"))
    options |= {"limits": linkers.Limits(**limits), "load_encoder": LOADER}
    if (text is None) == (spec is None):
        raise ConfigError("what is to be explained? give a TEXT, or documents with --corpus CORPUS")
    if text is None:
        found = linkers.explain_documents(spec, most=most, corpus_settings=told, **options)
    else:
        whole = sys.stdin.buffer.read().decode("utf-8", "replace") if text == "-" else text
        found = linkers.explain_text(whole, **options)
    if html:
        linkers.write_page(found, html, top)
    if as_json:
        show_json(found)
    elif html:
        click.echo(f"{html}: {plural(len(found.documents), 'document')}")
    else:
        show(found, top)
