"""NIF 2.0, in Turtle or N-Triples: texts, and what is said of their parts.

A document is a `nif:Context` with its `nif:isString`, called by its address without the part after `#`. What
has an `itsrdf:taIdentRef` is a gold link; where it has several, the others are right as well. What has no
more than a class is a typed span. Sentences and words are in `meta`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar, NamedTuple

import msgspec
import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus import _nif_writing
from kbtools.corpus._nif_words import (
    NAMES,
    NIF,
    NO_MENTIONS,
    THING,
    bare,
    name_of_document,
    name_of_type,
    place,
)
from kbtools.corpus._offsets import HELP, Span, Units, fitted
from kbtools.corpus._turtle import Literal, triples
from kbtools.corpus._uris import OWN, Entity, entity_of
from kbtools.corpus._whole import WholeFiles
from kbtools.corpus.base import Document, Link, Report

META = {"Sentence": "sentences", "Word": "tokens"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How offsets are counted, and what the file does not tell."""

    offsets: Units = setting(HELP, "auto")
    lang: str | None = setting("The language of texts that do not tell it.", None)


class Resource:
    """What is said of one resource; properties go by their short names."""

    __slots__ = ("lang", "line", "said", "uri")

    def __init__(self, uri: str, line: int) -> None:
        self.uri, self.line = uri, line
        self.said: dict[str, list[str]] = {}
        self.lang: str | None = None

    def first(self, name: str) -> str | None:
        """Return the first value of a property."""
        return self.said[name][0] if name in self.said else None

    def types(self) -> set[str]:
        """Return the classes of NIF that it is of."""
        return {each.removeprefix(NIF) for each in self.said.get("type", ())}


class Told(NamedTuple):
    """A part of a text, with its words and where the file tells of it."""

    link: Link
    surface: str | None
    line: int
    part: str | None  # what it is in `meta`, if it is no mention


class _Place(NamedTuple):
    """Where rejects go."""

    file: str
    report: Report


class Nif(WholeFiles):
    """Reads .ttl and .nt; writes Turtle."""

    suffixes: ClassVar[Sequence[str]] = (".ttl", ".nt", ".nif")
    example: ClassVar[str] = "Reuters-128.ttl"
    settings: ClassVar[type] = Settings

    def documents(self, name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
        """Gather what is said of each context, wherever that stands."""
        resources = _resources(name, text, report)
        contexts = {uri: one for uri, one in resources.items() if "isString" in one.said}
        parts = _parts(name, contexts, resources, report)
        names = Counter(map(bare, contexts))
        for uri, context in contexts.items():
            short = bare(uri)
            called = name_of_document(short) or (short if names[short] == 1 else uri)
            yield _document(called, context, parts.get(uri, []), settings, _Place(name, report))

    def write(self, documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
        """Write Turtle; what NIF has no words for is in properties of our own."""
        _nif_writing.write(documents, file)


FORMAT = Nif()


def _resources(name: str, text: str, report: Report) -> dict[str, Resource]:
    found: dict[str, Resource] = {}
    for subject, predicate, told, line in triples(name, text, report):
        if (short := NAMES.get(predicate)) is None:
            continue
        if (one := found.get(subject)) is None:
            one = found[subject] = Resource(subject, line)
        if isinstance(told, Literal):
            one.said.setdefault(short, []).append(told.value)
            if short == "isString":
                one.lang = told.lang
        else:
            one.said.setdefault(short, []).append(str(told))
    return found


def _parts(
    name: str, contexts: dict[str, Resource], resources: dict[str, Resource], report: Report
) -> dict[str, list[Told]]:
    """Find what is told of each context; what is in none is rejected."""
    by_name = {bare(uri): uri for uri in contexts}
    found: dict[str, list[Told]] = {}
    for uri, one in resources.items():
        wants = "taIdentRef" in one.said
        if not wants and (uri in contexts or "beginIndex" not in one.said):
            continue
        context = uri if uri in contexts else one.first("referenceContext")
        context = context if context in contexts else by_name.get(bare(context or uri))
        where = _where(one)
        if context is None:
            report.reject(name, "a part of no text: its nif:Context is missing", line=one.line,
                          text=uri.encode())  # fmt: skip
        elif where is None:
            if wants or "anchorOf" in one.said:
                report.reject(name, "no whole numbers in nif:beginIndex and nif:endIndex", line=one.line,
                              text=uri.encode())  # fmt: skip
        elif told := _told(one, *where):
            found.setdefault(context, []).append(told)
    return found


def _where(one: Resource) -> tuple[int, int] | None:
    start, end = one.first("beginIndex"), one.first("endIndex")
    if start is None or end is None:
        return place(one.uri)
    try:
        return int(start), int(end)
    except ValueError:
        return None


def _told(one: Resource, start: int, end: int) -> Told | None:
    """Say what a part of a text is; None for paragraphs and the like."""
    types = one.types()
    idents = list(dict.fromkeys(one.said.get("taIdentRef", ())))
    classes = [name_of_type(uri) for uri in one.said.get("taClassRef", ()) if uri != THING]
    part = None if idents or classes else next((META[each] for each in META if each in types), None)
    if not (idents or classes or part) and types & NO_MENTIONS:
        return None
    link = Link(start, end, kind="gold" if idents else "ner", type=classes[0] if classes else None)
    extra: dict[str, Any] = {"types": classes[1:]} if classes[1:] else {}
    if (sure := one.first("taConfidence")) is not None:
        extra["confidence"] = sure
    if (ours := one.first("extra")) is not None:
        extra |= _object(ours)
    entities = [entity for uri in idents if (entity := entity_of(uri)) is not None]
    if entities:
        first, others, also = _chosen(entities)
        link = link._replace(id=first.id, kb=first.kb, others=others)
        extra |= {"also": also} if also else {}
    elif idents and not idents[0].startswith(OWN):
        extra["uri"] = idents[0]
    if (kind := one.first("kind")) is not None:
        link = link._replace(kind=kind)
    return Told(link._replace(extra=extra or None), one.first("anchorOf"), one.line, part)


def _chosen(entities: Sequence[Entity]) -> tuple[Entity, list[str] | None, list[str]]:
    """Return the first entity, the others of its knowledge base, and those of others."""
    first = entities[0]
    others = [entity.id for entity in entities[1:] if entity.kb == first.kb]
    return first, others or None, [f"{one.kb}:{one.id}" for one in entities if one.kb != first.kb]


def _document(
    called: str, context: Resource, parts: Sequence[Told], settings: Settings, where: _Place
) -> Document:
    text = context.first("isString") or ""
    spans = [Span(each.link.start, each.link.end, each.surface, each.line) for each in parts]
    links: list[Link] = []
    meta: dict[str, Any] = {"source": source} if (source := context.first("sourceUrl")) else {}
    for each, found in zip(
        parts, fitted(text, spans, settings.offsets, where.report, where.file), strict=True
    ):
        if found and each.part:
            meta.setdefault(each.part, []).append([*found])
        elif found:
            links.append(each.link._replace(start=found[0], end=found[1]))
    for part in META.values():
        if part in meta:
            meta[part].sort()
    if (ours := context.first("meta")) is not None:
        meta = _object(ours)
    lang = context.lang or context.first("lang") or settings.lang
    return Document(called, text, lang, msgspec.json.encode(meta).decode() if meta else None, links)


def _object(text: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
