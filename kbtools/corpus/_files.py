"""The files of a corpus, and their lines in pieces."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kbtools.artefact import digest
from kbtools.corpus.base import PIECE, Part, Report
from kbtools.errors import SourceError
from kbtools.io import Block, Blocks, Dump
from kbtools.io import Piece as Range
from kbtools.io.inputs import Input, is_url, local

CONTAINERS = (".gz", ".bz2", ".zst", ".xz")
BOM = b"\xef\xbb\xbf"


def suffix_of(path: str) -> str:
    """Return the suffix that tells the format, without that of a container.

    >>> suffix_of("news/2020.jsonl.gz"), suffix_of("README")
    ('.jsonl', '')
    """
    name = Path(path)
    return (name.with_suffix("") if name.suffix.lower() in CONTAINERS else name).suffix.lower()


def has_files(path: str, suffixes: Sequence[str]) -> bool:
    """Tell whether a folder holds files with one of these suffixes."""
    return Path(path).is_dir() and next(_walk(path, suffixes), None) is not None


def files_of(path: str, suffixes: Sequence[str]) -> list[str]:
    """Return the file that a path names, or those below the folder, sorted by their paths in it."""
    if not Path(path).is_dir():
        return [path]
    found = sorted(_walk(path, suffixes))
    if not found:
        raise SourceError(f"a folder without {' or '.join(suffixes)} files", path=path)
    return [str(Path(path, name)) for name in found]


def _walk(path: str, suffixes: Sequence[str]) -> Iterator[str]:
    """Yield the files below a folder by their paths in it; hidden ones are passed over."""
    for folder, below, names in os.walk(path):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and suffix_of(name) in suffixes:
                yield Path(folder, name).relative_to(path).as_posix()


def identities(path: str, suffixes: Sequence[str]) -> list[tuple[str, str, str]]:
    """Identify a file by what it holds, a folder by its files; a URL by itself, a stream not at all."""
    if local(path) is None:
        return [(path, "corpus", f"url {path}" if is_url(path) else f"stream {time.time_ns()}")]
    here = Path(local(path) or path)
    if not here.is_dir():
        if here.exists() and not here.is_file():
            return [(path, "corpus", f"stream {time.time_ns()}")]
        Input(path).close()  # says what is wrong
        return [(path, "corpus", digest.of_dump(here))]
    told = [[Path(file).relative_to(here).as_posix(), digest.of_dump(Path(file))]
            for file in files_of(str(here), suffixes)]  # fmt: skip
    return [(path, "corpus", f"folder:{len(told)}:{digest.of_json(told)}")]


def name_in(path: str, file: str) -> str:
    """Name a file of a corpus: its path in the folder, or its name."""
    return Path(file).relative_to(path).as_posix() if Path(path).is_dir() else Path(file).name


class LinesPart(msgspec.Struct, frozen=True, kw_only=True):
    """A range of a file's lines; `line` and `byte` are how many of them stand before it."""

    file: str  # as documents are named after it
    range: Range
    room: str
    line: int
    byte: int


def plan_lines(
    path: str, suffixes: Sequence[str], folder: Path, room: str, report: Report, *, layout: str = "lines"
) -> Iterator[Part]:
    """Cut the files of a corpus into ranges of whole lines; with layout "json", objects are made into lines.

    Only what is not compressed is read where it lies. All else is unpacked into the room: pieces are then
    the same for every container, and lines can be counted before the pieces are read.
    """
    for source, file in enumerate(files_of(path, suffixes)):
        dump = Dump(file, source=source, layout=layout)
        dump.reader = "plain" if dump.reader == "plain" else "spool"
        line = byte = 0
        try:
            for piece in dump.pieces(folder / room, size=PIECE, skip=lambda _: False):
                spooled = piece.reader == "spool"
                where = str(folder / room / piece.path) if spooled else piece.path
                part = LinesPart(file=name_in(path, file), range=piece, room=room, line=line, byte=byte)
                lines, size = _measure(where, piece.start, None if spooled else piece.end)
                yield Part(msgspec.to_builtins(part), [f"{room}/{piece.path}"] if spooled else [])
                line, byte = line + lines, byte + size
        finally:
            dump.close()
        if dump.damage:
            report.damaged(name_in(path, file), dump.damage)


def _measure(path: str, start: int, end: int | None) -> tuple[int, int]:
    """Count the line ends and the bytes of a range of a file."""
    lines = size = 0
    with Input(path) as file:
        file.seek(start)
        while data := file.read(1 << 20 if end is None else min(1 << 20, end - start - size)):
            lines += data.count(b"\n")
            size += len(data)
    return lines, size


def blocks(part: LinesPart, folder: Path) -> Iterator[Block]:
    """Yield the lines of a range in blocks; `byte` and `line` count from the beginning of the file."""
    for block in Blocks(part.range, folder / part.room):
        yield Block(block.data, block.byte + part.byte, block.line + part.line)


def lines(block: Block) -> Iterator[tuple[int, int, bytes]]:
    """Yield the lines that are not blank: their numbers from 1, where they begin, and what they hold."""
    byte = block.byte
    for number, line in enumerate(block.data.split(b"\n"), block.line + 1):
        if text := line.strip():
            yield number, byte, text
        byte += len(line) + 1


def as_part(kind: type, part: Any) -> Any:
    """Turn what travelled as plain data into what it was."""
    return msgspec.convert(part, kind)
