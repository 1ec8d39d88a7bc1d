"""How `kbtools diff` prints what changed."""

from __future__ import annotations

import click

from kbtools.alias.about.changes import AliasDifference
from kbtools.cli import documents, renamed, runs, trees
from kbtools.cli.printing import cell, heading, show_changes, show_counted, show_table
from kbtools.kb.diff import Difference, Moved
from kbtools.linked.changes import LinkedDifference
from kbtools.runs.diff import RunsDifference
from kbtools.trees.about.diff import TreesDifference

MOST_LANGUAGES = 20


def show(
    found: Difference | AliasDifference | LinkedDifference | TreesDifference | RunsDifference,
) -> None:
    """Print a difference, the largest things first."""
    click.secho(f"{found.old} → {found.new}", bold=True)
    if found.same:
        click.echo("  the same content")
        return
    if isinstance(found, AliasDifference):
        renamed.show(found)
        return
    if isinstance(found, LinkedDifference):
        documents.show_difference(found)
        return
    if isinstance(found, TreesDifference):
        trees.show_difference(found)
        return
    if isinstance(found, RunsDifference):
        runs.show_difference(found)
        return
    show_changes("tables", "rows", found.tables)
    heading("entities")
    _show_entities("added", found.added)
    _show_entities("vanished", found.vanished)
    _show_entities("merged", found.merged)
    _show_entities("relabelled", found.relabelled)
    click.echo(f"  {_ids(found)}")
    heading(f"triples: {found.removed_triples:,} lost, {found.added_triples:,} gained")
    if found.relations:
        rows = [
            (edges.relation, edges.label, f"{edges.removed:,}", f"{edges.added:,}", f"{edges.kept:,}")
            for edges in found.relations
        ]
        show_table(
            ["relation", "label", "lost", "gained", "in both"],
            rows,
            right=["lost", "gained", "in both"],
            indent=2,
        )
    moved = [language for language in found.languages if language.old != language.new]
    if moved:
        show_changes("languages", "labels", moved[:MOST_LANGUAGES])
        if len(moved) > MOST_LANGUAGES:
            click.echo(f"  and {len(moved) - MOST_LANGUAGES:,} more")


def _show_entities(what: str, moved: Moved) -> None:
    lines = []
    for one in moved.examples:
        before, after = cell(one.before), cell(one.after)
        text = {
            "added": after,
            "vanished": before,
            "merged": f"{before}  → {after}",
            "relabelled": f"{before or '(none)'}  → {after or '(none)'}",
        }[what]
        lines.append(f"{cell(one.id)}  {text}")
    show_counted(what, moved.count, lines)


def _ids(found: Difference) -> str:
    chain = "one id space" if found.shared_ids else "two id spaces"
    if found.stable:
        return f"{chain}: every id of OLD kept its eid"
    cure = "what was made with OLD has to be made again for NEW"
    if found.moved_eids:
        return f"{chain}: {found.moved_eids:,} ids have another eid; {cure}"
    return f"{chain}: ids of OLD are gone without a tombstone; {cure}"
