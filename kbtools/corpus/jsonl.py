"""JSON Lines: an object a line, with the text in one of its fields.

Other fields ride in `meta`, as they stand. A document without an id is called `file:line`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from kbtools.config import setting
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
from kbtools.corpus.base import Document, Part, Report, batches
from kbtools.io import open_stream
from kbtools.io.inputs import local

Fields = dict[str, msgspec.Raw]

FIELDS = msgspec.json.Decoder(Fields)
STRING = msgspec.json.Decoder(str)
OPTIONAL = msgspec.json.Decoder(str | None)
ID = msgspec.json.Decoder(str | int | None)
NULL = msgspec.Raw(b"null")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the fields are called."""

    text: str = setting("The field that holds the text.", "text")
    id: str = setting("The field that names the document.", "id")
    lang: str = setting("The field that names its language.", "lang")
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


FORMAT = Jsonl()


def _documents(part: LinesPart, settings: Settings, folder: Path, report: Report) -> Iterator[Document]:
    for block in blocks(part, folder):
        for number, byte, line in lines(block):
            try:
                found = _document(FIELDS.decode(line), settings)
            except UnicodeDecodeError:
                report.reject(part.file, "not UTF-8", line=number, byte=byte, text=line)
            except RecursionError:
                report.reject(part.file, "JSON nested too deeply", line=number, byte=byte, text=line)
            except msgspec.DecodeError as error:
                report.reject(part.file, _reason(error), line=number, byte=byte, text=line)
            else:
                yield found if found.doc_id else found._replace(doc_id=f"{part.file}:{number}")


def _document(found: Fields, settings: Settings) -> Document:
    text = _value(STRING, found, settings.text)
    name = _value(ID, found, settings.id)
    lang = _value(OPTIONAL, found, settings.lang)
    meta = None
    if settings.meta and found:
        meta = msgspec.json.encode(found).decode()
    return Document("" if name is None else str(name), text, lang, meta)


def _value(decoder: msgspec.json.Decoder[Any], found: Fields, name: str) -> Any:
    """Take a field out; say which it is if it does not fit."""
    try:
        return decoder.decode(found.pop(name, NULL))
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"field {name!r}: {error}") from None


def _reason(error: msgspec.DecodeError) -> str:
    what = str(error)
    if isinstance(error, msgspec.ValidationError):
        return what[:1].lower() + what[1:] if what.startswith("Expected") else what
    return what if what.startswith("JSON") else f"JSON is malformed: {what}"
