"""From bytes to lines, whatever encoding they are in: UTF-8, UTF-16 with its mark, or GB18030.

GB18030 gives a meaning to nearly every pair of bytes, and UTF-8 to few: so UTF-8 is tried first. A file may
have some damaged lines and still be clearly of one encoding; those lines are then handed over as bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    """Decode the lines of a file that are not blank; refuse it if it is in no encoding that is known here."""
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
        end = data.rfind(b"\n", at, at + STRETCH) + 1 or data.find(b"\n", at + STRETCH) + 1 or len(data)
        rows = data[at:end].removesuffix(b"\n").split(b"\n")
        for row, text in zip(rows, _texts(rows, encoding), strict=True):
            if text is None:
                yield Line(number, at, "", f"not {encoding}", row)
            elif "\0" in text:
                yield Line(number, at, "", "NUL bytes", row)
            elif text and not text.isspace():
                yield Line(number, at, text.rstrip("\r"), "", row)
            at += len(row) + 1
            number += 1


def _texts(rows: list[bytes], encoding: str) -> Sequence[str | None]:
    """Decode lines together, which is faster; one by one if some of them cannot be."""
    whole = _decoded(b"\n".join(rows), encoding)
    return [_decoded(row, encoding) for row in rows] if whole is None else whole.split("\n")
