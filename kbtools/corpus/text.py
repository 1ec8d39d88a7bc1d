"""Plain text: a file is a document, or a line is one.

A folder stands for every .txt file below it, sorted by path. Texts stay as they are, line ends and all, but
for a byte order mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa

from kbtools.config import setting
from kbtools.corpus._files import LinesPart, as_part, blocks, has_files, identities, lines, plan_lines
from kbtools.corpus._whole import FilesPart, contents, decoded, plan_files
from kbtools.corpus.base import Document, Part, Report, batches


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a document is."""

    document: Literal["file", "line"] = setting("Whether a file is a document, or each of its lines.", "file")
    lang: str | None = setting("The language of the texts.", None)


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
        yield from plan_files(path, self.suffixes)

    def read(self, part: Any, settings: Settings, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Read the files, or the lines."""
        if settings.document == "line":
            return batches(_lines(as_part(LinesPart, part), settings, folder, report), report)
        return batches(_files(as_part(FilesPart, part), settings, report), report)


FORMAT = Text()


def _files(part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
    for name, data in contents(part, report):
        if (text := decoded(name, data, report)) is not None:
            yield Document(name, text, settings.lang)


def _lines(part: LinesPart, settings: Settings, folder: Path, report: Report) -> Iterator[Document]:
    for block in blocks(part, folder):
        for number, byte, line in lines(block):
            try:
                yield Document(f"{part.file}:{number}", line.decode(), settings.lang)
            except UnicodeDecodeError:
                report.reject(part.file, "not UTF-8", line=number, byte=byte, text=line)
