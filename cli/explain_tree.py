"""`kbtools explain tree`: the tree of a sentence drawn, and why it has the branches it has."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from kbtools import api
from kbtools.cli.encoder import OURS_LOADER
from kbtools.cli.explained_tree import show
from kbtools.cli.options import common
from kbtools.cli.printing import show_json
from kbtools.cli.settings import Listed, given
from kbtools.cli.tree_options import tree_options
from kbtools.trees.explaining.page import counted, write_page
from kbtools.trees.settings import Settings


@click.command("tree", cls=Listed, settings=Settings, short_help="Why a sentence has the branches it has.")
@click.argument("sentence", metavar="SENTENCE|-")
@click.option("--second", metavar="TEXT", help="The second sentence of a pair.")
@click.option("--text-lang", metavar="LANG", help="The language of the sentence.")
@tree_options
@click.option("--force-lineage", is_flag=True, help="Take a KB of another release than the names'.")
@click.option(
    "--top", type=click.IntRange(min=1), default=10, show_default=True, help="Facts to show of each entity."
)
@click.option("--html", metavar="FILE", help="Write a page with the tree instead.")
@common("json")
def tree_command(sentence: str, top: int, html: str | None, as_json: bool, **options: Any) -> None:
    """Draw the sentence tree of SENTENCE, and tell what was considered for each entity in it.

    - is a sentence from standard input. The settings are those of `kbtools tree`.

    Example: kbtools explain tree "Einstein moved to Princeton." --kb kb/wikidata
    """
    text = sys.stdin.buffer.read().decode("utf-8", "replace").strip() if sentence == "-" else sentence
    found = api.explain_tree(text, load_encoder=OURS_LOADER, **given(Settings, options))
    if html:
        write_page(found, Path(html))
    if as_json:
        show_json(found)
    elif html:
        click.echo(f"{html}: {counted(found)}")
    else:
        show(found, top)
