"""How `kbtools explain tree` prints a tree and what was considered for it."""

from __future__ import annotations

from shutil import get_terminal_size

import click

from kbtools.cli import drawn
from kbtools.cli.printing import cell, heading, show_table
from kbtools.trees.explaining.explained import Branch, Explained, Mention
from kbtools.trees.explaining.page import counted


def show(found: Explained, top: int) -> None:
    """Print the tree, then for each entity the facts that were considered."""
    drawn.show(found.tree, get_terminal_size().columns)
    click.echo()
    click.echo(counted(found))
    for note in found.notes:
        click.echo(note)
    if not found.mentions:
        click.echo("Nothing in the sentence is known to the knowledge base.")
    for one in found.mentions:
        if one.entity is not None:
            _show_mention(one, top)
    passed = [(one.surface, one.why) for one in found.mentions if one.entity is None]
    if passed:
        heading("passed over")
        show_table(["name", "why"], passed, indent=2)


def _show_mention(one: Mention, top: int) -> None:
    who = " ".join(part for part in (one.entity, one.label) if part)
    likely = "" if one.p is None else f"  p {one.p:.3f}"
    heading(cell(one.surface) + (f" → {cell(who)}{likely}" if who else ""))
    if one.why:
        click.echo(f"  {one.why}")
    if one.branches:
        _show_branches(one.branches, top)
    shown = _shown(one.branches, top)
    if more := len(one.branches) - len(shown) + one.more:
        click.echo(f"  and {more:,} more {'fact' if more == 1 else 'facts'}; --top N shows more")


def _shown(branches: list[Branch], top: int) -> list[Branch]:
    """Choose what is shown: the first ones, and all that are in the tree."""
    return [one for at, one in enumerate(branches) if at < top or one.number]


def _show_branches(branches: list[Branch], top: int) -> None:
    scored = any(one.score is not None for one in branches)
    names = list(dict.fromkeys(name for one in branches for name in one.parts))
    names = names if len(names) > 1 else []  # the score says it
    numbers = [*(["score"] if scored else []), *names]
    rows = [
        [
            "●" if one.number else "○",
            one.text,
            one.relation,
            one.tail,
            *([_number(one.score)] if scored else []),
            *(_number(one.parts.get(name)) for name in names),
            f"branch {one.number}" if one.number else one.why,
        ]
        for one in _shown(branches, top)
    ]
    show_table(
        ["", "branch", "relation", "object", *numbers, "what became of it"], rows, right=numbers, indent=2
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
