"""`kbtools verify`: whether an artefact is whole and sound."""

from __future__ import annotations

from pathlib import Path

import click

from kbtools import api
from kbtools.cli.options import common
from kbtools.cli.printing import plural, show_json
from kbtools.progress import amount


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--deep", is_flag=True, help="Read every byte, row and input as well.")
@common("workers", "memory", "json")
@click.pass_context
def command(
    ctx: click.Context, *, path: Path, deep: bool, workers: int, memory: int | None, as_json: bool
) -> None:
    """Check that the artefact at PATH is what its manifest says; exit 2 if it is not.

    Files, sizes, schemas and numbers of rows take seconds. --deep hashes all files and inputs; for a
    knowledge base it checks order, dense and unique ids, references and derived columns, for an alias table
    order, norms, priors, ranks, and whether the compiled look-up says what the tables say, for linked
    documents places, order, groups, entities and probabilities.

    Example: kbtools verify kb/wikidata --deep
    """
    found = api.verify(path, deep=deep, memory=memory, threads=workers)
    if as_json:
        show_json(found)
    else:
        for problem in found.problems:
            click.echo(problem)
        if found.sound:
            what = f"{plural(found.tables, 'table')}, {plural(found.rows, 'row')}"
            how = "all of it was read" if deep else "--deep reads all of it"
            click.echo(f"{path}: sound: {what}, {plural(found.files, 'file')}, {amount(found.bytes)} ({how})")
        else:
            click.echo(f"{path}: {plural(len(found.problems), 'problem')}", err=True)
    ctx.exit(0 if found.sound else 2)
