"""What the page says of each mention: a card with its candidates; of those that were dropped, a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kbtools.linkers.explaining.explained import Candidate, Document, Explained, Gold, Mention
from kbtools.linkers.explaining.marks import line

RUNGS = {
    "exact": "as it is spelt",
    "case": "but for upper and lower case",
    "folded": "but for accents, width or traditional characters",
    "norm": "but for punctuation",
    "inflected": "as a plural",
}
DROPPED = ("place", "mention", "kb", "kind", "likeliest", "p", "why")


def short(one: Mention) -> str:
    """Say in a line what a mention is linked to."""
    entity = one.entity
    what = f"{entity.called}, p {entity.p:.3f}" if entity else "NIL"
    return f"{one.surface} → {what}" + (f" ({one.verdict})" if one.verdict else "")


def short_gold(one: Gold) -> str:
    """Say in a line what gold has."""
    return f"{one.surface} → {one.called or 'in no knowledge base'} ({one.verdict or 'left alone'})"


def mention(one: Mention, number: int, document: Document, top: int) -> str:
    """Write the card of a mention that is kept."""
    entity = one.entity
    what = f"{line(entity.called)} <small>p {entity.p:.3f}</small>" if entity else "NIL"
    look = one.verdict or ("nil" if entity is None else "")
    parts = [
        f'<article class="card {look}" id="m{number}-{one.number}">',
        f"<h4><bdi>{line(one.surface)}</bdi> → {what}{_tag(one)}</h4>",
        f'<p class="soft">{" · ".join(_facts(one, number, document))}</p>',
        *_judgement(one, document),
        _table(one, top),
        "</article>",
    ]
    return "\n".join(part for part in parts if part)


def _tag(one: Mention) -> str:
    if one.verdict is None:
        return ""
    return f' <span class="tag">{line(one.told)}</span>'


def _facts(one: Mention, number: int, document: Document) -> Iterator[str]:
    """Yield what is known of a mention as such, as HTML."""
    yield f"{one.start:,}–{one.end:,}"
    yield line(one.kb)
    yield line(one.kind)
    if one.rung:
        yield f"name found {line(RUNGS.get(one.rung, one.rung))}"
    elif one.candidates:
        yield "not found by its name"
    if one.link is not None:
        yield f"a link in {one.link:.1%} of its uses" if one.link else "never a link where names were counted"
    if one.parent is not None:
        yield f"means what {_reference(one.parent, number, document)} means"
    yield f"NIL {one.nil:.3f}"
    if one.state == "NIL":
        yield line(one.why)
    if one.over:
        yield "overlaps " + ", ".join(_reference(each, number, document) for each in one.over)


def _reference(other: int, number: int, document: Document) -> str:
    """Lead to another mention of the document, if it is told."""
    if other < len(document.mentions):
        each = document.mentions[other]
        return f'<a href="#m{number}-{other}"><bdi>{line(each.surface)}</bdi></a>'
    return "a mention further on"


def _judgement(one: Mention, document: Document) -> Iterator[str]:
    """Yield what gold has at a place where the answer is wrong."""
    if one.verdict in {None, "right"}:
        return
    for link in document.near(one):
        yield f"<p>{line(_meant(link))}</p>"


def _meant(link: Gold) -> str:
    what = (link.called or "something in no knowledge base").rstrip(".")
    place = f"“{link.surface}” at {link.start:,}–{link.end:,} is {what}"
    if link.mention is None:
        return f"Gold: {place}."
    rank = f"candidate {link.rank} there" if link.rank else "not among the candidates there"
    return f"Gold: {place}" + (f", {rank}." if link.id else ".")


def gold(link: Gold, number: int, at: int, document: Document) -> str:
    """Write the card of a link of gold that nothing answers."""
    look = "missed" if link.verdict == "missed" else "absent"
    found = "Nothing was found on just these characters."
    if link.mention is not None and link.mention < len(document.mentions):
        one = document.mentions[link.mention]
        found = f"It was found ({_reference(one.number, number, document)}), "
        found += f"and dropped: {line(one.why)}." if one.state == "dropped" else "and means nothing."
    error = link.error if look == "missed" else "left alone"
    return (
        f'<article class="card {look}" id="g{number}-{at}">\n<h4><bdi>{line(link.surface)}</bdi> '
        f'<span class="tag">{line(error or "")}</span></h4>\n'
        f'<p class="soft">{link.start:,}–{link.end:,} · {line(link.kb or "")}</p>\n'
        f"<p>{line(_meant(link))} {found}</p>\n</article>"
    )


def _table(one: Mention, top: int) -> str:
    """Write the candidates of a mention, likeliest first; what is right is always among them."""
    if not one.candidates:
        return ""
    features = list(one.candidates[0].features)
    strings = any(each.string != 1 for each in one.candidates)
    heads = ["p", "prior", *(["string"] if strings and "string" not in features else []), *features]
    shown = [(at, each) for at, each in enumerate(one.candidates, 1) if at <= top or each.right]
    rows = "\n".join(_row(at, each, one, heads) for at, each in shown)
    more = len(one.candidates) - len(shown)
    rest = f"\n<p class=soft>and {more:,} less likely</p>" if more else ""
    head = "".join(f"<th class=n>{line(name)}</th>" for name in heads)
    return (
        f"<div class=wide><table>\n<tr><th></th><th>id</th><th>label</th>{head}</tr>\n"
        f"{rows}\n</table></div>{rest}"
    )


def _row(at: int, each: Candidate, one: Mention, heads: Sequence[str]) -> str:
    looks = ["meant"] * (at == 1 and one.state == "linked") + ["good"] * bool(each.right)
    values: Mapping[str, float | None] = {"string": each.string, **each.features}
    numbers = "".join(f"<td class=n>{_number(values[name])}</td>" for name in heads[2:])
    look = f' class="{" ".join(looks)}"' if looks else ""
    return (
        f"<tr{look}><td>{at}{' ✓' if each.right else ''}</td><td>{line(each.id or f'eid {each.eid}')}</td>"
        f"<td class=about><bdi>{line(each.label or '')}</bdi>{_small(each.description)}</td>"
        f"<td class=n>{each.p:.3f}{_bar(each.p, 'p')}</td>"
        f"<td class=n>{each.prior:.3f}{_bar(each.prior, 'prior')}</td>{numbers}</tr>"
    )


def _small(text: str | None) -> str:
    return f" <small><bdi>{line(text)}</bdi></small>" if text else ""


def _bar(share: float, kind: str) -> str:
    width = 100 * min(max(share, 0.0), 1.0)
    return f'<span class=bar><i class={kind} style="width:{width:.0f}%"></i></span>'


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def dropped(them: Sequence[Mention], number: int, document: Document) -> str:
    """Write a table of the mentions that were found and dropped."""
    if not them:
        return ""
    rows = "\n".join(
        f'<tr id="m{number}-{one.number}"><td class=n>{one.start:,}–{one.end:,}</td>'
        f"<td><bdi>{line(one.surface)}</bdi></td><td>{line(one.kb)}</td><td>{line(one.kind)}</td>"
        f"<td>{line(one.candidates[0].called) if one.candidates else ''}</td>"
        f"<td class=n>{_number(one.candidates[0].p) if one.candidates else ''}</td>"
        f"<td>{_reason(one, number, document)}</td></tr>"
        for one in them
    )
    heads = "".join(f"<th>{name}</th>" for name in DROPPED)
    return (
        f"<details><summary>{len(them):,} found and dropped</summary>\n<div class=wide><table>\n"
        f"<tr>{heads}</tr>\n{rows}\n</table></div></details>"
    )


def _reason(one: Mention, number: int, document: Document) -> str:
    if one.failed == ["overlap"]:
        return "overlapped by " + ", ".join(_reference(each, number, document) for each in one.over)
    return line(one.why)


def foot(found: Explained) -> str:
    """Write what the answers were made from, and the settings."""
    sources = "\n".join(
        f"<tr><td>{line(one.kind)}</td><td>{line(one.path)}</td><td>{line(', '.join(one.names))}</td>"
        f"<td><code>{line(one.content)}</code></td></tr>"
        for one in found.sources
    )
    settings = "\n".join(
        f"<tr><td>{line(name)}</td><td>{line(value)}</td></tr>" for name, value in flat(found.settings)
    )
    return (
        f"<footer>\n<h2>Made from</h2>\n<div class=wide><table>\n{sources}\n</table></div>\n"
        f"<details><summary>Settings of the linker {line(found.linker)}</summary>\n<div class=wide><table>\n"
        f"{settings}\n</table></div></details>\n</footer>"
    )


def flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings by their full names, as -o takes them."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{name}.")
        elif isinstance(value, Mapping):
            yield f"{above}{name}", ""
        else:
            told = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            yield f"{above}{name}", "" if value is None else told
