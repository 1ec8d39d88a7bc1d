"""`kbtools inspect`: what an artefact is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kbtools import api
from kbtools.cli import examples, exposure, neighbours
from kbtools.cli.options import common, shared
from kbtools.cli.portrait import show
from kbtools.cli.printing import show_json


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--rows", type=click.IntRange(min=0), help="To show of each.  [default: 3; with --near 10]")
@click.option("--top", type=click.IntRange(min=0), default=10, show_default=True, help="Of each list.")
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="Whose numbers it has, if it moved.")
@click.option(
    "--decode", "most", type=click.IntRange(min=1), metavar="N", help="Show N examples of shards as text."
)
@click.option("--exposure", "exposed", is_flag=True, help="Count which facts shards show.")
@click.option("--near", metavar="ID", help="Show what is nearest to an entity or word, by its vector.")
@shared("seed")
@click.option("--tokenizer", metavar="TOKENIZER", help="That of the shards, if it moved.")
@common("workers", "memory", "json")
def command(
    *, path: Path, workers: int, as_json: bool, most: int | None, exposed: bool, near: str | None,
    rows: int | None, seed: int, tokenizer: str | None, **options: Any,
) -> None:  # fmt: skip
    """Show what the artefact at PATH is, made from what, how many, and some rows.

    For a knowledge base also its largest classes, its most used relations and the languages of its labels;
    for an alias table its sources and its most ambiguous names; for linked documents their mentions by kind,
    the entities mentioned most often, and the first documents; for trees and shards how long they are.
    A PATH that ends in .partial is a build that has not finished.

    Of shards, --decode writes examples as text, with what their names may mean; --exposure counts how often
    the examples of train name both ends of each fact. Of vectors, --near takes an id, a label or a word.

    Example: kbtools inspect shards --decode 2 --tokenizer tokenizer --kb kb/wikidata
    """
    if near is not None:
        found = api.near(path, near, kbs=options["kbs"], rows=10 if rows is None else rows)
        show_json(found) if as_json else neighbours.show(found)
        return
    options["rows"] = 3 if rows is None else rows
    if most is not None:
        decoded = api.decode(path, most, seed=seed, kbs=options["kbs"], tokenizer=tokenizer)
        show_json(decoded) if as_json else examples.show(decoded)
        return
    if exposed:
        told = api.exposure(path, options["kbs"], tokenizer=tokenizer, examples=options["rows"])
        show_json(told) if as_json else exposure.show(told, top=options["top"])
        return
    about = api.inspect(path, threads=workers, **options)
    show_json(about) if as_json else show(about)
