"""How `kbtools diff` prints what changed between two alias tables."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kbtools.alias.about.changes import AliasDifference, Meaning, Names, Turns
from kbtools.cli.printing import cell, heading, show_changes, show_counted, show_settings, show_table


def show(found: AliasDifference) -> None:
    """Print a difference between alias tables."""
    show_changes("tables", "rows", found.tables)
    show_settings(found.settings)
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
    show_counted(what, names.count, [f"{cell(one.norm)}  {_told(one.meaning)}" for one in names.examples])


def _show_turns(what: str, turns: Turns) -> None:
    lines = [f"{cell(one.norm)}  {one.kb}: {_step(one.before, one.after)}" for one in turns.examples]
    show_counted(what, turns.count, lines)


def _step(before: Meaning | None, after: Meaning | None) -> str:
    if before and after and (before.id or before.eid) == (after.id or after.eid):
        return f"{_who(after)}  {before.prior:.3f} → {after.prior:.3f}"
    return f"{_told(before) or '(none)'}  → {_told(after) or '(none)'}"


def _told(meaning: Meaning | None) -> str:
    return f"{_who(meaning)}  {meaning.prior:.3f}" if meaning else ""


def _who(meaning: Meaning) -> str:
    name = meaning.id or f"eid {meaning.eid}"
    return cell(f"{name} {meaning.label}" if meaning.label else name)
