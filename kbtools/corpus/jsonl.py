"""JSON Lines: an object a line, with the text in one of its fields.

Other fields ride in `meta`, as they stand; a field `meta` that is an object and has no others beside it is
all of it. A document without an id is called `file:line`. Links: see `_mentions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

import msgspec
import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus import _mentions
from kbtools.corpus._files import (
    LinesPart,
    as_part,
    blocks,
    files_of,
    has_files,
    identities,
    lines,
    plan_lines,
)
from kbtools.corpus._json_lines import reason
from kbtools.corpus._offsets import HELP, Units
from kbtools.corpus.base import Document, Part, Report, batches
from kbtools.io import open_stream
from kbtools.io.inputs import local

Fields = dict[str, msgspec.Raw]

FIELDS = msgspec.json.Decoder(Fields)
STRING = msgspec.json.Decoder(str)
OPTIONAL = msgspec.json.Decoder(str | None)
ID = msgspec.json.Decoder(str | int | None)
LINKS = msgspec.json.Decoder(list[msgspec.Raw] | None)
NULL = msgspec.Raw(b"null")
SPACES = {10: " ", 13: " "}  # JSON has line ends between its tokens only


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the fields are called."""

    text: str = setting("The field that holds the text.", "text")
    id: str = setting("The field that names the document.", "id")
    lang: str = setting("The field that names its language.", "lang")
    links: str | None = setting("The field that holds the links; none: they are not read.", "mentions")
    offsets: Units = setting(HELP, "auto")
    meta: bool = setting("Keep the other fields.", True)


class Jsonl:
    """Reads .jsonl."""

    suffixes: ClassVar[Sequence[str]] = (".jsonl", ".ndjson")
    example: ClassVar[str] = "news.jsonl.gz"
    settings: ClassVar[type] = Settings

    def recognises(self, path: str) -> bool:
        """Tell whether a folder holds such files."""
        return has_files(path, self.suffixes)

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Identify the files; refuse those that cannot be read."""
        if local(path) and not Path(path).is_fifo():
            for file in files_of(path, self.suffixes):
                open_stream(file).close()
        return identities(path, self.suffixes)

    def plan(self, path: str, settings: Settings, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Cut the files into ranges of lines."""
        return plan_lines(path, self.suffixes, folder, room, report)

    def read(self, part: Any, settings: Settings, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Decode line by line: one that is not JSON must not cost its neighbours."""
        return batches(_documents(as_part(LinesPart, part), settings, folder, report), report)

    def write(self, documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
        """Write a document a line, its fields called as the settings are by default."""
        for batch in documents:
            for row in batch.to_pylist():
                file.write(_line(row))


FORMAT = Jsonl()


def _documents(part: LinesPart, settings: Settings, folder: Path, report: Report) -> Iterator[Document]:
    for block in blocks(part, folder):
        for number, byte, line in lines(block):
            found = document_of(line, settings, report, file=part.file, number=number, byte=byte)
            if found is not None:
                yield found


def document_of(
    line: bytes, settings: Settings, report: Report, *, file: str, number: int, byte: int | None = None
) -> Document | None:
    """Decode one line; tell `report` what is wrong with one that is no document."""
    try:
        found = FIELDS.decode(line)
        links = _links(found, settings)
        document = _document(found, settings)
        if links is not None:
            read = _mentions.read(links, document.text, settings.offsets, report, file=file, line=number)
            document = document._replace(links=read)
    except UnicodeDecodeError:
        report.reject(file, "not UTF-8", line=number, byte=byte, text=line)
    except RecursionError:
        report.reject(file, "JSON nested too deeply", line=number, byte=byte, text=line)
    except msgspec.DecodeError as error:
        report.reject(file, reason(error), line=number, byte=byte, text=line)
    else:
        return document if document.doc_id else document._replace(doc_id=f"{file}:{number}")
    return None


def _document(found: Fields, settings: Settings) -> Document:
    text = _value(STRING, found, settings.text)
    name = _value(ID, found, settings.id)
    lang = _value(OPTIONAL, found, settings.lang)
    meta = None
    if settings.meta and found:
        all_else = found["meta"] if _holds_all(found) else found
        meta = msgspec.json.encode(all_else).decode()
    return Document("" if name is None else str(name), text, lang, meta)


def _holds_all(found: Fields) -> bool:
    """Tell whether the only field left is a `meta` with fields of its own."""
    told = bytes(found["meta"]) if found.keys() == {"meta"} else b""
    return told.startswith(b"{") and bool(FIELDS.decode(told))


def _links(found: Fields, settings: Settings) -> list[msgspec.Raw] | None:
    if settings.links is None or settings.links not in found:
        return None
    try:
        told: list[msgspec.Raw] | None = _value(LINKS, found, settings.links)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"{error}; set links=none if it holds no links") from None
    return told


def _line(row: dict[str, Any]) -> bytes:
    """Write a document; its meta goes into the fields, or into one where they would be mistaken."""
    told: dict[str, Any] = {"id": row["doc_id"], "text": row["text"]}
    if row["lang"] is not None:
        told["lang"] = row["lang"]
    if row["links"] is not None:
        told["mentions"] = _mentions.written(row["links"])
    if row["meta"] is not None:
        meta = FIELDS.decode(row["meta"].translate(SPACES))
        plain = meta.keys().isdisjoint(("id", "text", "lang", "mentions", "meta"))
        told |= meta if plain else {"meta": meta}
    return msgspec.json.encode(told) + b"\n"


def _value(decoder: msgspec.json.Decoder[Any], found: Fields, name: str) -> Any:
    """Take a field out; say which it is if it does not fit."""
    try:
        return decoder.decode(found.pop(name, NULL))
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"field {name!r}: {error}") from None
