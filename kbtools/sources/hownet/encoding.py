"""From bytes to lines, whatever encoding they are in: UTF-8, UTF-16 with its mark, or GB18030.

GB18030 gives a meaning to nearly every pair of bytes, and UTF-8 to few: so UTF-8 is tried first. A file may
have some damaged lines and still be clearly of one encoding; those lines are then handed over as bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kbtools.errors import SourceError

BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
TRIED = ("UTF-8", "GB18030")
STRETCH = 1 << 18  # bytes
DAMAGED = 0.1  # of the lines that are not plain ASCII; with more of them it is another encoding


class Line(msgspec.Struct, frozen=True, gc=False):
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
    """Yield all lines; those of a stretch that is sound are decoded together."""
    at = len(BOM) if data.startswith(BOM) else 0
    number = 0
    while at < len(data):
        end = data.rfind(b"\n", at, at + STRETCH) + 1 or data.find(b"\n", at + STRETCH) + 1 or len(data)
        stretch = data[at:end].removesuffix(b"\n")
        rows, text = stretch.split(b"\n"), _decoded(stretch, encoding)
        sound = text is not None and "\0" not in text
        texts = text.split("\n") if text is not None and sound else [None] * len(rows)
        for row, written in zip(rows, texts, strict=True):
            if written is None:
                yield _line(number, at, row, encoding)
            else:
                yield Line(number, at, written.rstrip("\r"), "", row)
            at += len(row) + 1
            number += 1


def _line(number: int, at: int, row: bytes, encoding: str) -> Line:
    text = _decoded(row, encoding)
    if text is None:
        return Line(number, at, "", f"not {encoding}", row)
    if "\0" in text:
        return Line(number, at, "", "NUL bytes", row)
    return Line(number, at, text.rstrip("\r"), "", row)
