"""Files that are read one by one, each as a whole: for formats that cannot be entered in the middle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from kbtools.corpus._files import BOM, as_part, files_of, has_files, identities, name_in
from kbtools.corpus.base import LONGEST, PIECE, Document, Part, Report, batches
from kbtools.io import open_stream
from kbtools.io.inputs import local

MOST = 4096  # files in a piece
UTF16 = (b"\xff\xfe", b"\xfe\xff")


class FilesPart(msgspec.Struct, frozen=True, kw_only=True):
    """Some files that follow each other."""

    path: str  # of the corpus
    files: list[str]


class WholeFiles:
    """A format whose files are read whole: what differs is `documents`."""

    suffixes: ClassVar[Sequence[str]] = ()  # that tell the format
    below: ClassVar[Sequence[str]] = ()  # of the files taken in a folder, if others than `suffixes`

    def recognises(self, path: str) -> bool:
        """Tell whether a folder holds such files."""
        return bool(self.suffixes) and has_files(path, self.suffixes)

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Identify the files."""
        return identities(path, self.below or self.suffixes)

    def plan(self, path: str, settings: Any, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Put files together by their size."""
        return plan_files(path, self.below or self.suffixes)

    def read(self, part: Any, settings: Any, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Read the files one by one."""
        return batches(self._documents(as_part(FilesPart, part), settings, report), report)

    def documents(self, name: str, text: str, settings: Any, report: Report) -> Iterator[Document]:
        """Yield the documents of a file; `name` is what rejects call it. Line ends are as in the file."""
        raise NotImplementedError

    def _documents(self, part: FilesPart, settings: Any, report: Report) -> Iterator[Document]:
        for name, data in contents(part, report):
            if (text := decoded(name, data, report)) is not None:
                yield from self.documents(name, text, settings, report)


def plan_files(path: str, suffixes: Sequence[str]) -> Iterator[Part]:
    """Put files together by their size."""
    held: list[str] = []
    size = 0
    for file in files_of(path, suffixes):
        held.append(file)
        size += _size(file)
        if size >= PIECE or len(held) == MOST:
            yield Part(msgspec.to_builtins(FilesPart(path=path, files=held)))
            held, size = [], 0
    if held:
        yield Part(msgspec.to_builtins(FilesPart(path=path, files=held)))


def contents(part: FilesPart, report: Report) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each file that is not too long; an empty one is a file, too."""
    for file in part.files:
        name = name_in(part.path, file)
        data = _read(file, name, report)
        if len(data) > LONGEST:
            what = f"a document of more than {LONGEST >> 20} MiB; with document=line each line is one"
            report.reject(name, what, text=data[:100])
        else:
            yield name, data


def decoded(name: str, data: bytes, report: Report) -> str | None:
    """Decode a file; tell what is wrong with one that is not UTF-8."""
    if data.startswith(UTF16):
        report.reject(name, "UTF-16; make it UTF-8 first: iconv -f UTF-16 -t UTF-8", byte=0)
        return None
    try:
        return data.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        at = error.start + (len(BOM) if data.startswith(BOM) else 0)
        line = data.count(b"\n", 0, at) + 1
        report.reject(name, "not UTF-8", line=line, byte=at, text=data[max(0, at - 40) : at + 40])
    return None


def _size(file: str) -> int:
    here = local(file)
    return Path(here).stat().st_size if here and Path(here).is_file() else 0


def _read(file: str, name: str, report: Report) -> bytes:
    here = local(file)
    if here and Path(here).is_file() and not _size(file):
        return b""
    with open_stream(file) as stream:
        data = stream.read(LONGEST + 1)
        if stream.damage:
            report.damaged(name, stream.damage)
    return data
