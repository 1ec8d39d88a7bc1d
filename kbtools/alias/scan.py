"""Every name of an alias table in running text: all overlapping matches, with exact offsets.

    texts ──▶ blocks ──normalise──▶ hashes of spans ──▶ norms ──spelling──▶ entries

A span that begins and ends where a name may (boundaries.py) is found if a look-up of text[start:end] finds
it; `start` and `end` leave out what the normal form drops at the edges ("U.S." is found as "U.S"). It does
not cross a blank line, and crosses a comma or the end of a sentence only if its norm is known to be written
with it. Before a possessive "s" a name may end too: "McDonald's" and "McDonald"; that "s" is no plural.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias import finding
from kbtools.alias.finding import NORM, Arrays
from kbtools.alias.running import BLOCK, CONTEXT, LONGEST, Piece, pieces, running
from kbtools.alias.spelling import entries
from kbtools.alias.walking import walk
from kbtools.text import BARE
from kbtools.text.bulk import normalise_block


class Spans(NamedTuple):
    """Names found, ordered by (text, start, end); candidates are rows first:first + length of the look-up."""

    norm: NDArray[np.int64]
    entry: NDArray[np.int64]
    level: NDArray[np.uint8]  # a place in schema.LEVELS
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    link: NDArray[np.float32]  # the probability that it is a link; NaN if no text was counted
    text: NDArray[np.int32]  # the number of the text
    start: NDArray[np.int32]  # code points of it
    end: NDArray[np.int32]

    def take(self, rows: NDArray[np.intp]) -> Spans:
        """Keep some of them."""
        parts: list[Any] = [part.take(rows) for part in self]
        return Spans(*parts)


def scan(arrays: Arrays, texts: Iterable[str | None] | Any) -> Spans:
    """Find all names in all texts, strings or an Arrow array of them; null is an empty text."""
    found = list(stream(arrays, texts))
    return Spans(*map(np.concatenate, zip(*found, strict=True))) if found else _none()


def stream(arrays: Arrays, texts: Iterable[str | None] | Any) -> Iterator[Spans]:
    """Find all names, block by block, in order: memory does not grow with the texts."""
    for piece in pieces(_strings(texts)):
        if isinstance(piece, Piece):
            yield _found(arrays, piece)[0]
        else:
            yield from _long(arrays, *piece)


def _strings(texts: Iterable[str | None] | Any) -> Iterator[str]:
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        for low in range(0, len(texts), 1024):
            yield from (text or "" for text in texts.slice(low, 1024).to_pylist())
    else:
        yield from (text or "" for text in texts)


def _long(arrays: Arrays, number: int, text: str) -> Iterator[Spans]:
    """Cut a long text; a piece begins again with the first name that the end of the last one cut short."""
    at, size = 0, BLOCK
    while at < len(text):
        low = max(0, at - CONTEXT)
        whole = at + size >= len(text)
        found, unfinished = _found(arrays, Piece([text[low : at + size]], number, low, at - low, whole))
        resume = len(text) if whole else low + unfinished
        if resume <= at and size < LONGEST:
            size *= 2
            continue
        resume = resume if resume > at else at + size
        yield found.take(np.flatnonzero(found.start < resume))
        at, size = resume, BLOCK


def _found(arrays: Arrays, piece: Piece) -> tuple[Spans, int]:
    """Scan one block; also return where in it a name begins that its end cut short."""
    block = running(piece.texts)
    normal = normalise_block(block.codes, BARE)
    walked, unfinished = walk(arrays, normal, block.codes)
    starts = normal.starts[walked.starts]
    ends = normal.end(walked.ends - 1)
    entry, level = entries(arrays, walked, block.codes, starts, ends)
    keep = starts >= piece.fresh
    far = np.flatnonzero(walked.units > 1)
    crossed = np.searchsorted(block.breaks, starts[far]) < np.searchsorted(block.breaks, ends[far])
    keep[far[crossed & (level[far] >= NORM)]] = False
    if not keep.all():
        rows = np.flatnonzero(keep)
        starts, ends, entry, level = starts[rows], ends[rows], entry[rows], level[rows]
        walked = walked.take(rows)
    text = np.searchsorted(block.begins, starts, side="right") - 1
    begin = block.begins[text] - piece.offset
    places = (text + piece.number, starts - begin, ends - begin)
    spans = Spans(
        walked.norms,
        entry,
        level,
        *finding.slices(arrays, entry),
        *(part.astype(np.int32) for part in places),
    )
    return spans, int(normal.starts[unfinished]) if unfinished < len(normal.starts) else len(block.codes)


def _none() -> Spans:
    kinds = (np.int64, np.int64, np.uint8, np.int64, np.int64, np.float32, np.int32, np.int32, np.int32)
    parts: list[Any] = [np.zeros(0, kind) for kind in kinds]
    return Spans(*parts)
