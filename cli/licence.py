"""`kbtools licence`: the terms that an artefact's sources came under."""

from __future__ import annotations

from pathlib import Path

import click

from kbtools import api
from kbtools.cli.options import common
from kbtools.cli.printing import show_json, show_table


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@common("json")
def command(path: Path, as_json: bool) -> None:
    """List the licences of all that the artefact at PATH was made from, through its whole lineage.

    Example: kbtools licence runs/ernie
    """
    found = api.licences(path)
    if as_json:
        show_json(found)
    elif found:
        columns = ["source", "licence", "level", "attribution", "redistribute"]
        show_table(columns, [[getattr(licence, column) for column in columns] for licence in found])
    else:
        click.echo(f"{path}: no licence is recorded", err=True)
