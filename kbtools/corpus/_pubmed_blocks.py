"""The citations of a file of PubMed as stretches of bytes: those that nobody wants need not be parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from kbtools.io.framing import gathered

BEGIN, END = b"<PubmedArticle>", b"</PubmedArticle>"
GONE, GONE_END = b"<DeleteCitation>", b"</DeleteCitation>"
BOOK, LAST = b"<PubmedBookArticle>", b"</PubmedArticleSet>"
TAIL = max(map(len, (BEGIN, GONE, BOOK, LAST)))  # bytes of a tag that may be cut
STEP = 4 << 20  # bytes that are searched at a time
LONGEST = 64 << 20  # bytes of a citation

PMID = rb"<PMID\b(?:[^>]*\bVersion=[\"'](\d{1,4})[\"'])?[^>]*>\s*(\d{1,9})\s*</PMID>"
OWN = re.compile(rb"<MedlineCitation\b[^>]*>\s*" + PMID)
ANY = re.compile(PMID)

Kind = Literal["article", "deletions", "broken", "books"]


class Block(NamedTuple):
    """A stretch of a file; `line` counts from 1. Broken: it begins, but does not end."""

    kind: Kind
    data: bytes
    line: int
    byte: int


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Yield citations and lists of deleted ones; what stands between them is passed over.

    The last block is broken and empty if the set of citations does not end.
    """
    held, line, byte = b"", 1, 0
    ended = False
    for more in gathered(iter(chunks), STEP):
        data = held + more
        at = seen = 0
        for kind, start, end in _found(data):
            line += data.count(b"\n", seen, start)
            yield Block(kind, data[start:end], line, byte + start)
            at, seen = end, start
        rest = _unfinished(data, at)
        ended = ended or data.find(LAST, at) >= 0
        line += data.count(b"\n", seen, rest)
        held, byte = data[rest:], byte + rest
        if len(held) > LONGEST:
            yield Block("broken", held[:LONGEST], line, byte)
            line += held.count(b"\n")
            held, byte = b"", byte + len(held)
    if held.startswith((BEGIN, GONE)):
        yield Block("broken", held, line, byte)
    elif not ended:
        yield Block("broken", b"", line, byte)


def _found(data: bytes) -> Iterator[tuple[Kind, int, int]]:
    """Yield what is complete, with its place."""
    at = 0
    while (start := data.find(BEGIN, at)) >= 0:
        yield from _between(data, at, start)
        end = data.find(END, start)
        if end < 0:
            return
        last = data.rfind(BEGIN, start + 1, end)
        if last > 0:  # another begins before this one ends
            yield "broken", start, last
            start = last
        at = end + len(END)
        yield "article", start, at
    yield from _between(data, at, len(data))


def _between(data: bytes, at: int, stop: int) -> Iterator[tuple[Kind, int, int]]:
    """Look at what stands between citations."""
    begin = data.find(GONE, at, stop)
    while begin >= 0 and (end := data.find(GONE_END, begin, stop)) >= 0:
        at = end + len(GONE_END)
        yield "deletions", begin, at
        begin = data.find(GONE, at, stop)
    if begin >= 0:
        return
    while (book := data.find(BOOK, at, stop)) >= 0:
        at = book + len(BOOK)
        yield "books", book, at


def _unfinished(data: bytes, at: int) -> int:
    """Return from where on bytes are needed again, when more of them are there."""
    starts = [place for tag in (BEGIN, GONE) if (place := data.find(tag, at)) >= 0]
    return min(starts, default=max(at, len(data) - TAIL))
