"""The records of BioC, from XML as from JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any

import msgspec

from kbtools.corpus._files import BOM
from kbtools.corpus._streams import lines_in, streams, trees_in
from kbtools.corpus._whole import UTF16, FilesPart
from kbtools.corpus.base import LONGEST, Report
from kbtools.errors import SourceError
from kbtools.io import Stream
from kbtools.io.markup import Element, Take

HEAD = 1 << 12
RAW = msgspec.json.Decoder(msgspec.Raw)
FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
LIST = msgspec.json.Decoder(list[msgspec.Raw])
HOLDERS = ("documents", "PubTator3", "collection")  # fields of JSON that hold documents

Offset = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
Id = str | int | None
Infons = dict[str, Any]


class Location(msgspec.Struct):
    """Where a part of a mention stands."""

    offset: Offset
    length: Offset


class Annotation(msgspec.Struct):
    """A mention."""

    id: Id = None
    infons: Infons = {}
    text: str | None = None
    locations: list[Location] = []


class Node(msgspec.Struct):
    """A part of a relation."""

    refid: Id = None
    role: str | None = None


class Relation(msgspec.Struct):
    """How annotations hang together."""

    id: Id = None
    infons: Infons = {}
    nodes: list[Node] = []


class Passage(msgspec.Struct):
    """A passage, or a sentence of one."""

    offset: Offset = 0
    infons: Infons = {}
    text: str | None = None
    sentences: list[Passage] = []
    annotations: list[Annotation] = []
    relations: list[Relation] = []


class Record(msgspec.Struct):
    """A document."""

    id: Id = None
    infons: Infons = {}
    passages: list[Passage] = []
    annotations: list[Annotation] = []
    relations: list[Relation] = []


def records(part: FilesPart, report: Report) -> Iterator[tuple[str, int | None, Record]]:
    """Yield the documents of each file with its name and their line, where there are lines."""
    for name, stream in streams(part, report):
        head = stream.read(HEAD)
        if head.startswith(UTF16) or head.removeprefix(BOM).lstrip().startswith(b"<"):
            for _, element in trees_in(name, stream, _take, report, head=head):
                try:
                    record = msgspec.convert(_of_element(element), Record, strict=False)
                except msgspec.ValidationError as error:
                    what = f"document {_told(element, 'id')}: {error}"
                    report.reject(name, what, line=element.line + 1, byte=element.byte)
                else:
                    yield name, element.line + 1, record
        else:
            yield from ((name, *found) for found in _of_json(name, head, stream, report))


def _take(_depth: int, tag: str) -> Take:
    return "whole" if tag == "document" else None


def _told(element: Element, tag: str) -> str | None:
    found = element.first(tag)
    return None if found is None else found.own


def _of_element(element: Element) -> dict[str, Any]:
    """Lay out a document, passage, sentence, annotation or relation as JSON has it."""
    found: dict[str, Any] = dict(element.at)
    found["infons"] = {one.at.get("key", ""): one.own for one in element.all("infon")}
    for tag in ("passage", "sentence", "annotation", "relation"):
        found[f"{tag}s"] = [_of_element(one) for one in element.all(tag)]
    found["locations"] = [one.at for one in element.all("location")]
    found["nodes"] = [one.at for one in element.all("node")]
    for tag in ("id", "offset", "text"):
        if (told := _told(element, tag)) is not None:
            found[tag] = told if tag == "text" else told.strip()
    return found


def _of_json(name: str, head: bytes, stream: Stream, report: Report) -> Iterator[tuple[int | None, Record]]:
    """Read JSON: a line at a time if the first line stands for itself, else as a whole."""
    held: list[bytes] = []  # lines that make sense only together
    size = 0
    try:
        for number, byte, line in lines_in(chain([head], stream.chunks()), name):
            if held:
                held.append(line)
                size += len(line)
                if size > LONGEST:
                    raise SourceError(
                        f"JSON of more than {LONGEST >> 20} MiB; write a document a line", path=name
                    )
            elif line.strip():
                if number == 1 and not _is_json(line):
                    held.append(line)
                else:
                    yield from _spread(name, line, number, byte, report)
    except SourceError as error:
        report.reject(name, error.what, line=error.line, byte=error.byte)
        return
    if held and (_is_json(b"\n".join(held)) or not any(map(_is_json, held[1:]))):
        yield from _spread(name, b"\n".join(held), None, 0, report)
    else:  # it was only the first line that is damaged
        for number, line in enumerate(held, 1):
            if line.strip():
                yield from _spread(name, line, number, None, report)


def _is_json(data: bytes) -> bool:
    """Tell whether this is an object or a list."""
    try:
        return data.lstrip()[:1] in (b"{", b"[") and bool(RAW.decode(data))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False


def _spread(
    name: str, data: bytes | msgspec.Raw, line: int | None, byte: int | None, report: Report
) -> Iterator[tuple[int | None, Record]]:
    """Yield the documents in a piece of JSON, however they are wrapped."""
    waiting = [msgspec.Raw(data)]
    while waiting:
        raw = waiting.pop()
        try:
            if bytes(raw).lstrip().startswith(b"["):
                waiting += reversed(LIST.decode(raw))
                continue
            fields = FIELDS.decode(raw)
            if holder := next((key for key in HOLDERS if key in fields), None):
                waiting.append(fields[holder])
                continue
            if "passages" not in fields:
                raise msgspec.ValidationError("neither a collection of BioC nor a document: no `passages`")
            yield line, msgspec.json.decode(raw, type=Record, strict=False)
        except UnicodeDecodeError:
            report.reject(name, "not UTF-8", line=line, byte=byte, text=bytes(raw))
        except RecursionError:
            report.reject(name, "JSON nested too deeply", line=line, byte=byte, text=bytes(raw)[:1000])
        except msgspec.DecodeError as error:
            report.reject(name, str(error), line=line, byte=byte, text=bytes(raw)[:1000])
