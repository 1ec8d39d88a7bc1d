"""`kbtools explain`: why a name, or a text, means what it means."""

from __future__ import annotations

from pathlib import Path

import click

from kbtools import api
from kbtools.cli.explain_text import text_command
from kbtools.cli.explain_tree import tree_command
from kbtools.cli.explained import show
from kbtools.cli.options import common
from kbtools.cli.printing import show_json


@click.group()
def command() -> None:
    """Show why: every count, prior and score behind an answer.

    Example: kbtools explain surface "New York" --alias alias/wikidata
    """


@command.command("surface", short_help="Why a name means what it means.")
@click.argument("surface", metavar="NAME")
@click.option("--alias", required=True, type=click.Path(path_type=Path), help="The alias table.")
@click.option(
    "--kb", "kbs", multiple=True, metavar="KB", help="For ids and labels.  [default: those it was made of]"
)
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Candidates to show.")
@click.option("--near", type=click.IntRange(min=0), default=5, show_default=True, help="If it is unknown.")
@common("workers", "memory", "json")
def surface_command(
    *,
    surface: str,
    alias: Path,
    kbs: tuple[str, ...],
    top: int,
    near: int,
    workers: int,
    memory: int | None,
    as_json: bool,
) -> None:
    """Explain what NAME means in an alias table: the forms it is found by, all counts, weights and priors.

    If the name is unknown, the most similar ones that are known are shown. --json holds all candidates.
    """
    found = api.explain_surface(surface, alias, kbs=kbs, near=near, memory=memory, threads=workers)
    if as_json:
        show_json(found)
    else:
        show(found, top)


command.add_command(text_command)
command.add_command(tree_command)
