"""What a linker saw, as one HTML page that needs nothing else: no scripts, no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from kbtools.artefact import write_whole
from kbtools.io import html
from kbtools.linkers.explaining import cards
from kbtools.linkers.explaining.explained import VERDICTS, Document, Explained, Mention
from kbtools.linkers.explaining.marks import Span, line, marked
from kbtools.linkers.explaining.style import STYLE

OURS = html.mark("kbtools explain text")
LANG = re.compile("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
STEPS = 5  # of confidence that are told apart
LEGEND = {
    "m p4 begins ends": "linked, surely",
    "m p0 begins ends": "linked, hardly",
    "m nil begins ends": "a mention of something that is in no knowledge base (NIL)",
}
JUDGED = {
    "m p3 right begins ends": f"right: {VERDICTS['right']}",
    "m p3 wrong begins ends": f"wrong: {VERDICTS['wrong']}",
    "m missed begins ends": f"missed: {VERDICTS['missed']}",
    "m p3 extra begins ends": f"extra: {VERDICTS['extra']}",
    "m absent begins ends": "left alone, and in no knowledge base",
    "m nil begins ends": "a mention without an entity (NIL)",
}


def write_page(found: Explained, path: str | Path, top: int = 10) -> None:
    """Write the page to a file; only a page of ours is written over."""
    there = Path(path)
    html.refuse(there, OURS)
    write_whole(there, page(found, top).encode())


def page(found: Explained, top: int = 10) -> str:
    """Write the page; of each mention the `top` first candidates."""
    title = f"What the linker {found.linker} sees"
    parts = [
        f"<p>{line(found.about)}</p>" if found.about else "",
        _legend(found),
        *(f'<p class="note">{line(note)}</p>' for note in found.notes),
        *(_document(one, number, top) for number, one in enumerate(found.documents)),
        cards.foot(found),
    ]
    return html.document(OURS, title, STYLE, parts)


def _legend(found: Explained) -> str:
    judged = any(one.gold is not None for one in found.documents)
    told = [
        f'<li><span class="{look}">name</span> {line(words)}</li>'
        for look, words in (JUDGED if judged else LEGEND).items()
    ]
    note = "Each mark leads to a card with all that spoke for and against it."
    return f'<ul class="legend">{"".join(told)}</ul>\n<p class="note">{note}</p>'


def _document(one: Document, number: int, top: int) -> str:
    """Write one document: its text once for each knowledge base, cards, and what was dropped."""
    text = one.text[: one.until]
    parts = [f"<section>\n<h2>{line(one.doc_id)}</h2>", f'<p class="note">{line(_counted(one))}</p>']
    if one.until < len(one.text):
        parts.append(
            f'<p class="note">The first {one.until:,} of {len(one.text):,} characters are shown; '
            "all of them were linked; --characters and --mentions show more.</p>"
        )
    kbs = list(dict.fromkeys(_kbs(one)))
    lang = f' lang="{one.lang}"' if LANG.fullmatch(one.lang or "") else ""
    for kb in kbs or [""]:
        if len(kbs) > 1:
            parts.append(f"<h3>{line(kb)}</h3>")
        spans = list(_spans(one, number, kb))
        parts.append(f'<div class="text" dir="auto"{lang}>{marked(text, spans)}</div>')
    told = [
        ((each.start, -each.end), cards.mention(each, number, one, top))
        for each in one.mentions
        if each.state != "dropped"
    ]
    told += [
        ((each.start, -each.end), cards.gold(each, number, at, one))
        for at, each in enumerate(one.gold or [])
        if each.alone
    ]
    parts += [card for _, card in sorted(told, key=itemgetter(0))]
    parts.append(cards.dropped([each for each in one.mentions if each.state == "dropped"], number, one))
    return "\n".join([*(part for part in parts if part), "</section>"])


def _kbs(one: Document) -> Iterator[str]:
    """Yield the knowledge bases that something is marked for."""
    yield from (each.kb for each in one.mentions if each.state != "dropped")
    yield from (each.kb or "" for each in one.gold or [] if each.alone)


def _counted(one: Document) -> str:
    counts = one.counts
    told = [f"{counts['found']:,} mentions found"]
    told += [f"{counts[name]:,} {name}" for name in ("linked", "NIL", "dropped") if counts.get(name)]
    if one.gold is not None:
        told += [f"gold: {counts['gold']:,}"]
        told += [f"{counts[name]:,} {name}" for name in VERDICTS if counts.get(name)]
    return " · ".join(told)


def _spans(one: Document, number: int, kb: str) -> Iterator[Span]:
    """Yield what is to be marked for one knowledge base."""
    for each in one.mentions:
        if each.kb == kb and each.state != "dropped":
            yield Span(each.start, each.end, _look(each), f"m{number}-{each.number}", cards.short(each))
    for at, link in enumerate(one.gold or []):
        if (link.kb or "") == kb and link.alone:
            look = "missed" if link.verdict == "missed" else "absent"
            yield Span(link.start, link.end, look, f"g{number}-{at}", cards.short_gold(link))


def _look(each: Mention) -> str:
    """Return the classes of a mark: how sure, and how it fared."""
    if each.state == "NIL":
        return f"nil {each.verdict or ''}".strip()
    entity = each.entity
    sure = min(int((entity.p if entity else 0) * STEPS), STEPS - 1)
    return f"p{sure} {each.verdict or ''}".strip()
