"""Rows of CoNLL files: tokens with their columns, in sentences, in documents.

Three layouts: columns with a tag in the last one (CoNLL-2002, -2003, WNUT); AIDA's, whose columns are token,
B or I, mention, entity, address, page, mid; and one in which lines MMSTART_id and MMEND enclose mentions: it
is turned into AIDA's.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from kbtools.corpus.base import Report

Layout = Literal["auto", "columns", "aida", "marked"]
Cut = Literal["auto", "docstart", "block", "file"]

LOOK = 2000  # lines that are looked at to find out
DOCSTART = "-DOCSTART-"
NIL = "--NME--"
MARKED, BEGIN, END, BREAK = "DOCSTART_", "MMSTART_", "MMEND", "*NL*"
_NAMED = re.compile(rf"{DOCSTART}\s*\((.*)\)\s*")
_BLANKS = re.compile(r"[ \t]+")


class Row(NamedTuple):
    """A token and what stands beside it; `line` counts from 1."""

    fields: list[str]
    line: int


@dataclass
class Rows:
    """A document; `name` is empty if the file does not tell."""

    name: str
    line: int
    sentences: list[list[Row]] = field(default_factory=lambda: [[]])

    def stop(self) -> None:
        """End a sentence."""
        if self.sentences[-1]:
            self.sentences.append([])


class Line(NamedTuple):
    """A line that is not empty, or the end of a sentence (no text)."""

    text: str
    number: int


def lines(text: str) -> Iterator[Line]:
    """Yield lines without their ends; blank ones are empty."""
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        yield Line(line.strip("\r\n") if line.strip(" \t\r\n") else "", number)


def layout_of(text: str) -> Layout:
    """Tell the layout by the first lines."""
    for line, number in lines(text[: LOOK * 200]):
        if line.startswith((BEGIN, MARKED)):
            return "marked"
        fields = line.split("\t")
        if (len(fields) >= 4 and fields[1] in {"B", "I"}) or _NAMED.fullmatch(line):
            return "aida"
        if number > LOOK:
            break
    return "columns"


def documents(name: str, text: str, layout: Layout, cut: Cut, report: Report) -> Iterator[Rows]:
    """Yield the documents of a file of one layout."""
    marker = MARKED if layout == "marked" else DOCSTART
    if cut == "auto":
        cut = "docstart" if text.startswith(marker) or f"\n{marker}" in text else "block"
    read = _marked(name, text, report) if layout == "marked" else _columns(text, layout)
    held: Rows | None = None
    for row, called, number in read:
        if called is not None:
            if cut == "docstart":
                if held is not None:
                    yield held
                held = Rows(called, number)
            elif held is not None:
                held.stop()
        elif row is None:
            if held is not None and cut == "block" and any(held.sentences):
                yield held
                held = None
            elif held is not None:
                held.stop()
        else:
            held = held or Rows("", number)
            held.sentences[-1].append(row)
    if held is not None:
        yield held


Event = tuple[Row | None, str | None, int]  # a token; or the name of a document; or neither: a sentence ends


def _columns(text: str, layout: Layout) -> Iterator[Event]:
    for line, number in lines(text):
        if not line:
            yield None, None, number
        elif line.startswith(DOCSTART):
            named = _NAMED.fullmatch(line)
            yield None, named[1].strip() if named else "", number
        elif layout == "aida" or "\t" in line:
            yield Row(line.split("\t"), number), None, number
        else:
            yield Row(_BLANKS.split(line.strip(" ")), number), None, number


def _marked(name: str, text: str, report: Report) -> Iterator[Event]:
    """Turn marks into columns; an end of a sentence within a mention is none."""
    held: _Mention | None = None
    for line, number in lines(text):
        told = line.strip()
        if told.startswith((BEGIN, MARKED)) and held is not None:
            yield from held.loose(name, report)
            held = None
        if told.startswith(MARKED):
            yield None, told.removeprefix(MARKED), number
        elif told.startswith(BEGIN):
            held = _Mention(told.removeprefix(BEGIN), number)
        elif told == END:
            if held is None:
                report.reject(name, f"{END} without {BEGIN}…", line=number, text=line.encode())
            else:
                yield from held.rows(name, report)
            held = None
        elif told in {BREAK, ""}:
            if held is None:
                yield None, None, number
        elif held is None:
            yield Row([told], number), None, number
        else:
            held.words.append(Row([told], number))
    if held is not None:
        yield from held.loose(name, report)


class _Mention:
    """The tokens between two marks."""

    def __init__(self, told: str, line: int) -> None:
        self.told, self.line = told, line
        self.words: list[Row] = []

    def rows(self, name: str, report: Report) -> Iterator[Event]:
        """Yield tokens with AIDA's columns."""
        if not self.words:
            report.reject(name, "a mention without words", line=self.line, text=self.told.encode())
        page, _, title = self.told.partition("\t")
        beside = [" ".join(row.fields[0] for row in self.words), title.strip() or NIL, "", page.strip()]
        for at, row in enumerate(self.words):
            yield Row([row.fields[0], "I" if at else "B", *beside], row.line), None, row.line

    def loose(self, name: str, report: Report) -> Iterator[Event]:
        """Yield tokens whose mention does not end."""
        report.reject(name, f"{BEGIN}… without {END}", line=self.line, text=self.told.encode())
        for row in self.words:
            yield row, None, row.line
