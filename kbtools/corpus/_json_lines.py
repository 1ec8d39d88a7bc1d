"""JSON records, a line each, whichever way the file was laid out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import msgspec
import pyarrow as pa

from kbtools.corpus._files import LinesPart, as_part, blocks, identities, lines, plan_lines
from kbtools.corpus.base import Document, Part, Report, batches

AROUND = b", \t\r"  # of an element of an array
UNKNOWN = rb"\ufffd"
_ESCAPE = re.compile(  # a pair of surrogates, one alone (the group), or any other character
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
BRACKETS = {b"[", b"]", b"", b"[]"}


class Record(NamedTuple):
    """What a line holds, and where it stands; `line` is None where the file was not laid out in lines."""

    found: Any
    line: int | None
    byte: int
    data: bytes


class JsonLines:
    """A format of JSON records that its suffix does not tell: what differs is `documents`."""

    suffixes: ClassVar[Sequence[str]] = ()  # .jsonl says too little
    below: ClassVar[Sequence[str]] = (".jsonl",)
    layout: ClassVar[str] = "lines"  # json: a record may take several lines, or be an element of an array

    def recognises(self, path: str) -> bool:
        """Tell that no folder is taken for it by itself."""
        return False

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Identify the files."""
        return identities(path, self.below)

    def plan(self, path: str, settings: Any, folder: Path, room: str, report: Report) -> Iterator[Part]:
        """Cut the files into ranges of lines."""
        return plan_lines(path, self.below, folder, room, report, layout=self.layout)

    def read(self, part: Any, settings: Any, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        """Decode record by record: one that is wrong must not cost its neighbours."""
        return batches(self.documents(as_part(LinesPart, part), settings, folder, report), report)

    def documents(self, part: LinesPart, settings: Any, folder: Path, report: Report) -> Iterator[Document]:
        """Yield the documents of a range of lines."""
        raise NotImplementedError


def records(
    part: LinesPart, folder: Path, report: Report, decoder: msgspec.json.Decoder[Any]
) -> Iterator[Record]:
    """Decode line by line, also the elements of an array: one that is wrong must not cost its neighbours."""
    for block in blocks(part, folder):
        for number, byte, told in lines(block):
            data, line = told.strip(AROUND), number if part.range.numbered else None
            if data in BRACKETS:
                continue
            try:
                yield Record(_decoded(data, decoder, report), line, byte, data)
            except UnicodeDecodeError:
                report.reject(part.file, "not UTF-8", line=line, byte=byte, text=data)
            except RecursionError:
                report.reject(part.file, "JSON nested too deeply", line=line, byte=byte, text=data)
            except msgspec.DecodeError as error:
                report.reject(part.file, reason(error), line=line, byte=byte, text=data)


def _decoded(data: bytes, decoder: msgspec.json.Decoder[Any], report: Report) -> Any:
    """Decode a record; half of a pair of surrogates, which other programs do write, becomes U+FFFD."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        whole = _ESCAPE.sub(lambda found: UNKNOWN if found[1] else found[0], data)
        if whole == data:
            raise
        made = decoder.decode(whole)
        report.counts["records with lone surrogates"] += 1
        return made


def reason(error: msgspec.DecodeError) -> str:
    """Say what is wrong with JSON."""
    what = str(error)
    if isinstance(error, msgspec.ValidationError):
        return what[:1].lower() + what[1:] if what.startswith("Expected") else what
    return what if what.startswith("JSON") else f"JSON is malformed: {what}"
