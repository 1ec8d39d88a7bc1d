"""Plain text: a file is a document, or a line is one.

A folder stands for every .txt file below it, sorted by path. Texts stay as they are, line ends and all, but
for a byte order mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus._files import (
    BOM,
    LinesPart,
    as_part,
    blocks,
    files_of,
    has_files,
    identities,
    lines,
    name_in,
    plan_lines,
)
from kbtools.corpus.base import LONGEST, PIECE, Document, Part, Report, batches
from kbtools.io import open_stream
from kbtools.io.inputs import local

UTF16 = (b"\xff\xfe", b"\xfe\xff")
MOST = 4096  # files in a piece


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a document is."""

    document: Literal["file", "line"] = setting("Whether a file is a document, or each of its lines.", "file")
    lang: str | None = setting("The language of the texts.", None)


class FilesPart(msgspec.Struct, frozen=True, kw_only=True):
    """Some files that follow each other."""

    path: str  # of the corpus
    files: list[str]


class Text:
    """Reads .txt."""

    suffixes: ClassVar[Sequence[str]] = (".txt",)
    example: ClassVar[str] = "books/"
    settings: ClassVar[type] = Settings

    def recognises(self, path: str) -> bool:
        """Tell whether a folder holds such files."""
        return has_files(path, self.suffixes)

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Identify the files."""
        return identities(path, self.suffixes)

    def plan(self, path: str, settings: Settings, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Put files together by their size, or cut them into ranges of lines."""
        if settings.document == "line":
            yield from plan_lines(path, self.suffixes, folder, room, report)
            return
        held: list[str] = []
        size = 0
        for file in files_of(path, self.suffixes):
            held.append(file)
            size += _size(file)
            if size >= PIECE or len(held) == MOST:
                yield Part(msgspec.to_builtins(FilesPart(path=path, files=held)))
                held, size = [], 0
        if held:
            yield Part(msgspec.to_builtins(FilesPart(path=path, files=held)))

    def read(self, part: Any, settings: Settings, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Read the files, or the lines."""
        if settings.document == "line":
            return batches(_lines(as_part(LinesPart, part), settings, folder, report), report)
        return batches(_files(as_part(FilesPart, part), settings, report), report)


FORMAT = Text()


def _size(file: str) -> int:
    here = local(file)
    return Path(here).stat().st_size if here and Path(here).is_file() else 0


def _files(part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
    for file in part.files:
        name = name_in(part.path, file)
        data = _contents(file, name, report)
        if len(data) > LONGEST:
            what = f"a document of more than {LONGEST >> 20} MiB; with document=line each line is one"
            report.reject(name, what, text=data[:100])
        elif data.startswith(UTF16):
            report.reject(name, "UTF-16; make it UTF-8 first: iconv -f UTF-16 -t UTF-8", byte=0)
        else:
            try:
                yield Document(name, data.removeprefix(BOM).decode(), settings.lang)
            except UnicodeDecodeError as error:
                at = error.start + (len(BOM) if data.startswith(BOM) else 0)
                line = data.count(b"\n", 0, at) + 1
                report.reject(name, "not UTF-8", line=line, byte=at, text=data[max(0, at - 40) : at + 40])


def _contents(file: str, name: str, report: Report) -> bytes:
    """Read a file; an empty one is a document, too."""
    here = local(file)
    if here and Path(here).is_file() and not _size(file):
        return b""
    with open_stream(file) as stream:
        data = stream.read(LONGEST + 1)
        if stream.damage:
            report.damaged(name, stream.damage)
    return data


def _lines(part: LinesPart, settings: Settings, folder: Path, report: Report) -> Iterator[Document]:
    for block in blocks(part, folder):
        for number, byte, line in lines(block):
            try:
                yield Document(f"{part.file}:{number}", line.decode(), settings.lang)
            except UnicodeDecodeError:
                report.reject(part.file, "not UTF-8", line=number, byte=byte, text=line)
