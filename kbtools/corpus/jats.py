"""JATS and NLM articles (.nxml, .xml): title, abstract and body as text, parted by blank lines.

Inline elements are flattened: links, emphasis, sub- and superscripts. Left out and counted: tables, figures,
formulas, supplements. Left out by design: front matter but title and abstract, references, back matter.
Meta: title, `sections` [[start, end, title] ...] (the abstract among them, sections in sections too), ids
(`pmid`, `pmc`, `doi`, ...), journal, year, licence. A document is called by its PMC id, PMID, DOI or file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.entities import html5
from typing import Any, ClassVar

import msgspec

from kbtools.config import setting
from kbtools.corpus._jats_text import Text, flat
from kbtools.corpus._streams import StreamedFiles, streams, trees_in
from kbtools.corpus._whole import FilesPart
from kbtools.corpus.base import Document, Report
from kbtools.io.markup import Element, Take

KNOWN = {name[:-1]: text for name, text in html5.items() if name.endswith(";")}  # ISO's names are among them
YEAR = re.compile(r"\d{4}")
IDS = {"pmcid": "pmc", "pmcaid": "pmc", "publisher-id": "publisher"}  # kinds of ids that we call otherwise
HREF = "xlink:href"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is taken."""

    body: bool = setting("Take the body, too; otherwise title and abstract.", True)


class Jats(StreamedFiles):
    """Reads articles."""

    suffixes: ClassVar[Sequence[str]] = (".nxml",)
    below: ClassVar[Sequence[str]] = (".nxml", ".xml")
    example: ClassVar[str] = "jats:articles/"
    settings: ClassVar[type] = Settings

    def found(self, part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the articles of each file: mostly one."""
        for name, stream in streams(part, report):
            for _, element in trees_in(name, stream, _take, report, known=KNOWN):
                yield _document(name, element, settings, report)


FORMAT = Jats()


def _take(_depth: int, tag: str) -> Take:
    return "whole" if tag == "article" else None


def _document(name: str, article: Element, settings: Settings, report: Report) -> Document:
    front = article.first("front", "article-meta") or article.first("front-stub") or Element("", {}, 0, 0)
    title = flat(front.first("title-group", "article-title"))
    text = Text()
    text.add(title)
    for abstract in front.all("abstract"):
        text.section(abstract, "Abstract")
    body = article.first("body")
    if body and settings.body:
        text.walk(body)
    for what, count in sorted(text.left_out.items()):
        report.counts[f"skipped: {what}"] += count
    if text.end == 0:
        report.counts["documents without text"] += 1
    ids = _ids(front)
    meta = {
        "title": title,
        "sections": text.sections,
        "ids": ids,
        "journal": _journal(article),
        "year": _year(front),
        "licence": _licence(front),
        "type": article.at.get("article-type"),
    }
    kept = {key: value for key, value in meta.items() if value}
    own = ids.get("pmc") or ids.get("pmid") or ids.get("doi") or name
    lang = article.at.get("xml:lang", "").partition("-")[0].lower() or None
    return Document(own, text.whole, lang, msgspec.json.encode(kept).decode() if kept else None)


def _ids(front: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in front.all("article-id"):
        kind, id_ = one.at.get("pub-id-type", "other"), one.text
        kind = IDS.get(kind, kind)
        if kind == "pmc" and id_.isdecimal():
            id_ = f"PMC{id_}"
        if id_:
            found.setdefault(kind, id_)
    return found


def _journal(article: Element) -> str | None:
    journal = article.first("front", "journal-meta")
    if journal is None:
        return None
    name = journal.first("journal-title-group", "journal-title") or journal.first("journal-title")
    return flat(name) or flat(journal.first("journal-id")) or None


def _year(front: Element) -> int | None:
    """Return the earliest year of publication."""
    years = [YEAR.fullmatch(flat(date.first("year"))) for date in front.all("pub-date")]
    return min((int(year[0]) for year in years if year), default=None)


def _licence(front: Element) -> str | None:
    """Return the licence: its address if it has one, otherwise its words."""
    terms = front.first("permissions", "license")
    if terms is None:
        return flat(front.first("permissions", "copyright-statement")) or None
    for one in terms.all("ali:license_ref"):
        return one.text
    told: Any = terms.at.get(HREF) or terms.at.get("license-type")
    return told if HREF in terms.at else flat(terms) or told
