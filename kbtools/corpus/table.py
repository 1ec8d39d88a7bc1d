"""Rows of a tab file with a heading: `text_a`, `text_b`, `label`, as K-BERT's data sets have them.

A row is a document, `text` its text; text_b, label and all other columns ride in `meta`. Where labels are
tags, one for each token of the text, parted by spaces, the text is the tokens joined: without spaces if they
are characters. Tagged spans are links of kind ner; meta: tokens and tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import msgspec

from kbtools.config import setting
from kbtools.corpus._iob import spans
from kbtools.corpus._whole import WholeFiles
from kbtools.corpus.base import Document, Link, Report

TAG = re.compile(r"[A-Z]-\S+|O")
LOOKED_AT = 200  # rows, to find out what they are


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the columns are called, and whether labels are tags."""

    text: str = setting("The column that holds the text.", "text_a")
    label: str = setting("The column of labels or tags; it may be absent.", "label")
    id: str = setting("The column that names the document; it may be absent.", "id")
    heading: tuple[str, ...] = setting("The columns of files without a heading.", ())
    tags: Literal["auto", "yes", "no"] = setting(
        "Whether labels are tags of tokens; auto: by a look.", "auto"
    )
    spaces: Literal["auto", "yes", "no"] = setting(
        "Whether to put spaces between tagged tokens; auto: unless they are characters.", "auto"
    )
    lang: str | None = setting("The language of the texts.", None)


@dataclass(frozen=True)
class _Layout:
    """What a file is like."""

    columns: list[str]
    text: int
    label: int | None
    id: int | None
    tags: bool
    between: str


class Table(WholeFiles):
    """Reads tab files with a heading."""

    suffixes: ClassVar[Sequence[str]] = ()  # .tsv says too little
    below: ClassVar[Sequence[str]] = (".tsv",)
    example: ClassVar[str] = "table:book_review/train.tsv"
    settings: ClassVar[type] = Settings

    def documents(self, name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the rows."""
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        first = 0 if settings.heading else 1
        columns = list(settings.heading) or lines[0].split("\t")
        if settings.text not in columns:
            what = f"no column {settings.text!r}; it has {', '.join(columns)[:200]}; name one: text=COLUMN"
            report.reject(name, what, line=1, text=lines[0].encode())
            return
        rows = [line.split("\t") for line in lines[first : first + LOOKED_AT] if line.strip()]
        layout = _layout(columns, rows, settings)
        for number, line in enumerate(lines[first:], first + 1):
            if line.strip():
                found = _document(name, number, line.split("\t"), layout, report)
                if found:
                    yield found._replace(lang=settings.lang)


FORMAT = Table()


def _layout(columns: list[str], rows: list[list[str]], settings: Settings) -> _Layout:
    """Look at some rows: whether labels are tags and tokens are characters."""
    places = {name: at for at, name in enumerate(columns)}
    text, label = places[settings.text], places.get(settings.label)
    tags = label is not None and settings.tags != "no"
    told = [row for row in rows if len(row) == len(columns)]
    if tags and label is not None and settings.tags == "auto":
        tagged = [row for row in told if all(map(TAG.fullmatch, row[label].split())) and row[label].strip()]
        tags = bool(told) and 2 * len(tagged) > len(told)
    tokens = [token for row in told for token in _tokens(row[text])]
    characters = sum(len(token) == 1 for token in tokens) > 0.8 * len(tokens)
    spaced = settings.spaces == "yes" or (settings.spaces == "auto" and not characters)
    return _Layout(columns, text, label, places.get(settings.id), tags, " " if spaced else "")


def _document(name: str, number: int, row: list[str], layout: _Layout, report: Report) -> Document | None:
    """Make a document of a row; what does not fit goes to `report`."""
    if len(row) != len(layout.columns):
        what = f"{len(row)} columns, not {len(layout.columns)}"
        report.reject(name, what, line=number, text="\t".join(row).encode())
        return None
    called = row[layout.id] if layout.id is not None else ""
    aside = {layout.text, layout.id, layout.label if layout.tags else None}
    meta: dict[str, Any] = {column: row[at] for at, column in enumerate(layout.columns) if at not in aside}
    text, links = row[layout.text], None
    if layout.tags and layout.label is not None:
        tokens, tags = _tokens(text), _tokens(row[layout.label])
        text, places = _joined(tokens, layout.between)
        meta["tokens"] = places
        if len(tags) == len(tokens):
            meta["tags"] = tags
            links = [
                Link(places[one.first][0], places[one.end - 1][1], kind="ner", type=one.type)
                for one in spans(tags)
            ]
        else:
            what = f"{len(tags)} tags of {len(tokens)} tokens"
            report.reject(name, what, line=number, text=row[layout.label].encode())
    told = msgspec.json.encode(meta).decode() if meta else None
    return Document(called or f"{name}:{number}", text, None, told, links)


def _tokens(told: str) -> list[str]:
    """Part a text at its spaces: other white space may be a token with a tag of its own."""
    return [token for token in told.split(" ") if token]


def _joined(tokens: list[str], between: str) -> tuple[str, list[tuple[int, int]]]:
    places, at = [], 0
    for token in tokens:
        places.append((at, at + len(token)))
        at += len(token) + len(between)
    return between.join(tokens), places
