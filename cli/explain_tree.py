"""`kbtools explain tree`: the tree of a sentence drawn, and why it has the branches it has."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from kbtools import api
from kbtools.cli.explained_tree import show
from kbtools.cli.options import choice, common
from kbtools.cli.printing import show_json
from kbtools.cli.settings import Listed, given
from kbtools.trees.explaining.page import counted, write_page
from kbtools.trees.settings import Settings


@click.command("tree", cls=Listed, settings=Settings, short_help="Why a sentence has the branches it has.")
@click.argument("sentence", metavar="SENTENCE|-")
@click.option("--second", metavar="TEXT", help="The second sentence of a pair.")
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="Whose facts are told; its overlays, too.")
@click.option("--alias", metavar="ALIAS", help="A table of names.  [default: made of the KB's names]")
@click.option("--tokenizer", metavar="TOKENIZER|NAME", help="A folder, a file, or a name of the model hub.")
@click.option("--text-lang", metavar="LANG", help="The language of the sentence.")
@click.option("--lang", help="The language of relations and objects.")
@click.option("--max-entities", type=int, help="Branches of an entity at most.  [default: 2]")
@click.option("--max-length", type=int, help="Tokens of the tree at most.  [default: 256]")
@choice("--policy", "|trunk-first|reference", "Whole branches while they fit, or as K-BERT's code does.")
@click.option("--segmented/--no-segmented", default=None, help="Words are parted by single spaces.")
@click.option("--predicate/--no-predicate", default=None, help="Whether branches tell the relation.")
@click.option("--cooccurrence", metavar="CORPUS|LINKED", help="Facts whose ends meet there teach less.")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting, as listed below.")
@click.option("--force-lineage", is_flag=True, help="Take a KB of another release than the names'.")
@click.option(
    "--top", type=click.IntRange(min=1), default=10, show_default=True, help="Facts to show of each."
)
@click.option("--html", metavar="FILE", help="Write a page to look at instead.")
@common("json")
def tree_command(sentence: str, top: int, html: str | None, as_json: bool, **options: Any) -> None:
    """Draw the sentence tree of SENTENCE, and tell what was considered for each entity in it.

    - is a sentence from standard input. The settings are those of `kbtools tree`.

    Example: kbtools explain tree "Tim Cook is visiting Beijing now" --kb kb/wikidata --html tree.html
    """
    text = sys.stdin.buffer.read().decode("utf-8", "replace").strip() if sentence == "-" else sentence
    found = api.explain_tree(text, **given(Settings, options))
    if html:
        write_page(found, Path(html))
    if as_json:
        show_json(found)
    elif html:
        click.echo(f"{html}: {counted(found)}")
    else:
        show(found, top)
