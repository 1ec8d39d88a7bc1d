"""Links as objects of JSON: `{"start": 0, "end": 5, "id": "Q90", "kb": "wikidata", ...}`.

A missing `kind` is gold; one that is null is an anchor. `ids`, by knowledge base, stands for several links on
one span. `surface` holds the words of the span: they are compared with the text. Fields that are not
known ride in `extra`; a field `extra` holds those that would be mistaken for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from kbtools.corpus._offsets import Span, Units, fitted
from kbtools.corpus.base import Link, Report

Kind = Literal["gold", "anchor", "ner", "coreference", "user", "dictionary", "abbreviation"]


class _Mention(msgspec.Struct, omit_defaults=True):
    """The fields that are known; the order is that in which they are written."""

    start: int
    end: int
    surface: str | None = None
    id: str | int | None = None
    ids: dict[str, str] | None = None
    eid: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)] | None = None
    kb: str | None = None
    kind: Kind | None = "gold"
    type: str | None = None
    others: list[str] | None = None
    p: float | None = None
    extra: dict[str, Any] | None = None


KNOWN = frozenset(_Mention.__struct_fields__)
BESIDE = ("id", "eid", "kb", "others")
OBJECT = msgspec.json.Decoder(dict[str, Any])


def read(
    found: Sequence[msgspec.Raw], text: str, units: Units, report: Report, *, file: str, line: int
) -> list[Link]:
    """Read the links of a document; one that cannot be used goes to `report`, the others stay."""
    mentions: list[tuple[_Mention, dict[str, Any] | None]] = []
    for raw in found:
        try:
            mentions.append(_mention(raw))
        except msgspec.ValidationError as error:
            report.reject(file, f"a link: {error}", line=line, text=bytes(raw))
    spans = [Span(one.start, one.end, one.surface, line) for one, _ in mentions]
    links: list[Link] = []
    for place, (one, extra) in zip(fitted(text, spans, units, report, file), mentions, strict=True):
        if place:
            links.extend(_links(one, *place, extra))
    return links


def _mention(raw: msgspec.Raw) -> tuple[_Mention, dict[str, Any] | None]:
    told = OBJECT.decode(raw)
    one = msgspec.convert(told, _Mention)
    if one.ids and any(told.get(name) is not None for name in BESIDE):
        raise msgspec.ValidationError("`ids` stands for itself: no id, eid, kb or others beside it")
    rest = {name: value for name, value in told.items() if name not in KNOWN}
    return one, (one.extra | rest if one.extra else rest) or None


def _links(one: _Mention, start: int, end: int, extra: dict[str, Any] | None) -> list[Link]:
    ids: dict[Any, Any] = one.ids or {one.kb: None if one.id is None else str(one.id)}
    more = one.kind, one.type, one.others, extra, one.eid, one.p
    return [Link(start, end, id_, kb, *more) for kb, id_ in ids.items()]


def written(links: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turn links, as Arrow tells them, into objects: what reading gives back as it was."""
    return [_written(link) for link in links]


def _written(link: dict[str, Any]) -> dict[str, Any]:
    told = {name: link[name] for name in _Mention.__struct_fields__ if link.get(name) is not None}
    if link["kind"] == "gold":
        del told["kind"]
    elif link["kind"] is None:
        told["kind"] = None
    told.pop("extra", None)
    extra = OBJECT.decode(link["extra"]) if link["extra"] else {}
    return told | (extra if KNOWN.isdisjoint(extra) else {"extra": extra})
