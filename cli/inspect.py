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
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="What its numbers mean, if it moved.")
@click.option(
    "--decode", "most", type=click.IntRange(min=1), metavar="N", help="N examples of shards, in words."
)
@click.option("--exposure", "exposed", is_flag=True, help="Which facts of KB examples of shards show.")
@shared("seed")
@click.option("--tokenizer", metavar="T", help="Of the shards, if it moved.")
@common("workers", "memory", "json")
def command(
    *, path: Path, workers: int, as_json: bool, most: int | None, exposed: bool, seed: int,
    tokenizer: str | None, **options: Any,
) -> None:  # fmt: skip
    """Show what the artefact at PATH is, made from what, how many, and some rows.

    For a knowledge base also its largest classes (direct instances), its most used relations and the
    languages of its labels; for an alias table its sources and its most ambiguous names; for linked
    documents their mentions by kind, the entities mentioned most often, and the first documents with what
    their words mean. A PATH that ends in .partial is a build that has not finished.

    Example: kbtools inspect kb/wikidata --rows 5
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
