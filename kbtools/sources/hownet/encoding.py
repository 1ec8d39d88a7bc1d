"""From bytes to lines, whatever encoding they are in: UTF-8, UTF-16 with its mark, or GB18030.

GB18030 gives a meaning to nearly every pair of bytes, and UTF-8 to few: so UTF-8 is tried first. A file may
have some damaged lines and still be clearly of one encoding; those lines are then handed over as bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kbtools.errors import SourceError

BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
TRIED = ("UTF-8", "GB18030")
DAMAGED = 0.1  # of the lines that are not plain ASCII; with more of them it is another encoding


class Line(NamedTuple):
    """One line; where its bytes cannot be read, `reason` says why."""

    number: int  # from 0
    byte: int
    text: str
    reason: str = ""
    raw: bytes = b""


def lines_of(data: bytes, path: str) -> Iterator[Line]:
    """Decode a file, line by line; refuse it if it is in no encoding that is known here."""
    if data.startswith(UTF16):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise SourceError("begins like UTF-16, but is not", path=path, byte=error.start) from error
    return _lines(data, _encoding(data, path))


def _encoding(data: bytes, path: str) -> str:
    first = {}
    for encoding in TRIED:
        if _decoded(data, encoding) is not None:
            return encoding
        rows = data.split(b"\n")
        bad = [number for number, row in enumerate(rows) if _decoded(row, encoding) is None]
        if len(bad) <= DAMAGED * sum(not row.isascii() for row in rows):
            return encoding
        first[encoding] = bad[0]
    where = ", ".join(f"not {encoding} in line {line + 1}" for encoding, line in first.items())
    raise SourceError(f"encoding unknown; tried {' and '.join(TRIED)}: {where}", path=path)


def _decoded(row: bytes, encoding: str) -> str | None:
    try:
        return row.decode(encoding)
    except UnicodeDecodeError:
        return None


def _lines(data: bytes, encoding: str) -> Iterator[Line]:
    at = len(BOM) if data.startswith(BOM) else 0
    number = 0
    while at < len(data):
        end = data.find(b"\n", at)
        row = data[at : end if end >= 0 else len(data)]
        text = _decoded(row, encoding)
        if text is None:
            yield Line(number, at, "", f"not {encoding}", row)
        elif "\0" in text:
            yield Line(number, at, "", "NUL bytes", row)
        else:
            yield Line(number, at, text.rstrip("\r"), "", row)
        at += len(row) + 1
        number += 1
