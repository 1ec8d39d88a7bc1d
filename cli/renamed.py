"""How `kbtools diff` prints what changed between two alias tables."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kbtools.alias.about.changes import AliasDifference, Meaning, Names, Turns
from kbtools.cli.printing import cell, change, heading, show_table


def show(found: AliasDifference) -> None:
    """Print a difference between alias tables."""
    heading("tables")
    rows = [(one.name, f"{one.old:,}", f"{one.new:,}", change(one.old, one.new)) for one in found.tables]
    columns = ["", "rows before", "after", "change"]
    show_table(columns, rows, right=columns[1:], indent=2)
    if found.settings:
        heading("settings")
        for name, (old, new) in found.settings.items():
            click.echo(f"  {name}: {cell(old)} → {cell(new)}")
    heading("knowledge bases")
    for note in found.notes:
        click.echo(f"  {note}")
    _show_sides(found)
    heading("names")
    _show_names("added", found.added)
    _show_names("vanished", found.vanished)
    heading("of the names in both")
    _show_turns("mean another entity first", found.tops)
    _show_turns("candidates gained", found.gained)
    _show_turns("candidates lost", found.lost)
    _show_turns("priors moved", found.moved)


def _show_sides(found: AliasDifference) -> None:
    rows: Sequence[Sequence[object]] = [
        (
            side.kb,
            f"{side.old_names:,}",
            f"{side.new_names:,}",
            f"{side.old_candidates:,}",
            f"{side.new_candidates:,}",
            f"{side.gained:,}",
            f"{side.lost:,}",
            side.matched,
        )
        for side in found.kbs
    ]
    columns = ["", "names before", "after", "candidates before", "after", "gained", "lost", "matched by"]
    show_table(columns, rows, right=columns[1:-1], indent=2)


def _show_names(what: str, names: Names) -> None:
    click.echo(f"  {names.count:>12,}  {what}")
    for one in names.examples:
        click.echo(f"                {cell(one.norm)}  {_told(one.meaning)}".rstrip())
    _show_more(names.count, len(names.examples))


def _show_turns(what: str, turns: Turns) -> None:
    click.echo(f"  {turns.count:>12,}  {what}")
    for one in turns.examples:
        click.echo(f"                {cell(one.norm)}  {one.kb}: {_step(one.before, one.after)}")
    _show_more(turns.count, len(turns.examples))


def _show_more(count: int, shown: int) -> None:
    if shown and count > shown:
        click.echo(f"                … and {count - shown:,} more")


def _step(before: Meaning | None, after: Meaning | None) -> str:
    if before and after and (before.id or before.eid) == (after.id or after.eid):
        return f"{_who(after)}  {before.prior:.3f} → {after.prior:.3f}"
    return f"{_told(before) or '(none)'}  → {_told(after) or '(none)'}"


def _told(meaning: Meaning | None) -> str:
    return f"{_who(meaning)}  {meaning.prior:.3f}" if meaning else ""


def _who(meaning: Meaning) -> str:
    name = meaning.id or f"eid {meaning.eid}"
    return cell(f"{name} {meaning.label}" if meaning.label else name)
