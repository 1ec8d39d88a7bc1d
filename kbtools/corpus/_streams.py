"""Files that are read from front to back, one by one, with many documents in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from kbtools.corpus._files import BOM, as_part, name_in
from kbtools.corpus._whole import FilesPart, WholeFiles
from kbtools.corpus.base import LONGEST, Document, Report, batches
from kbtools.errors import SourceError
from kbtools.io import Stream, open_stream
from kbtools.io.inputs import local
from kbtools.io.markup import NOTHING, Element, Take, Trees


class StreamedFiles(WholeFiles):
    """A format whose files are streams of documents: what differs is `found`."""

    def read(self, part: Any, settings: Any, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Read the files one by one."""
        return batches(self.found(as_part(FilesPart, part), settings, report), report)

    def found(self, part: FilesPart, settings: Any, report: Report) -> Iterator[Document]:
        """Yield the documents of some files."""
        raise NotImplementedError


def streams(part: FilesPart, report: Report) -> Iterator[tuple[str, Stream]]:
    """Open the files one after another; what ends one of them costs no other."""
    for file in part.files:
        name = name_in(part.path, file)
        if empty(file):
            report.reject(name, "is empty; is the download complete?")
            continue
        with open_stream(file) as stream:
            yield name, stream
            if stream.damage:
                report.damaged(name, stream.damage)


def empty(file: str) -> bool:
    """Tell whether a file on this machine has no bytes."""
    here = local(file)
    return bool(here) and Path(here or file).is_file() and not Path(here or file).stat().st_size


def lines_in(chunks: Iterable[bytes], name: str) -> Iterator[tuple[int, int, bytes]]:
    """Yield the lines of a file: their numbers from 1, where they begin, and what they hold but the end."""
    held: list[bytes] = []
    size = byte = 0
    number = 1
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            if held:
                line = b"".join((*held, line))  # noqa: PLW2901
                held, size = [], 0
            yield number, byte, _plain(line, byte)
            number, byte = number + 1, byte + len(line) + 1
        held.append(rest)
        size += len(rest)
        if size > LONGEST:
            raise SourceError(f"a line of more than {LONGEST >> 20} MiB", path=name, line=number, byte=byte)
    if rest := b"".join(held):
        yield number, byte, _plain(rest, byte)


def _plain(line: bytes, byte: int) -> bytes:
    return (line if byte else line.removeprefix(BOM)).removesuffix(b"\r")


def trees_in(
    name: str,
    stream: Stream,
    take: Callable[[int, str], Take],
    report: Report,
    *,
    head: bytes = b"",
    known: Mapping[str, str] = NOTHING,
) -> Iterator[tuple[str, Element]]:
    """Yield the elements that `take` wants from a file; where it stops being XML goes to `report`.

    `head` is what was read of it before.
    """
    reader = Trees(name, take, known)
    any_found = False
    try:
        for element in reader.read(chain([head], stream.chunks())):
            any_found = True
            yield name, element
    except SourceError as error:
        report.reject(name, error.what, line=error.line, byte=error.byte)
        return
    if reader.unknown:
        line, byte, entity = reader.unknown[0]
        what = f"the entity {entity!r} and maybe others are not declared: their text is missing"
        report.reject(name, what, line=line + 1, byte=byte)
    if reader.broken and not stream.damage:
        report.reject(name, reader.broken.reason, line=reader.broken_line + 1, byte=reader.broken.byte)
    elif not any_found and not stream.damage:
        report.reject(name, "is XML, but of another format: there is no document in it")
