"""`kbtools parse`: text in, its words and what each hangs on out."""

from __future__ import annotations

from typing import Any

import click

from kbtools import linkers
from kbtools.cli.options import common, complain


@click.command()
@click.argument("documents", metavar="CORPUS")
@click.option("--pipeline", metavar="NAME|PATH", help="A pipeline of spaCy that has a parser.")
@click.option("--out", metavar="FILE", help="The file to write, .conllu.")
@common("corpus_settings", "overwrite", "quiet")
def command(documents: str, corpus_settings: tuple[str, ...], **options: Any) -> None:
    """Find the words of documents, their sentences and the head of each word, and write them as CoNLL-U.

    What was said of the documents, and their links, stay. `kbtools shard --for k_adapter_lin` takes the file.

    Example: kbtools parse news.jsonl --pipeline en_core_web_sm --out news.conllu
    """
    told = linkers.parse(documents, settings=corpus_settings, **options)
    read, rejected = told.counts.pop("read", 0), told.counts.pop("rejected", 0)
    others = "".join(f"; {number:,} {what}" for what, number in told.counts.items() if number)
    click.echo(f"{options['out']}: {read:,} documents read, {rejected:,} rejected{others}")
    complain([f"{one['file']}:{one['line']}: rejected: {one['reason']}" for one in told.rejects[:1]])
