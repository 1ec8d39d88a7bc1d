r"""PubTator: `id|t|title`, `id|a|abstract`, then a mention or a relation a line; a blank line ends it.

    1234|t|A title.
    1234|a|An abstract.
    1234<tab>2<tab>7<tab>title<tab>Type<tab>MESH:D000001
    1234<tab>Relation<tab>D000001<tab>D000002

The text is title, line end, abstract: the joint counts as one character, as PubTator counts it. An id of -1
or nothing means that the concept is in no vocabulary; a line without the field tells only the type. Relations
ride in `meta.relations`. Ids: see `_concepts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar

import msgspec
import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus._concepts import Concept, concept, written
from kbtools.corpus._offsets import HELP, Span, Units, fitted
from kbtools.corpus._streams import StreamedFiles, lines_in, streams
from kbtools.corpus._whole import UTF16, FilesPart
from kbtools.corpus.base import LONGEST, Document, Link, Report
from kbtools.errors import KbError, SourceError

TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
NUMBER = re.compile(r"-?\d{1,18}")
BLANKS = str.maketrans("\t\n\r", "   ")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How offsets and ids are read."""

    offsets: Units = setting(HELP, "auto")
    kb: str | None = setting("Whose the ids are that do not say it.", None)
    lang: str | None = setting("The language of the texts.", "en")


@dataclass
class Record:
    """The lines of a document."""

    id: str
    line: int
    title: str | None = None
    abstract: str | None = None
    bad: bool = False  # a part of its text cannot be read
    spans: list[Span] = field(default_factory=list)
    told: list[tuple[str, str | None]] = field(default_factory=list)  # type and id of each span
    relations: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0


class PubTator(StreamedFiles):
    """Reads and writes PubTator."""

    suffixes: ClassVar[Sequence[str]] = (".pubtator",)
    below: ClassVar[Sequence[str]] = (".pubtator", ".txt")
    example: ClassVar[str] = "pubtator:train.txt"
    settings: ClassVar[type] = Settings

    def found(self, part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the documents; a line that cannot be used costs no other."""
        for name, stream in streams(part, report):
            try:
                for record in _records(name, lines_in(stream.chunks(), name), report):
                    yield _document(name, record, settings, report)
            except SourceError as error:
                report.reject(name, error.what, line=error.line, byte=error.byte)

    def write(self, documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
        """Write documents: what stands before the first line end is the title.

        Line ends and tabs of texts become spaces. Of meta, only relations are written.
        """
        for batch in documents:
            for row in batch.to_pylist():
                file.write("".join(f"{line}\n" for line in (*_lines(row), "")).encode())


FORMAT = PubTator()


def _records(name: str, lines: Iterable[tuple[int, int, bytes]], report: Report) -> Iterator[Record]:
    """Gather the lines of each document."""
    record: Record | None = None
    for number, byte, data in lines:
        if number == 1 and data.startswith(UTF16):
            report.reject(name, "UTF-16; make it UTF-8 first: iconv -f UTF-16 -t UTF-8", byte=0)
            return
        try:
            line, broken = data.decode(), False
        except UnicodeDecodeError:
            line, broken = data.decode("utf-8", "replace"), True
            report.reject(name, "not UTF-8", line=number, byte=byte, text=data)
        text = TEXT.fullmatch(line)
        if record and (not line.strip() or (text and text[2] == "t") or (text and text[1] != record.id)):
            yield from _whole(name, record, report)
            record = None
        if text:
            record = record or Record(text[1], number)
            record.bad |= broken
        elif not line.strip() or broken:
            continue
        what = _add(record, line, number, text)
        if what:
            report.reject(name, what, line=number, byte=byte, text=data)
    if record:
        yield from _whole(name, record, report)


def _whole(name: str, record: Record, report: Report) -> Iterator[Record]:
    if record.bad or record.size > LONGEST:
        what = "its text is not UTF-8" if record.bad else f"has more than {LONGEST >> 20} MiB"
        report.reject(name, f"document {record.id} is left out: {what}", line=record.line)
    else:
        yield record


def _add(record: Record | None, line: str, number: int, text: re.Match[str] | None) -> str | None:
    """Put a line where it belongs; return what is wrong with it."""
    if record is None:
        return "no document begins here: ID|t|TITLE is missing"
    record.size += len(line)
    if record.size > LONGEST:
        return None
    if not text:
        return _add_mention(record, line, number)
    if text[2] == "t":
        record.title = text[3]
    elif record.abstract is None:
        record.abstract = text[3]
    else:
        return "a second abstract"
    return None


def _add_mention(record: Record, line: str, number: int) -> str | None:
    own, *fields = line.split("\t")
    if own != record.id:
        return f"a line of {own[:40]!r} in the document {record.id!r}"
    if len(fields) >= 4 and NUMBER.fullmatch(fields[0]) and NUMBER.fullmatch(fields[1]):
        record.spans.append(Span(int(fields[0]), int(fields[1]), fields[2], number))
        record.told.append((fields[3], fields[4] if len(fields) > 4 else None))
    elif len(fields) >= 3 and not NUMBER.fullmatch(fields[0]):
        record.relations.append({"type": fields[0], "args": fields[1:]})
    else:
        return "neither a mention nor a relation"
    return None


def _document(name: str, record: Record, settings: Settings, report: Report) -> Document:
    title, abstract = record.title or "", record.abstract
    text = f"{title}\n{abstract}" if abstract else title
    places = fitted(text, record.spans, settings.offsets, report, name)
    links = []
    for place, (kind, told) in zip(places, record.told, strict=True):
        if place:
            found = Concept(None) if told is None else concept(told, kind, settings.kb)
            links.append(
                Link(*place, found.id, found.kb, "ner" if told is None else "gold", kind or None, *found[2:])
            )
    meta: dict[str, Any] = {"title": title} if title else {}
    meta |= {"relations": record.relations} if record.relations else {}
    return Document(
        record.id, text, settings.lang, msgspec.json.encode(meta).decode() if meta else None, links
    )


def _lines(row: dict[str, Any]) -> Iterator[str]:
    own, text = row["doc_id"], row["text"]
    if not TEXT.fullmatch(f"{own}|t|") or "\n" in own or "\r" in own:
        raise KbError(f"document {own!r}: PubTator has no ids with a bar, a tab or a line end; write jsonl")
    title, joint, abstract = text.partition("\n")
    yield f"{own}|t|{title.translate(BLANKS)}"
    if joint:
        yield f"{own}|a|{abstract.translate(BLANKS)}"
    for link in row["links"] or []:
        extra = msgspec.json.decode(link["extra"] or "{}", type=dict[str, Any])
        surface = text[link["start"] : link["end"]].translate(BLANKS)
        fields = [own, str(link["start"]), str(link["end"]), surface, link["type"] or ""]
        if link["kind"] != "ner":
            fields.append(written(link, extra, f"document {own!r}"))
        yield "\t".join(fields)
    meta = msgspec.json.decode(row["meta"] or "{}", type=dict[str, Any])
    for relation in meta.get("relations") or []:
        yield "\t".join([own, relation["type"], *relation["args"]])
