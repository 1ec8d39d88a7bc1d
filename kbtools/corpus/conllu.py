"""CoNLL-U of Universal Dependencies: a word a line in ten columns, sentences parted by empty lines.

A document goes from one `# newdoc` to the next, or is the file. The text is that of the tokens with the
spaces that MISC tells of (SpaceAfter=No, SpacesAfter); paragraphs begin on a new line. Links have no place in
CoNLL-U: they are written as JSON in a comment.

Meta, a value for each word: tokens (words of a multiword token share its span), lemmas, pos, xpos, feats,
heads (in the sentence, from 1; 0: root), deprels, deps, misc; forms and multiword where there are such
tokens; empty nodes as they stand; sentences and sentence_ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar

import msgspec
import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus import _conllu_writing
from kbtools.corpus._conllu_rows import COLUMNS, NOTHING, NUMBER, Row, after, before, unescaped
from kbtools.corpus._whole import WholeFiles
from kbtools.corpus.base import Document, Link, Report

LISTS = ("sentences", "sentence_ids", "tokens", "forms", *COLUMNS, "misc", "multiword", "empty")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is said of the texts."""

    lang: str | None = setting("The language of texts that do not tell it.", None)


@dataclass
class _Text:
    """A document that is being laid out."""

    name: str | None = None
    lang: str | None = None
    parts: list[str] = field(default_factory=list)
    size: int = 0
    gap: str | None = None  # what stands behind the last token, if it is said
    meta: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in LISTS})
    others: dict[str, Any] = field(default_factory=dict)
    links: list[Link] | None = None
    told: bool = False  # it has a heading of its own

    def put(self, text: str) -> None:
        """Put something behind the rest."""
        self.parts.append(text)
        self.size += len(text)

    def document(self, name: str, settings: Settings) -> Document:
        """Make a document of it."""
        self.put(self.gap or "")
        meta = {name: values for name, values in self.meta.items() if any(one is not None for one in values)}
        if not self.meta["multiword"]:
            meta.pop("forms", None)
        told = msgspec.json.encode(self.others | meta).decode()
        return Document(self.name or name, "".join(self.parts), self.lang or settings.lang, told, self.links)


class Conllu(WholeFiles):
    """Reads and writes .conllu."""

    suffixes: ClassVar[Sequence[str]] = (".conllu",)
    example: ClassVar[str] = "en_ewt-ud-dev.conllu"
    settings: ClassVar[type] = Settings

    def documents(self, name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the documents of a file."""
        made, count = _Text(), 0
        for comments, rows in _blocks(name, text, report):
            if "newdoc" in comments or "newdoc id" in comments:
                if made.told or made.parts:
                    count += 1
                    yield made.document(f"{name}:{count}", settings)
                made = _Text(name=comments.get("newdoc id") or None, told=True)
                _heading(name, comments, made, report)
            if rows:
                _sentence(comments, rows, made)
        if made.told or made.parts:
            yield made.document(f"{name}:{count + 1}" if count or made.told else name, settings)

    def write(self, documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
        """Write documents; those that tell no tokens are cut into sentences and words by our own rules."""
        _conllu_writing.write(documents, file)


FORMAT = Conllu()


def _blocks(name: str, text: str, report: Report) -> Iterator[tuple[dict[str, str], list[Row]]]:
    """Yield the comments and the lines of each sentence; a sentence with a wrong line is left out."""
    comments: dict[str, str] = {}
    rows: list[Row] = []
    wrong = False
    for number, raw in enumerate([*text.split("\n"), ""], 1):
        line = raw.removesuffix("\r")
        if not line.strip():
            if comments or rows:
                yield comments, [] if wrong else rows
            comments, rows, wrong = {}, [], False
        elif line.startswith("#") and not rows:
            key, _, value = line[1:].partition("=")
            comments[key.strip()] = value.strip(" \t")  # other white space is escaped text
        elif not wrong:
            found = _row(line, number, rows)
            if isinstance(found, Row):
                rows.append(found)
            else:
                report.reject(name, f"{found}; the sentence is left out", line=number, text=line.encode())
                wrong = True


def _row(line: str, number: int, rows: list[Row]) -> Row | str:
    """Read a line, or say what is wrong with it."""
    cells = line.split("\t")
    if len(cells) != 10:
        return f"{len(cells)} columns, not 10"
    found = NUMBER.fullmatch(cells[0])
    if not found or not cells[1]:
        return f"{cells[0]!r} is no number of a word" if not found else "a word without a form"
    kind = "empty" if "." in cells[0] else "multiword" if found[2] else "word"
    last = next((int(row.number) for row in reversed(rows) if row.kind == "word"), 0)
    if kind != "empty" and int(found[1]) != last + 1:
        return f"word {cells[0]} follows {last}"
    if kind == "multiword" and int(found[2]) < int(found[1]):
        return f"a token from {found[1]} to {found[2]}"
    head = kind != "word" or cells[6] == NOTHING or cells[6].isdecimal()
    return Row(cells[0], cells, number, kind) if head else f"the head {cells[6]!r} is no number"


def _heading(name: str, comments: dict[str, str], made: _Text, report: Report) -> None:
    """Take what we wrote about a document as a whole."""
    made.lang = comments.get("lang")
    made.put(unescaped(comments.get("spaces_before", "")))
    try:
        if "links" in comments:
            links = msgspec.json.decode(comments["links"], type=list[dict[str, Any]])
            made.links = [Link(**{"kind": None} | one) for one in links]
        if "meta" in comments:
            made.others = msgspec.json.decode(comments["meta"], type=dict[str, Any])
    except (msgspec.DecodeError, TypeError) as error:
        report.reject(name, f"comments of the document {made.name}: {error}")


def _sentence(comments: dict[str, str], rows: list[Row], made: _Text) -> None:
    """Put a sentence behind the others."""
    meta = made.meta
    if meta["tokens"]:
        paragraph = any(key.startswith("newpar") for key in comments)
        made.put(made.gap if made.gap is not None else "\n" if paragraph else " ")
    begin, first = made.size, len(meta["tokens"])
    made.gap, shared, until = "", (0, 0), 0  # the words up to `until` share a span
    for row in rows:
        if row.kind == "empty":
            meta["empty"].append([len(meta["tokens"]), "\t".join(row.cells)])
            continue
        number = int(row.number.partition("-")[0])
        if row.kind == "multiword" or number > until:
            gap, misc = after(row.cells[9])
            lead = before(row.cells[9])
            if made.size > begin:
                made.put(" " if made.gap is None else made.gap)
            elif lead and not first:
                made.put(lead)
                begin = made.size
            shared = (made.size, made.size + len(row.cells[1]))
            made.put(row.cells[1])
            made.gap = gap
            if row.kind == "multiword":
                until = int(row.number.partition("-")[2])
                meta["multiword"].append([first + number - 1, first + until, misc])
        if row.kind == "word":
            _word(row, shared, meta)
    meta["sentences"].append([begin, made.size])
    meta["sentence_ids"].append(comments.get("sent_id"))


def _word(row: Row, span: tuple[int, int], meta: dict[str, list[Any]]) -> None:
    meta["tokens"].append(span)
    meta["forms"].append(row.cells[1])
    for column, value in zip((*COLUMNS, "misc"), [*row.cells[2:9], after(row.cells[9])[1]], strict=True):
        told = None if value == NOTHING and not (column == "lemmas" and row.cells[1] == NOTHING) else value
        meta[column].append(int(told) if column == "heads" and told is not None else told)
