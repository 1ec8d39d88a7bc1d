"""How `kbtools inspect` and `kbtools diff` print linked documents."""

from __future__ import annotations

import click

from kbtools.cli.printing import cell, heading, plural, show_changes, show_counted, show_settings, show_table
from kbtools.linked.changes import Documents, LinkedDifference, Meaning, Turn, Turns
from kbtools.linked.overview import LinkedOverview, Mention, Sample


def show(found: LinkedOverview) -> None:
    """Print what is particular to linked documents."""
    heading(f"mentions in {plural(found.documents, 'document')}")
    for remark in found.remarks:
        click.echo(f"  {remark}")
    rows = [(one.kb, one.kind, f"{one.mentions:,}", f"{one.nil:,}") for one in found.mentioned]
    show_table(["kb", "kind", "mentions", "NIL"], rows, right=["mentions", "NIL"], indent=2)
    if found.entities:
        heading("most often mentioned")
        who = [(_who(one.id, one.eid), one.label, one.kb, f"{one.mentions:,}") for one in found.entities]
        show_table(["id", "label", "kb", "mentions"], who, right=["mentions"], indent=2)
    if found.first:
        heading(f"first {plural(len(found.first), 'document')} with mentions")
        for sample in found.first:
            _show_sample(sample)


def _show_sample(sample: Sample) -> None:
    click.echo(f"  {cell(sample.doc_id)}  {cell(sample.text) if sample.text is not None else '(--text ref)'}")
    for one in sample.mentions:
        click.echo(f"      {_told(one)}")
    if sample.more:
        click.echo(f"      and {plural(sample.more, 'more mention')}")


def _told(one: Mention) -> str:
    surface = "?" if one.surface is None else cell(one.surface)
    if one.eid is None:
        return f"{surface} → NIL  {one.kb}"
    return f"{surface} → {_named(one.id, one.eid, one.label)}  {one.kb}  {one.p:.3f}"


def _who(id_: str | None, eid: int | None) -> str:
    return cell(id_) if id_ else f"eid {eid}"


def _named(id_: str | None, eid: int | None, label: str | None) -> str:
    return f"{_who(id_, eid)} {cell(label)}" if label else _who(id_, eid)


def show_difference(found: LinkedDifference) -> None:
    """Print a difference between linked documents."""
    show_changes("tables", "rows", found.tables)
    show_changes("knowledge bases", "mentions", found.kbs)
    show_settings(found.settings)
    heading("documents")
    _show_documents("added", found.documents_added)
    _show_documents("vanished", found.documents_vanished)
    _show_documents("with another text", found.documents_changed)
    heading("mentions")
    for note in found.notes:
        click.echo(f"  {note}")
    click.echo(f"  {found.kept:>12,}  mean the same")
    _show_turns("of them more or less likely", found.moved)
    _show_turns("mean another entity", found.changed)
    _show_turns("added", found.added)
    _show_turns("removed", found.removed)


def _show_documents(what: str, found: Documents) -> None:
    show_counted(what, found.count, [cell(doc_id) for doc_id in found.examples])


def _show_turns(what: str, turns: Turns) -> None:
    show_counted(what, turns.count, [_step(one) for one in turns.examples])


def _step(one: Turn) -> str:
    place = f"{cell(one.doc_id)}:{one.start}–{one.end}"
    surface = "?" if one.surface is None else cell(one.surface)
    before, after = one.before, one.after
    told = (
        f"{_meaning(before)} → {_meaning(after)}" if before and after else _meaning(before) + _meaning(after)
    )
    return f"{surface}  {one.kb}: {told}  ({place})"


def _meaning(one: Meaning | None) -> str:
    if one is None:
        return ""
    return f"{_named(one.id, one.eid, one.label)} {one.p:.3f}" if one.eid is not None else "NIL"
