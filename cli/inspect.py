"""`kbtools inspect`: what an artefact is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kbtools import api
from kbtools.cli import examples, exposure
from kbtools.cli.options import common, shared
from kbtools.cli.portrait import show
from kbtools.cli.printing import show_json


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--rows", type=click.IntRange(min=0), default=3, show_default=True, help="To show of each table."
)
@click.option("--top", type=click.IntRange(min=0), default=10, show_default=True, help="Of each list.")
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="Whose numbers it has, if it moved.")
@click.option(
    "--decode", "most", type=click.IntRange(min=1), metavar="N", help="Show N examples of shards as text."
)
@click.option("--exposure", "exposed", is_flag=True, help="Count which facts shards show.")
@shared("seed")
@click.option("--tokenizer", metavar="TOKENIZER", help="That of the shards, if it moved.")
@common("workers", "memory", "json")
def command(
    *, path: Path, workers: int, as_json: bool, most: int | None, exposed: bool, seed: int,
    tokenizer: str | None, **options: Any,
) -> None:  # fmt: skip
    """Show what the artefact at PATH is, made from what, how many, and some rows.

    For a knowledge base also its largest classes (direct instances), its most used relations and the
    languages of its labels; for an alias table its sources and its most ambiguous names; for linked
    documents their mentions by kind, the entities mentioned most often, and the first documents with what
    their words mean; for trees and shards how long they are, and what is in them. A PATH that ends in
    .partial is a build that has not finished.

    Of shards, --decode writes examples as text, with what their names may mean; --exposure counts how often
    the examples of train name both ends of each fact. --tokenizer and --kb: if these have moved.

    Example: kbtools inspect shards --decode 2 --tokenizer tokenizer --kb kb/wikidata
    """
    if most is not None:
        decoded = api.decode(path, most, seed=seed, kbs=options["kbs"], tokenizer=tokenizer)
        show_json(decoded) if as_json else examples.show(decoded)
        return
    if exposed:
        told = api.exposure(path, options["kbs"], tokenizer=tokenizer, examples=options["rows"])
        show_json(told) if as_json else exposure.show(told, top=options["top"])
        return
    found = api.inspect(path, threads=workers, **options)
    if as_json:
        show_json(found)
    else:
        show(found)
