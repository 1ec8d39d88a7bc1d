"""`kbtools tree`: sentences in, sentences with what is known of their names out."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api
from kbtools.cli.encoder import OURS_LOADER
from kbtools.cli.options import common, complain, shared
from kbtools.cli.settings import Listed, given
from kbtools.cli.tree_options import tree_options
from kbtools.trees.settings import Settings


@click.command(cls=Listed, settings=Settings)
@click.argument("documents", metavar="CORPUS|LINKED")
@tree_options
@click.option("--out", metavar="TREES", help="The folder to write.")
@shared("corpus_settings")
@common("force_lineage", "max_rejects", "overwrite", "restart", "workers", "quiet", "json")
def command(documents: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Make a tree of each sentence: its words, and facts about its entities as branches (K-BERT).

    Entities are those of LINKED, or the longest names found in raw text. A .txt file holds one sentence a
    line; other documents are cut into sentences, unless they have a label.

    Example: kbtools tree linked --kb kb/wikidata --tokenizer tokenizer --out trees
    """
    api.allowed(max_rejects, 0)  # refused now, not after hours of work
    made = api.tree(documents, load_encoder=OURS_LOADER, **given(Settings, options))
    for warning in made.notes.get("warnings", ()):
        click.echo(f"Warning: {warning}", err=True)
    click.echo(msgspec.json.encode(made).decode() if as_json else api.tree_summary(made, options["out"]))
    complain(api.judge(made, options["out"], max_rejects=max_rejects))
