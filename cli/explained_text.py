"""How `kbtools explain text` prints what a linker worked with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from kbtools.cli.printing import cell, heading, plural, show_table

if TYPE_CHECKING:
    from kbtools.linkers.explaining import Candidate, Document, Explained, Gold, Mention

MOST_DROPPED = 20  # lines
WIDE = 500  # characters of a text
REASONS = {"candidates": "no candidates", "nil.likelier": "NIL is likelier", "overlap": "others stand there"}
STYLES = {"right": "green", "wrong": "red", "missed": "red", "extra": "yellow"}


def show(found: Explained, top: int) -> None:
    """Print what became of each text; of each mention the `top` likeliest candidates."""
    about = f"  {found.about}" if found.about else ""
    click.echo(click.style(cell(found.linker), bold=True) + cell(about))
    for note in found.notes:
        click.echo(f"  {cell(note)}")
    for document in found.documents:
        _show_document(document, top, alone=len(found.documents) == 1 and document.gold is None)


def _show_document(one: Document, top: int, *, alone: bool) -> None:
    if not alone:
        click.echo()
        click.secho(f"━━ {cell(one.doc_id)}", bold=True)
        click.echo(f"  {cell(one.text[:WIDE])}{'…' if len(one.text) > WIDE else ''}")
    for mention in one.mentions:
        if mention.state != "dropped":
            _show_mention(mention, one, top)
    missed = [link for link in one.gold or [] if link.verdict == "missed"]
    if missed:
        _show_missed(missed, one)
    dropped = [mention for mention in one.mentions if mention.state == "dropped"]
    if dropped:
        _show_dropped(dropped, one)
    click.echo()
    told = [f"{n:,} {name}" for name, n in one.counts.items() if n and ":" not in name]
    click.echo(f"{cell(one.doc_id)}: " + (", ".join(told) or "nothing found"))
    if one.until < len(one.text):
        click.echo(f"  told up to character {one.until:,} of {len(one.text):,}; --mentions and --characters")


def _show_mention(one: Mention, document: Document, top: int) -> None:
    heading(cell(one.surface) + _meaning(one))
    facts = [f"{one.start}–{one.end}", one.kb, one.kind]
    if one.rung:
        facts.append(one.rung)
    if one.link is not None:
        facts.append(f"link {one.link:.4f}")
    facts.append(f"NIL {one.nil:.4f}")
    if one.parent is not None:
        facts.append(f"as {_surface(one.parent, document)}")
    if one.over:
        facts.append("overlaps " + ", ".join(_surface(each, document) for each in one.over))
    if one.why:
        facts.append(one.why)
    click.echo("  " + click.style(" · ".join(map(cell, facts)), dim=True))
    if one.verdict:
        _show_verdict(one, document)
    if one.candidates:
        _show_candidates(one, top)


def _meaning(one: Mention) -> str:
    if one.entity is None:
        return " → NIL"
    return f" → {cell(one.entity.called)}"


def _show_verdict(one: Mention, document: Document) -> None:
    click.secho(f"  {one.told}", fg=STYLES.get(one.verdict or ""))
    if one.verdict == "right":
        return
    for link in document.near(one):
        click.echo(f"  gold: {cell(_meant(link))}")


def _meant(link: Gold) -> str:
    rank = f", candidate {link.rank}" if link.rank else ", no candidate" if link.mention is not None else ""
    return f"{link.surface} ({link.start}–{link.end}) is {link.called or 'NIL'}{rank}"


def _show_candidates(one: Mention, top: int) -> None:
    features = list(one.candidates[0].features)
    strings = "string" not in features and any(each.string != 1 for each in one.candidates)
    numbers = ["p", "prior", *(["string"] if strings else []), *features]
    judged = any(each.right is not None for each in one.candidates)
    columns = ["", *(["gold"] if judged else []), "id", "label", *numbers, "description"]
    rows = [
        [
            at,
            *(["✓" if each.right else ""] if judged else []),
            each.id or f"eid {each.eid}",
            each.label,
            *_numbers(each, numbers),
            each.description,
        ]
        for at, each in enumerate(one.candidates, 1)
        if at <= top or each.right
    ]
    show_table(columns, rows, right=["", *numbers], indent=2)
    if more := len(one.candidates) - len(rows):
        click.echo(f"  and {plural(more, 'more candidate')}; --top N shows more")


def _numbers(one: Candidate, names: Sequence[str]) -> list[str]:
    values = {**one.features, "p": one.p, "prior": one.prior}
    values.setdefault("string", one.string)
    return ["" if (value := values[name]) is None else f"{value:.4f}" for name in names]


def _show_missed(missed: Sequence[Gold], document: Document) -> None:
    heading(f"missed: {plural(len(missed), 'mention')} of gold")
    rows = [
        [
            f"{link.start}–{link.end}",
            link.surface,
            link.kb,
            link.id,
            link.label,
            link.error,
            _found(link, document),
        ]
        for link in missed
    ]
    show_table(["place", "mention", "kb", "id", "label", "what", "found"], rows, indent=2)


def _found(link: Gold, document: Document) -> str:
    if link.mention is None:
        return "no"
    one = document.mentions[link.mention]
    return f"yes, {one.state}: {one.why}" + (f"; candidate {link.rank}" if link.rank else "")


def _show_dropped(dropped: Sequence[Mention], document: Document) -> None:
    heading(f"dropped: {plural(len(dropped), 'mention')}")
    counts = Counter(one.failed[0] for one in dropped)
    click.echo("  " + ", ".join(f"{REASONS.get(name, name)}: {n:,}" for name, n in counts.most_common()))
    rows = [
        [
            f"{one.start}–{one.end}",
            one.surface,
            one.kb,
            one.candidates[0].called if one.candidates else "",
            f"{one.candidates[0].p:.4f}" if one.candidates else "",
            _why(one, document),
        ]
        for one in dropped[:MOST_DROPPED]
    ]
    show_table(["place", "mention", "kb", "likeliest", "p", "why"], rows, right=["p"], indent=2)
    if more := len(dropped) - len(rows):
        click.echo(f"  and {plural(more, 'more mention')}; --json holds all")


def _why(one: Mention, document: Document) -> str:
    if one.failed == ["overlap"]:
        return "overlapped by " + ", ".join(_surface(each, document) for each in one.over)
    return one.why


def _surface(number: int, document: Document) -> str:
    """Call another mention by its words."""
    if number < len(document.mentions):
        return document.mentions[number].surface
    return "a mention further on"
