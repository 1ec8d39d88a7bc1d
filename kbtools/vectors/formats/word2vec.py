"""Text, a name and its numbers a line (.vec, .txt, .gz), with or without a first line of two counts.

Words, ids of entities, or both as wikipedia2vec has them: `ENTITY/Title`. The binary form (.bin) is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.io.opening import Stream
from kbtools.vectors.formats import _lines
from kbtools.vectors.formats._written import checked, opened, write_rows
from kbtools.vectors.formats.base import DIGITS, F32, Given, Names, Piece, Reading, Settings, Shape, finite

NAMES: Names = "auto"
HOLDS = {"entities", "words"}
LOOK = 1 << 16
ROWS = 1 << 22  # numbers of a piece
LONGEST = 1 << 12  # bytes of a name
BLANK = r"[\s\x{0}-\x{20}]"


def read(path: Path, settings: Settings) -> Reading:
    """Read a file; whether it is text is seen in it."""
    reading = Reading(path, NAMES)
    if path.is_dir():
        raise SourceError("is a folder; name the file", path=path)
    with open_stream(str(path)) as stream:
        head = stream.read(LOOK)
    binary = _is_binary(head)
    reading.pieces = (
        _binary(reading) if binary else _lines.rows(reading, path, named=True, header=settings.header)
    )
    return reading


def _is_binary(head: bytes) -> bool:
    """Tell whether numbers follow a first line of two counts as bytes."""
    first, _, rest = head.partition(b"\n")
    told = first.split()
    if len(told) != 2 or not all(one.isdigit() and len(one) < DIGITS for one in told):
        return False
    after = rest.lstrip(b"\n").partition(b" ")[2][: 4 * int(told[1])]
    return any(byte < 9 or 13 < byte < 32 or byte > 126 for byte in after.partition(b"\n")[0][:400]) and not (
        _is_text_line(rest)
    )


def _is_text_line(rest: bytes) -> bool:
    fields = rest.partition(b"\n")[0].split()
    try:
        return len(fields) > 1 and bool([float(one) for one in fields[-1:]])
    except ValueError:
        return False


def _binary(reading: Reading) -> Iterator[Piece]:
    path = reading.path
    with open_stream(str(path)) as stream:
        head = b""
        while not head.endswith(b"\n") and (byte := stream.read(1)):
            head += byte
        rows, dim = (int(one) for one in head.split())
        if not dim:
            raise SourceError("says 0 numbers a row", path=path, line=1)
        step = max(1, ROWS // dim)
        at = 0
        buffer = b""
        while at < rows:
            names, numbers, buffer = _some(stream, buffer, min(step, rows - at), dim)
            if not names:
                break
            line = np.arange(at + 2, at + 2 + len(names))
            at += len(names)
            yield finite(reading, path, Piece(pa.array(names, pa.string()), numbers, line))
        if stream.damage is not None:
            reading.incomplete = True
        elif at < rows:
            raise SourceError(f"says {rows:,} rows, and has {at:,}; fetch it again", path=path, line=1)


def _some(stream: Stream, buffer: bytes, wanted: int, dim: int) -> tuple[list[str], F32, bytes]:
    """Read up to `wanted` rows; fewer only at the end."""
    size = 4 * dim
    names: list[str] = []
    vectors: list[bytes] = []
    place = 0
    while len(names) < wanted:
        end = buffer.find(b" ", place, place + LONGEST)
        if end < 0 or end + 1 + size > len(buffer):
            more = stream.read(max(1 << 20, 2 * size))
            if not more:
                break
            buffer, place = buffer[place:] + more, 0
            if end < 0 and len(buffer) > LONGEST and b" " not in buffer[:LONGEST]:
                break  # no name is that long
            continue
        names.append(buffer[place:end].lstrip(b"\n").decode(errors="replace"))
        vectors.append(buffer[end + 1 : end + 1 + size])
        place = end + 1 + size
    numbers = np.frombuffer(b"".join(vectors), "<f4").reshape(-1, dim)
    return names, numbers, buffer[place:]


def write(given: Given, out: Path, settings: Shape) -> None:
    """Write words, then entities; where there are both, names of entities have a prefix."""
    prefix = settings.prefix if given.words and given.entities else ""
    with opened(out) as file:
        file.write(f"{given.words + given.entities} {given.dim}\n".encode())
        for names, numbers in given.word_blocks():
            write_rows(file, checked(names, BLANK, settings.spaces, "word2vec"), numbers, " ")
        for names, numbers in given.entity_blocks():
            told = checked(names, BLANK, settings.spaces, "word2vec")
            write_rows(file, pc.binary_join_element_wise(prefix, told, ""), numbers, " ")
