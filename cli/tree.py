"""`kbtools tree`: sentences in, sentences with what is known of their names out."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api
from kbtools.cli.options import choice, common, complain, shared
from kbtools.cli.settings import Listed, given
from kbtools.trees.settings import Settings


@click.command(cls=Listed, settings=Settings)
@click.argument("documents", metavar="CORPUS|LINKED")
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="Whose facts are told; its overlays, too.")
@click.option("--alias", metavar="ALIAS", help="A table of names.  [default: made of the KB's names]")
@click.option("--tokenizer", metavar="TOKENIZER|NAME", help="A folder, a file, or a name of the model hub.")
@click.option("--lang", help="The language of relations and objects.")
@click.option("--max-entities", type=int, help="Branches of an entity at most.  [default: 2]")
@click.option("--max-length", type=int, help="Tokens of a tree at most.  [default: 256]")
@choice("--policy", "|trunk-first|reference", "Whole branches while they fit, or as K-BERT's code does.")
@click.option("--segmented/--no-segmented", default=None, help="Words are parted by single spaces.")
@click.option("--predicate/--no-predicate", default=None, help="Whether branches tell the relation.")
@click.option("--cooccurrence", metavar="CORPUS|LINKED", help="Facts whose ends meet there teach less.")
@click.option("--out", metavar="TREES", help="The folder to write.")
@shared("corpus_settings")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting, as listed below.")
@click.option("--force-lineage", is_flag=True, help="Take a KB of another release than was linked to.")
@click.option("--max-rejects", default="0.1%", show_default=True, help="A share, a number, or none.")
@click.option("--overwrite", is_flag=True, help="Replace what is at --out.")
@click.option("--restart", is_flag=True, help="Throw away what an interrupted build has done.")
@common("workers", "quiet", "json")
def command(documents: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Make a tree of each sentence: its words, and facts about its entities as branches (K-BERT).

    Entities are those of LINKED, or the longest names found in raw text. A .txt file holds one sentence a
    line; other documents are cut into sentences, unless they have a label.

    Example: kbtools tree table:train.tsv --kb kb/hownet --tokenizer bert-base-chinese --out trees
    """
    api.allowed(max_rejects, 0)  # refused now, not after hours of work
    made = api.tree(documents, **given(Settings, options))
    for warning in made.notes.get("warnings", ()):
        click.echo(f"Warning: {warning}", err=True)
    click.echo(msgspec.json.encode(made).decode() if as_json else api.tree_summary(made, options["out"]))
    complain(api.judge(made, options["out"], max_rejects=max_rejects))
