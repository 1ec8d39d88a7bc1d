"""Linked WikiText-2: JSON Lines of tokens with annotations, spans of tokens with ids of Wikidata.

Logan et al. (2019), "Barack's Wife Hillary: Using Knowledge-Graphs for Fact-Aware Language Modeling". The
text is the tokens joined by spaces; `@@END@@` ends a line, `@@START@@` is left out. Coreference has its kind,
dates and quantities are typed spans. Extra: source, relation and parent_id as they stand. Meta: title and
tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from kbtools.config import setting
from kbtools.corpus._files import LinesPart
from kbtools.corpus._json_lines import JsonLines, records
from kbtools.corpus.base import Document, Link, Report

START, END = "@@START@@", "@@END@@"
ID = re.compile(r"[QPL]\d+")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is said of the texts."""

    lang: str | None = setting("The language of the texts.", "en")


class Annotation(msgspec.Struct):
    """An entity that is named."""

    id: str
    span: tuple[int, int]
    source: str | None = None
    relation: list[str] = []
    parent_id: list[str] = []


class Article(msgspec.Struct):
    """A line."""

    tokens: list[str]
    title: str | None = None
    annotations: list[msgspec.Raw] = []


ARTICLE = msgspec.json.Decoder(Article)
ANNOTATION = msgspec.json.Decoder(Annotation)


class WikiText(JsonLines):
    """Reads Linked WikiText-2."""

    example: ClassVar[str] = "wikitext:train.jsonl"
    settings: ClassVar[type] = Settings

    def documents(
        self, part: LinesPart, settings: Settings, folder: Path, report: Report
    ) -> Iterator[Document]:
        """Read article by article."""
        return _documents(part, settings, folder, report)


FORMAT = WikiText()


def _documents(part: LinesPart, settings: Settings, folder: Path, report: Report) -> Iterator[Document]:
    for record in records(part, folder, report, ARTICLE):
        article: Article = record.found
        text, places = _text(article.tokens)
        links = list(_links(article.annotations, places, report, part.file, record.line))
        meta: dict[str, Any] = {"title": article.title} if article.title else {}
        meta["tokens"] = [list(place) for place in places if place[0] < place[1]]
        name = article.title or f"{part.file}:{record.line}"
        yield Document(name, text, settings.lang, msgspec.json.encode(meta).decode(), links)


def _text(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Join the tokens; return where each stands, marks as nothing."""
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    end = 0
    for token in tokens:
        word = "\n" if token == END else "" if token == START else token
        if word and word != "\n" and parts and parts[-1] != "\n":
            parts.append(" ")
            end += 1
        if word:
            parts.append(word)
            end += len(word)
        places.append((end - len(word), end) if word != "\n" else (end, end))
    return "".join(parts).removesuffix("\n"), places


def _links(
    annotations: Sequence[msgspec.Raw],
    places: Sequence[tuple[int, int]],
    report: Report,
    file: str,
    line: int | None,
) -> Iterator[Link]:
    for raw in annotations:
        try:
            one = ANNOTATION.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            report.reject(file, f"an annotation: {error}", line=line, text=bytes(raw))
            continue
        first, last = one.span
        inside = [place for place in places[first:last] if place[0] < place[1]] if 0 <= first < last else []
        if not inside or last > len(places):
            what = f"the span {first}..{last} is empty or beyond the {len(places):,} tokens"
            report.reject(file, what, line=line, text=bytes(raw))
            continue
        known = ID.fullmatch(one.id) is not None
        told = {"source": one.source, "relation": one.relation, "parent_id": one.parent_id}
        extra = {key: value for key, value in told.items() if value}
        kind = "ner" if not known else "coreference" if one.source == "COREF" else "gold"
        type_ = None if known else one.id.strip("@")
        id_, kb = (one.id, "wikidata") if known else (None, None)
        yield Link(inside[0][0], inside[-1][1], id_, kb, kind, type_, None, extra or None)
