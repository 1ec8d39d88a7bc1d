"""XML of the N³ collection (Reuters-128, News-100): texts in pieces, those with an address are mentions.

Röder et al. (2014), "N³ - A Collection of Datasets for Named Entity Recognition and Disambiguation in the NLP
Interchange Format".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from kbtools.config import setting
from kbtools.corpus._streams import StreamedFiles, streams, trees_in
from kbtools.corpus._uris import entity_of
from kbtools.corpus._whole import FilesPart
from kbtools.corpus.base import Document, Link, Report
from kbtools.io.markup import Element, Take

PLAIN, NAMED = "SimpleTextPart", "NamedEntityInText"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the file does not tell."""

    lang: str | None = setting("The language of the texts.", None)


class N3(StreamedFiles):
    """Reads the XML."""

    suffixes: ClassVar[Sequence[str]] = ()
    below: ClassVar[Sequence[str]] = (".xml",)
    example: ClassVar[str] = "n3:reuters.xml"
    settings: ClassVar[type] = Settings

    def found(self, part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the documents of each file."""
        for name, stream in streams(part, report):
            for _, element in trees_in(name, stream, _take, report):
                yield _document(name, element, settings, report)


FORMAT = N3()


def _take(depth: int, tag: str) -> Take:
    return "whole" if depth == 1 and tag == "Document" else None


def _document(name: str, element: Element, settings: Settings, report: Report) -> Document:
    parts: list[str] = []
    links: list[Link] = []
    at = 0
    body = element.first("TextWithNamedEntities")
    for piece in body.inside if body else ():
        if piece.tag not in {PLAIN, NAMED}:
            report.reject(name, f"<{piece.tag}> is no piece of a text", line=piece.line + 1)
            continue
        end = at + len(piece.own)
        if piece.tag == NAMED and end > at:
            entity, uri = entity_of(piece.at.get("uri", "")), piece.at.get("uri")
            link = Link(at, end, extra=None if entity or not uri else {"uri": uri})
            links.append(link._replace(id=entity.id, kb=entity.kb) if entity else link)
        elif piece.tag == NAMED:
            report.reject(name, "a mention without words", line=piece.line + 1)
        parts.append(piece.own)
        at = end
    source = element.first("DocumentURI")
    meta = msgspec.json.encode({"source": source.text}).decode() if source else None
    called = element.at.get("id") or f"{name}:{element.line + 1}"
    return Document(called, "".join(parts), settings.lang, meta, links)
