"""BioC: collections of documents in passages, with annotations and relations; XML or JSON.

Comeau et al. (2013), "BioC: a minimalist approach to interoperability for biomedical text processing". JSON
may be a collection, a list of them, or a document a line; which of all these a file is, its content tells.

The text of a document is its passages (or their sentences), parted by line ends where their offsets leave
room. Offsets of annotations count from that of their passage. An annotation with an infon `identifier` (or
another, see the setting `id`) is gold, and NIL if it is -1; one without tells only its type. Infons ride in
`extra`, several locations in `extra.parts`, relations in `meta.relations`, passages in `meta.sections`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from kbtools.config import setting
from kbtools.corpus._bioc import Annotation, Passage, Record, Relation, records
from kbtools.corpus._concepts import SPACES, Concept, concept
from kbtools.corpus._offsets import HELP, Units
from kbtools.corpus._parts import Place, Told, placed
from kbtools.corpus._streams import StreamedFiles
from kbtools.corpus._whole import FilesPart
from kbtools.corpus.base import Document, Link, Report

IDS = ("identifier", "identifiers")
TITLES = ("section_type", "type", "section")
FARTHEST = 2  # line ends between passages, whatever their offsets say


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How offsets and ids are read."""

    offsets: Units = setting(HELP, "auto")
    id: str | None = setting(
        "The infon with the id; by itself `identifier` or a vocabulary: MESH, OMIM.", None
    )
    kb: str | None = setting("Whose the ids are that do not say it.", None)
    lang: str | None = setting("The language of the texts.", "en")


class BioC(StreamedFiles):
    """Reads BioC."""

    suffixes: ClassVar[Sequence[str]] = (".bioc",)
    below: ClassVar[Sequence[str]] = (".bioc", ".xml", ".json")
    example: ClassVar[str] = "bioc:train.xml"
    settings: ClassVar[type] = Settings

    def found(self, part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the documents of each file."""
        for name, line, record in records(part, report):
            yield _document(name, line, record, settings, report)


FORMAT = BioC()


@dataclass
class Unit:
    """A stretch of text: a passage, or a sentence of one."""

    told: int  # its offset in the file
    start: int  # its offset in the text
    text: str
    annotations: list[Annotation]


def _document(name: str, line: int | None, record: Record, settings: Settings, report: Report) -> Document:
    units, text, meta = _units(record)
    links: list[Link] = []
    for unit, mine in _at_home(units, record.annotations):
        told = [_told(one, unit.told, line) for one in mine]
        for place, one in zip(placed(unit.text, told, settings.offsets, report, name), mine, strict=True):
            if place:
                links.append(_link(one, place, unit.start, settings))
    if relations := [_relation(one) for one in _relations(record)]:
        meta["relations"] = relations
    if record.infons:
        meta["infons"] = record.infons
    told_meta = msgspec.json.encode(meta).decode() if meta else None
    own = name if record.id is None else str(record.id)
    return Document(own, text, settings.lang, told_meta, links)


def _units(record: Record) -> tuple[list[Unit], str, dict[str, Any]]:
    """Lay the passages out one after another."""
    units: list[Unit] = []
    parts: list[str] = []
    sections: list[list[Any]] = []
    sentences: list[list[int]] = []
    end, told_end = 0, -1
    for passage in record.passages:
        whole = passage.text is not None or not passage.sentences
        begin = -1
        for piece in [passage] if whole else passage.sentences:
            text = piece.text or ""
            blank = ""
            if text and told_end >= 0 and piece.offset != told_end:
                blank = " " if begin >= 0 else "\n" * min(max(piece.offset - told_end, 1), FARTHEST)
            start = end + len(blank)
            begin = start if begin < 0 else begin
            units.append(Unit(piece.offset, start, text, [*piece.annotations]))
            parts += [blank, text]
            end = start + len(text)
            told_end = piece.offset + len(text) if text else told_end
            sentences += [] if whole else [[start, end]]
        inner = [one for sentence in passage.sentences for one in sentence.annotations]
        units[-1].annotations += inner if whole else passage.annotations
        sections += [[begin, end, _title(passage)]] if end > begin else []
    meta: dict[str, Any] = {"sections": sections} if sections else {}
    return units, "".join(parts), meta | ({"sentences": sentences} if sentences else {})


def _title(passage: Passage) -> str | None:
    return next((str(passage.infons[key]) for key in TITLES if passage.infons.get(key)), None)


def _at_home(units: list[Unit], strays: list[Annotation]) -> Iterator[tuple[Unit, list[Annotation]]]:
    """Yield the units with the annotations that lie in them, which some files list elsewhere."""
    homes: list[list[Annotation]] = [[] for _ in units]
    order = sorted(range(len(units)), key=lambda at: units[at].told)
    begins = [units[at].told for at in order]
    listed = [(at, one) for at, unit in enumerate(units) for one in unit.annotations]
    for at, one in [*listed, *((-1, one) for one in strays)] if units else []:
        first = min((place.offset for place in one.locations), default=0)
        right = bisect_right(begins, first)
        fits = at >= 0 and units[at].told <= first and right == bisect_right(begins, units[at].told)
        homes[at if fits else order[max(right - 1, 0)]].append(one)
    return ((unit, mine) for unit, mine in zip(units, homes, strict=True) if mine)


def _told(one: Annotation, offset: int, line: int | None) -> Told:
    parts = [(at.offset - offset, at.offset - offset + at.length) for at in one.locations]
    return Told(parts, one.text, line)


def _link(one: Annotation, place: Place, start: int, settings: Settings) -> Link:
    kind = str(one.infons["type"]) if one.infons.get("type") else None
    found, used = _concept(one, kind, settings)
    rest = {key: value for key, value in one.infons.items() if key not in used}
    extra = {**(found.extra if found and found.extra else {}), **({"infons": rest} if rest else {})}
    if one.id is not None:
        extra["id"] = one.id
    if parts := place.extra.get("parts"):
        extra["parts"] = [[begin + start, end + start] for begin, end in parts]
    id_, kb, others = found[:3] if found else (None, None, None)
    told = "gold" if found else "ner"
    return Link(place.start + start, place.end + start, id_, kb, told, kind, others, extra or None)


def _concept(one: Annotation, kind: str | None, settings: Settings) -> tuple[Concept | None, set[str]]:
    """Find the id among the infons; return also which of them are told by it."""
    asked = (settings.id.lower(),) if settings.id else (*IDS, *SPACES)
    by_name = {key.lower(): key for key in one.infons}
    keys = [by_name[key] for key in asked if key in by_name]
    if not keys:
        return None, {"type"}
    if any(key.lower() in IDS for key in keys):
        keys = keys[:1]
    told = [
        concept(
            "" if one.infons[key] is None else str(one.infons[key]),
            kind,
            settings.kb or SPACES.get(key.lower()),
        )
        for key in keys
    ]
    named = [each for each in told if each.id is not None]
    if not named:
        return Concept(None), {"type", *keys}
    first, *rest = named
    others = [*(first.others or []), *(f"{each.kb}:{each.id}" for each in rest)]
    return first._replace(others=others or None), {"type", *keys}


def _relations(record: Record) -> list[Relation]:
    passages = [*record.passages, *(one for passage in record.passages for one in passage.sentences)]
    return [*record.relations, *(one for passage in passages for one in passage.relations)]


def _relation(one: Relation) -> dict[str, Any]:
    args = [[node.role or "", node.refid] for node in one.nodes]
    return {"id": one.id, "type": one.infons.get("type"), "args": args, "infons": one.infons}
