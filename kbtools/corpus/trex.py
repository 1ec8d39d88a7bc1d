"""T-REx: texts of Wikipedia aligned with Wikidata's statements; JSON arrays of documents, read as a stream.

Elsahar et al. (2018), "T-REx: A Large Scale Alignment of Natural Language with Knowledge Base Triples".
Entities are links, dates and numbers typed spans; statements are `meta.relations`: type, head, tail, where
they stand in the text, and the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import msgspec

from kbtools.config import setting
from kbtools.corpus._files import LinesPart
from kbtools.corpus._json_lines import JsonLines, reason, records
from kbtools.corpus._offsets import HELP, Span, Units, fitted
from kbtools.corpus._uris import entity_of
from kbtools.corpus.base import Document, Link, Report

TYPED = "^^"  # before the datatype of a value
ANNOTATOR_OF_PRONOUNS = "Simple_Coreference"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How offsets are counted, and what is kept."""

    offsets: Units = setting(HELP, "auto")
    lang: str | None = setting("The language of the texts.", "en")
    relations: bool = setting("Keep the statements.", True)
    tokens: bool = setting("Keep where words are.", True)


Place = tuple[int, int] | None


class Named(msgspec.Struct):
    """An entity or a value where it stands in the text."""

    uri: str
    boundaries: tuple[int, int] | None = None
    surfaceform: str | None = None
    annotator: str | None = None


class Statement(msgspec.Struct):
    """A statement that a sentence seems to tell."""

    subject: Named
    predicate: Named
    object: Named
    sentence_id: int | None = None
    annotator: str | None = None


class Record(msgspec.Struct):
    """A document; its parts are decoded one by one."""

    text: str
    docid: str | int | None = None
    title: str | None = None
    uri: str | None = None
    sentences_boundaries: list[tuple[int, int]] | None = None
    words_boundaries: list[tuple[int, int]] | None = None
    entities: list[msgspec.Raw] | None = None
    triples: list[msgspec.Raw] | None = None


class Where(NamedTuple):
    """Where a document stands, for rejects."""

    file: str
    line: int | None
    report: Report


RECORD, NAMED, STATEMENT = (msgspec.json.Decoder(kind) for kind in (Record, Named, Statement))


class Trex(JsonLines):
    """Reads the arrays."""

    below: ClassVar[Sequence[str]] = (".json", ".jsonl")
    layout: ClassVar[str] = "json"
    example: ClassVar[str] = "trex:TREx_json_sample/"
    settings: ClassVar[type] = Settings

    def documents(
        self, part: LinesPart, settings: Settings, folder: Path, report: Report
    ) -> Iterator[Document]:
        """Read document by document."""
        return _documents(part, settings, folder, report)


FORMAT = Trex()


def _documents(part: LinesPart, settings: Settings, folder: Path, report: Report) -> Iterator[Document]:
    for record in records(part, folder, report, RECORD):
        found: Record = record.found
        own = found.docid if found.docid is not None else found.uri
        called = f"{part.file}:{record.line or record.byte}" if own is None else str(own)
        yield _document(called, found, settings, Where(part.file, record.line, report))


def _document(called: str, found: Record, settings: Settings, where: Where) -> Document:
    """Place all that has a place at once: what offsets count shows by the words of the entities."""
    named = [one for one in _decoded(NAMED, found.entities, where) if one.boundaries]
    told = list(_decoded(STATEMENT, found.triples, where)) if settings.relations else []
    ends = [one for each in told for one in (each.subject, each.object)]
    bare = {
        "sentences": found.sentences_boundaries or [],
        "tokens": (settings.tokens and found.words_boundaries) or [],
    }
    spans = [_span(one, where) for one in (*named, *ends) if one.boundaries]
    spans += [Span(start, end, None, where.line) for each in bare.values() for start, end in each]
    places = iter(fitted(found.text, spans, settings.offsets, where.report, where.file))
    links: dict[tuple[int, int, str], Link] = {}
    for one in named:
        if place := next(places):
            links.setdefault((*place, one.uri), _link(*place, one))
    at = [next(places) if one.boundaries else None for one in ends]
    meta: dict[str, Any] = {"title": found.title, "uri": found.uri if found.uri != called else None}
    meta |= {key: [place for place in islice(places, len(each)) if place] for key, each in bare.items()}
    meta["relations"] = [
        _relation(each, at[2 * number], at[2 * number + 1]) for number, each in enumerate(told)
    ]
    meta = {key: value for key, value in meta.items() if value}
    told_meta = msgspec.json.encode(meta).decode() if meta else None
    return Document(called, found.text, settings.lang, told_meta, list(links.values()))


def _span(one: Named, where: Where) -> Span:
    start, end = one.boundaries or (0, 0)
    return Span(start, end, one.surfaceform, where.line)


def _link(start: int, end: int, one: Named) -> Link:
    kind = "coreference" if one.annotator == ANNOTATOR_OF_PRONOUNS else "gold"
    extra = {"annotator": one.annotator} if one.annotator else {}
    value, typed, datatype = one.uri.partition(TYPED)
    if typed:
        return Link(start, end, kind="ner", type=datatype.rpartition("#")[2], extra=extra | {"value": value})
    entity = entity_of(one.uri)
    link = Link(start, end, kind=kind, extra=extra or None)
    return link._replace(id=entity.id, kb=entity.kb) if entity else link


def _relation(each: Statement, head: Place, tail: Place) -> dict[str, Any]:
    relation = {
        "type": each.predicate.uri.rpartition("/")[2],
        "head": _id(each.subject.uri),
        "tail": _id(each.object.uri),
        "head_at": head,
        "tail_at": tail,
        "sentence": each.sentence_id,
        "annotator": each.annotator,
    }
    return {key: value for key, value in relation.items() if value is not None}


def _id(uri: str) -> str:
    entity = None if TYPED in uri else entity_of(uri)
    return entity.id if entity else uri


def _decoded(
    decoder: msgspec.json.Decoder[Any], told: Sequence[msgspec.Raw] | None, where: Where
) -> Iterator[Any]:
    for one in told or ():
        try:
            yield decoder.decode(one)
        except UnicodeDecodeError:  # what is taken as it stands is not looked into before
            where.report.reject(where.file, "not UTF-8", line=where.line, text=bytes(one))
        except msgspec.DecodeError as error:
            where.report.reject(where.file, reason(error), line=where.line, text=bytes(one))
