"""Every name of an alias table in running text: all overlapping matches, with exact offsets.

    texts ──▶ blocks ──normalise──▶ hashes of spans ──▶ norms ──spelling──▶ entries

A span that begins and ends where a name may (boundaries.py) is found if a look-up of text[start:end] finds
it, and that look-up says the same. Punctuation at its edges is left out, unless a form with it is known
("Yahoo!"; marks.py). A span does not cross a blank line, and crosses a comma or the end of a sentence only if
its norm is known to be written with it. Before a possessive "s" a name may end too: "McDonald's" and
"McDonald"; that "s" is no plural.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias.scanning import finding, marks
from kbtools.alias.scanning.finding import I64, Arrays
from kbtools.alias.scanning.running import BLOCK, CONTEXT, LONGEST, Piece, Running, pieces, running
from kbtools.alias.scanning.spelling import entries
from kbtools.alias.scanning.walking import Walked, walk
from kbtools.text import BARE
from kbtools.text.bulk import Block, normalise_block


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


def scan(arrays: Arrays, texts: Iterable[str | None] | Any, least: int = 1) -> Spans:
    """Find all names in all texts, strings or an Arrow array of them; null is an empty text.

    Names of less than `least` code points of the text are left out.
    """
    found = list(stream(arrays, texts, least))
    return Spans(*map(np.concatenate, zip(*found, strict=True))) if found else _none()


def stream(arrays: Arrays, texts: Iterable[str | None] | Any, least: int = 1) -> Iterator[Spans]:
    """Find all names, block by block, in order: memory does not grow with the texts."""
    for piece in pieces(_strings(texts)):
        if isinstance(piece, Piece):
            yield _found(arrays, piece, least).spans
        else:
            yield from _long(arrays, *piece, least)


def _strings(texts: Iterable[str | None] | Any) -> Iterator[str]:
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        for low in range(0, len(texts), 1024):
            yield from (text or "" for text in texts.slice(low, 1024).to_pylist())
    else:
        yield from (text or "" for text in texts)


def _long(arrays: Arrays, number: int, text: str, least: int) -> Iterator[Spans]:
    """Cut a long text; a piece begins again with the first name that the end of the last one cut short."""
    at, size = 0, BLOCK
    while at < len(text):
        low = max(0, at - CONTEXT)
        whole = at + size >= len(text)
        found = _found(arrays, Piece([text[low : at + size]], number, low, at - low, whole), least)
        resume = len(text) if whole else low + found.unfinished
        if resume <= at and size < LONGEST:
            size *= 2
            continue
        resume = resume if resume > at else at + size
        yield found.spans.take(np.flatnonzero(found.begins < resume))
        at, size = resume, BLOCK


class _Scanned(NamedTuple):
    """What was found in a block."""

    spans: Spans
    begins: NDArray[np.int32]  # the starts before punctuation was taken in
    unfinished: int  # where in the block a name begins that its end cut short


def _found(arrays: Arrays, piece: Piece, least: int) -> _Scanned:
    block = running(piece.texts)
    normal = normalise_block(block.codes, BARE)
    kind = marks.kinds(block.codes)
    walked, cut = walk(arrays, normal, block.codes, _lone(normal, kind) if least > 1 else None)
    found, begins, ordered = _names(arrays, block, normal, kind, walked)
    points, unfinished = marks.alone(arrays, block.codes, kind)
    if cut < len(normal.starts):
        unfinished = min(unfinished, int(normal.starts[cut]))
    if len(points.norms):
        begins, ordered = np.concatenate([begins, points.starts]), False
        both: Any = zip(found, points, strict=True)
        found = marks.Found(*map(np.concatenate, both))
    if not ordered:
        order = np.lexsort((found.ends, found.starts))
        found, begins = found.take(order), begins[order]
    if piece.fresh or least > 1:
        rows = np.flatnonzero((begins >= piece.fresh) & (found.ends - found.starts >= least))
        found, begins = found.take(rows), begins[rows]
    return _Scanned(_spans(arrays, piece, block, found), (begins + piece.offset).astype(np.int32), unfinished)


def _lone(normal: Block, kind: marks.Kinds) -> NDArray[np.bool_]:
    """Mark normalised code points that are one of the text, with no punctuation beside to be taken in."""
    found: NDArray[np.bool_] = (np.maximum(kind[:-2], kind[2:]) < marks.POINT).take(normal.starts)
    if normal.ends is not None:
        found &= normal.ends - normal.starts == 1
    return found


def _names(
    arrays: Arrays, block: Running, normal: Block, kind: marks.Kinds, walked: Walked
) -> tuple[marks.Found, I64, bool]:
    """Return the names walked over, where they begin without punctuation, and whether they are in order."""
    spelt, (entry, level) = entries(arrays, walked, normal, block.codes)
    begins, ends = spelt.starts, spelt.ends
    far = np.flatnonzero(walked.units > 1)
    far = far[np.searchsorted(block.breaks, begins[far]) < np.searchsorted(block.breaks, ends[far])]
    found = marks.Found(walked.norms, begins.copy(), ends, entry, level)
    moved = marks.widened(arrays, block.codes, kind, found, ~walked.plural)
    crossed = far[level[far] >= finding.NORM]
    if len(crossed):
        keep = np.ones(len(ends), dtype=np.bool_)
        keep[crossed] = False
        rows = np.flatnonzero(keep)
        found, begins = found.take(rows), begins[rows]
    return found, begins, not moved


def _spans(arrays: Arrays, piece: Piece, block: Running, found: marks.Found) -> Spans:
    if len(block.begins) > 1:
        text = np.searchsorted(block.begins, found.starts, side="right") - 1
    else:
        text = np.zeros(len(found.starts), dtype=np.int64)
    begin = block.begins[text] - piece.offset
    places = (text + piece.number, found.starts - begin, found.ends - begin)
    return Spans(
        found.norms,
        found.entry,
        found.level,
        *finding.slices(arrays, found.entry),
        *(part.astype(np.int32) for part in places),
    )


def _none() -> Spans:
    kinds = (np.int64, np.int64, np.uint8, np.int64, np.int64, np.float32, np.int32, np.int32, np.int32)
    parts: list[Any] = [np.zeros(0, kind) for kind in kinds]
    return Spans(*parts)
