"""KILT: an object a line, with `input` and the answers in `output`.

Petroni et al. (2021), "KILT: a Benchmark for Knowledge Intensive Language Tasks". Entity linking: the mention
stands between [START_ENT] and [END_ENT], which are no part of the text, and is a link to the title of a page;
other pages are right as well. Of other tasks the input is the text, and the answers are in `meta`.
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
from kbtools.corpus._json_lines import JsonLines, Record, records
from kbtools.corpus._uris import WIKIPEDIA, is_nil
from kbtools.corpus.base import Document, Link, Report

START, END = "[START_ENT]", "[END_ENT]"
_MENTION = re.compile(rf"{re.escape(START)} ?(.*?) ?{re.escape(END)}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the file does not tell."""

    lang: str | None = setting("The language of the texts.", "en")


class Page(msgspec.Struct):
    """Where an answer comes from."""

    wikipedia_title: str | None = None
    title: str | None = None
    wikipedia_id: str | int | None = None


class Output(msgspec.Struct):
    """An answer."""

    answer: str | None = None
    provenance: list[Page] | None = None


class Question(msgspec.Struct):
    """A line."""

    input: str
    id: str | int | None = None
    output: list[Output] | None = None
    meta: Any = None


QUESTION = msgspec.json.Decoder(Question)


class Kilt(JsonLines):
    """Reads the lines."""

    below: ClassVar[Sequence[str]] = (".jsonl", ".json")
    layout: ClassVar[str] = "json"
    example: ClassVar[str] = "kilt:aidayago2-dev-kilt.jsonl"
    settings: ClassVar[type] = Settings

    def documents(
        self, part: LinesPart, settings: Settings, folder: Path, report: Report
    ) -> Iterator[Document]:
        """Read question by question."""
        return _documents(part, settings, folder, report)


FORMAT = Kilt()


def _documents(part: LinesPart, settings: Settings, folder: Path, report: Report) -> Iterator[Document]:
    for record in records(part, folder, report, QUESTION):
        found: Question = record.found
        called = str(found.id) if found.id is not None else f"{part.file}:{record.line or record.byte}"
        if START in found.input or END in found.input:
            document = _linking(called, found, record, part.file, report)
        else:
            document = Document(called, found.input, meta=_meta(found))
        if document is not None:
            yield document._replace(lang=settings.lang)


def _linking(called: str, found: Question, record: Record, file: str, report: Report) -> Document | None:
    """Take the marks out of the text; what they enclose is the mention."""
    places = _MENTION.findall(found.input)
    if len(places) != 1 or not places[0].strip() or found.input.count(START) != found.input.count(END) != 1:
        what = f"not one mention between {START} and {END}, but {len(places)}"
        report.reject(file, what, line=record.line, byte=record.byte, text=record.data)
        return None
    match = _MENTION.search(found.input)
    if match is None:
        return None
    text = found.input[: match.start()] + match[1] + found.input[match.end() :]
    link = Link(match.start(), match.start() + len(match[1]))
    meta = msgspec.json.encode({"meta": found.meta}).decode() if found.meta else None
    return Document(called, text, meta=meta, links=[_linked(link, found.output or [])])


def _linked(link: Link, outputs: Sequence[Output]) -> Link:
    """Say which pages are right; without an answer nothing is said."""
    pages = [page for output in outputs for page in output.provenance or ()]
    told = [page.wikipedia_title or page.title for page in pages]
    told = told if any(told) else [output.answer for output in outputs]
    if not any(told):
        return link._replace(kind="ner")
    titles = list(dict.fromkeys(title for title in told if title and not is_nil(title)))
    if not titles:
        return link
    page = next((one.wikipedia_id for one in pages if (one.wikipedia_title or one.title) == titles[0]), None)
    extra = {"page": str(page)} if page is not None else None
    return link._replace(id=titles[0], kb=WIKIPEDIA, others=titles[1:] or None, extra=extra)


def _meta(found: Question) -> str | None:
    outputs = found.output or []
    told: dict[str, Any] = {
        "answers": list(dict.fromkeys(one.answer for one in outputs if one.answer is not None)),
        "pages": list(
            dict.fromkeys(
                title
                for one in outputs
                for page in one.provenance or ()
                if (title := page.wikipedia_title or page.title) is not None
            )
        ),
        "meta": found.meta,
    }
    told = {key: value for key, value in told.items() if value}
    return msgspec.json.encode(told).decode() if told else None
