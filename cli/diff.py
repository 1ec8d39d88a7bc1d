"""`kbtools diff`: what changed between two artefacts of one kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kbtools import api
from kbtools.cli.changes import show
from kbtools.cli.options import common
from kbtools.cli.printing import show_json


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--examples", type=click.IntRange(min=0), default=5, show_default=True, help="Of each change.")
@click.option("--top", type=click.IntRange(min=0), default=20, show_default=True, help="Relations to show.")
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="What numbers mean, if it moved.")
@common("workers", "memory", "json")
def command(*, old: Path, new: Path, workers: int, as_json: bool, **options: Any) -> None:
    """Compare two releases of a knowledge base by their string ids, two alias tables, or linked documents.

    Shows the rows of each table; the entities that were added, have vanished, were merged or relabelled;
    the triples that were lost and gained; and whether the entities' numbers stayed the same. Of alias
    tables: names added and vanished, and how what they mean has changed. Of linked documents: mentions added,
    removed, and those that mean another entity.

    Example: kbtools diff kb/wikidata-2025 kb/wikidata-2026
    """
    found = api.diff(old, new, threads=workers, **options)
    if as_json:
        show_json(found)
    else:
        show(found)
