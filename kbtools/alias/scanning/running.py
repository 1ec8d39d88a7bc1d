"""Running text as blocks of code points, and what no name crosses in it.

A blank line (two line breaks, a form feed, U+2029) is a wall: it parts as two texts do. Over a hard break (a
comma, a colon, the end of a sentence) only names that are known to be written with one may go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.text import BARE, EXACT
from kbtools.text.bulk import ASCII_WALL, WALL, Codes, is_blank, map_codes

I64 = NDArray[np.int64]

BLOCK = 1 << 18  # code points: smaller, and calls cost more than work; larger, and caches overflow
LONGEST = 1 << 22  # of a stretch without a boundary; what is longer is no name
CONTEXT = 16  # code points read again before a piece, to know what it follows
BREAKS = ",;:!?。！？；：，、，､｡،؛؟।॥"
LINES = (0x0A, 0x0B, 0x0D, 0x85, 0x2028)
PAGES = (0x0C, 0x2029)
LETTERS_BEFORE_STOP = 4  # fewer, and a full stop may be that of an abbreviation


class Running(NamedTuple):
    """Texts one after the other, walls between."""

    codes: Codes  # bytes if all is ASCII
    begins: I64  # where each text begins
    breaks: I64  # hard breaks


def running(texts: list[str]) -> Running:
    r"""Lay texts side by side.

    >>> found = running(["One\n\ntwo", "no, three"])
    >>> (found.codes == ASCII_WALL).nonzero()[0].tolist(), found.begins.tolist(), found.breaks.tolist()
    ([4, 8], [0, 9], [11])
    """
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    begins = np.cumsum(lengths + 1) - (lengths + 1)
    text = "\n".join(texts)
    codes: Codes
    if text.isascii():
        codes, wall = np.frombuffer(bytearray(text, "ascii"), dtype=np.uint8), ASCII_WALL
    else:
        codes, wall = hashing.codes_of(text).copy(), WALL
    codes[begins[1:] - 1] = wall
    codes[_blank_lines(codes)] = wall
    return Running(codes, begins, _hard_breaks(codes))


def _blank_lines(codes: Codes) -> I64:
    """Find form feeds and those line breaks that follow another with nothing but blanks between."""
    near = codes - codes.dtype.type(0x0A) < 4  # what is below wraps around
    if codes.dtype != np.uint8:
        near |= (codes == 0x85) | (codes >> 1 == 0x2028 >> 1)  # U+2028 and U+2029
    places = np.flatnonzero(near)
    pages, lines = (places[np.isin(codes[places], some)] for some in (PAGES, LINES))
    after = np.append(codes, codes.dtype.type(0))[lines + 1] if len(lines) else lines
    lines = lines[(codes[lines] != ord("\r")) | (after != ord("\n"))]  # CR LF is one break
    pending = np.arange(len(lines) - 1)
    at = lines[:-1] + 1
    blank = []
    while len(pending):
        reached = at == lines[pending + 1]
        blank.append(lines[pending[reached] + 1])
        go = ~reached & is_blank(map_codes(codes[at], EXACT))
        pending, at = pending[go], at[go] + 1
    return np.concatenate([pages, *blank])


def _hard_breaks(codes: Codes) -> I64:
    """Find where a clause or a sentence ends."""
    low = codes - codes.dtype.type(0x21) < 0x1F  # what is below ! wraps around
    places = np.flatnonzero(low if codes.dtype == np.uint8 else low | (codes >= 0x0589))
    found = codes[places]
    stops = places[found == ord(".")]
    places = places[_breaks()[np.minimum(found, WALL) if codes.dtype == np.uint32 else found]]
    if len(stops):
        places = np.sort(np.concatenate([places, _full_stops(codes, stops)]))
    return places


def _full_stops(codes: Codes, stops: I64) -> I64:
    """Choose those with white space behind them and a word before them."""
    stops = stops[(stops >= LETTERS_BEFORE_STOP) & (stops + 1 < len(codes))]
    stops = stops[map_codes(codes[stops + 1], EXACT) == ord(" ")]
    for back in range(1, LETTERS_BEFORE_STOP + 1):
        before = map_codes(codes[stops - back], BARE)
        stops = stops[~is_blank(before) & (before != (ASCII_WALL if codes.dtype == np.uint8 else WALL))]
    return stops


@cache
def _breaks() -> NDArray[np.bool_]:
    marks = np.zeros(WALL + 1, dtype=np.bool_)
    marks[[ord(char) for char in BREAKS]] = True
    return marks


class Piece(NamedTuple):
    """Some whole texts, or a part of a long one."""

    texts: list[str]
    number: int  # of the first text
    offset: int  # where in it this begins
    fresh: int  # what begins before this was found in the piece before
    whole: bool  # nothing follows in the text


def pieces(texts: Iterable[str]) -> Iterator[Piece | tuple[int, str]]:
    """Put short texts together and hand long ones out by themselves, numbered, in order."""
    some: list[str] = []
    size = number = 0
    for text in texts:
        if size + len(text) + 1 > BLOCK and some:
            yield Piece(some, number - len(some), 0, 0, whole=True)
            some, size = [], 0
        if len(text) > BLOCK:
            yield number, text
        else:
            some.append(text)
            size += len(text) + 1
        number += 1
    if some:
        yield Piece(some, number - len(some), 0, 0, whole=True)
