"""Punctuation at the edges of names: "Apple Inc.", ".NET", "Yahoo!"; and names of nothing else: "!!!".

A normal form has no punctuation at its edges, so names are found without. If the table knows a form of the
name with what stands there in the text, the span takes it in: of all spans with up to REACH more marks on
each side, white space not among them, the one whose form is known on the strictest rung (EXACT, CASE,
FOLDED); of those the longest, then the first. "Yahoo" stays as it is in "Yahoo?" and, if "Yahoo!" is unknown,
in "Yahoo!". English plurals stay as they are. A name of nothing but punctuation is found where it is all that
stands between white space: not in "wow!!!".
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.alias.scanning import finding
from kbtools.alias.scanning.finding import I64, NORM, Arrays
from kbtools.alias.scanning.spelling import copied, entries_of
from kbtools.alias.scanning.walking import utf8
from kbtools.text import BARE, FOLDED, normalise
from kbtools.text.bulk import ASCII_WALL, WALL, Codes

REACH = 4
WORD, BLANK, POINT, FAINT, _NEW = (np.uint8(kind) for kind in range(5))  # FAINT: FOLDED drops it too

Kinds = NDArray[np.uint8]


class Found(NamedTuple):
    """Spans of a block of original code points."""

    norms: I64
    starts: I64
    ends: I64
    entry: I64
    level: NDArray[np.uint8]

    def take(self, rows: NDArray[np.intp]) -> Found:
        """Keep some of them."""
        parts: list[Any] = [part.take(rows) for part in self]
        return Found(*parts)


def kinds(codes: Codes) -> Kinds:
    """Tell words, blanks and punctuation apart; item i + 1 is the kind of code point i, blanks around all."""
    found = np.full(len(codes) + 2, BLANK, dtype=np.uint8)
    if codes.dtype == np.uint8:
        found[1:-1] = np.frombuffer(codes.tobytes().translate(_octets()), dtype=np.uint8)
        return found
    table = _table()
    mapped = table.take(codes)
    if mapped.max(initial=0) == _NEW:
        new = np.unique(codes[mapped == _NEW])
        table[new] = [_kind(code) for code in new.tolist()]
        mapped = table.take(codes)
    found[1:-1] = mapped
    return found


def widened(arrays: Arrays, codes: Codes, kind: Kinds, found: Found, asked: NDArray[np.bool_]) -> bool:
    """Take in what belongs to names, in place, of those that are asked; tell whether a start has changed."""
    beside = np.maximum(kind.take(found.ends + 1), kind.take(found.starts))
    rows = np.flatnonzero((beside >= POINT) & asked)
    first = arrays["entries"].take(found.norms[rows])
    several = arrays["entries"].take(found.norms[rows] + 1) - first > 1  # so it is if a form has punctuation
    rows = rows[several | (beside[rows] == FAINT)]
    if not len(rows):
        return False
    left, right = _marks(kind, found.starts[rows], -1), _marks(kind, found.ends[rows] + 1, 1)
    ways = (left + 1) * (right + 1) - 1
    owner = np.repeat(np.arange(len(rows)), ways)
    way = np.arange(1, len(owner) + 1) - np.repeat(np.cumsum(ways) - ways, ways)
    more, after = np.divmod(way, right[owner] + 1)
    starts, ends = found.starts[rows][owner] - more, found.ends[rows][owner] + after
    entry, level = entries_of(arrays, codes, found.norms[rows][owner], starts, ends)
    best = np.lexsort((starts, starts - ends, level, owner))
    best = best[np.diff(owner[best], prepend=-1) > 0]
    best = best[(level[best] < NORM) & (level[best] <= found.level[rows[owner[best]]])]
    mine = rows[owner[best]]
    moved = bool((found.starts[mine] != starts[best]).any())
    found.starts[mine], found.ends[mine] = starts[best], ends[best]
    found.entry[mine], found.level[mine] = entry[best], level[best]
    return moved


def _marks(kind: Kinds, at: I64, step: int) -> I64:
    """Count punctuation, from places on and no further than REACH."""
    count, on = np.zeros(len(at), dtype=np.int64), np.ones(len(at), dtype=np.bool_)
    for _ in range(REACH):
        on &= kind.take(at + step * count, mode="clip") >= POINT
        count += on
    return count


def alone(arrays: Arrays, codes: Codes, kind: Kinds) -> tuple[Found, int]:
    """Find names of punctuation alone, and where one begins that the end of the block may cut short."""
    points = np.flatnonzero(kind >= POINT)
    firsts, lasts = points[np.diff(points, prepend=-1) > 1], points[np.diff(points, append=len(kind)) > 1]
    unfinished = int(firsts[-1]) - 1 if len(lasts) and lasts[-1] == len(codes) else len(codes)
    apart = (kind.take(firsts - 1) == BLANK) & (kind.take(lasts + 1) == BLANK)
    starts, ends = firsts[apart] - 1, lasts[apart]
    normal, low, high = copied(codes, FOLDED, starts, ends)
    hashes = hashing.spans(hashing.prefix(normal), low, high)
    rows = np.flatnonzero(finding.contains(arrays["known"], hashes) & (low < high))
    data, place = utf8(normal)
    low, high = low[rows], high[rows]
    strings = finding.Strings(data, *((low, high) if place is None else (place[low], place[high])))
    norms = finding.norms(arrays, hashes[rows], strings)
    rows, norms = rows[norms >= 0], norms[norms >= 0]
    starts, ends = starts[rows], ends[rows]
    return Found(norms, starts, ends, *entries_of(arrays, codes, norms, starts, ends)), unfinished


def _kind(code: int) -> np.uint8:
    if not normalise(chr(code)):
        return BLANK
    if normalise(chr(code), BARE):
        return WORD
    return POINT if normalise(chr(code), FOLDED) else FAINT


@cache
def _octets() -> bytes:
    table = bytearray(int(_kind(code)) for code in range(256))
    table[ASCII_WALL] = int(BLANK)
    return bytes(table)


@cache
def _table() -> Kinds:
    table = np.full(WALL + 1, _NEW, dtype=np.uint8)
    table[WALL] = BLANK
    return table
