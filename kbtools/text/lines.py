"""A text as an array of kinds of characters: its white space, its lines, the blocks of sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.text import _codes
from kbtools.text.stops import BEGINNING, CLOSERS, EMOJI, EXTENDING, HAN, LATIN, OPENERS, QUOTES, WIDE

Places = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Kinds of characters: white space comes first, and in it what ends a line.
(
    SPACE, LINE, RETURN, FEED, PARAGRAPH,
    SIGN, UPPER, DIGIT, BEGINS, CJK, LOWER, DOT, MARK, DOTS, SOFT, HARD, OPEN, QUOTE, CLOSE, ODD,
) = range(20)  # fmt: skip

WRAPPED = range(40, 161)  # how long the longest line is where lines are wrapped: code points
WRAPPED_CJK = 20
BULLET = re.compile(r"(?:[-*•‣◦·]|\(?\d{1,3}[.)])\s")
WALL = "\u2029"  # between texts: it ends a paragraph

_LINES = "\x0b\x85\u2028"
_PARAGRAPHS = "\x0c\x1c\x1d\x1e\u2029"
_PLANE = 1 << 16  # beyond it all is ODD: looked at one by one
_ODD = re.compile(f"{EMOJI}|{EXTENDING}|\\[")
_CLOSER, _OPENER = re.compile(CLOSERS), re.compile(OPENERS)


class Laid(NamedTuple):
    """Texts laid end to end with WALL between them: their characters' kinds, and their white space."""

    text: str
    kinds: NDArray[np.uint8]  # [N + 4] ends of paragraphs behind the last
    gap: Places  # [G] where runs of white space begin; the last one stands behind the text
    solid: Places  # [G] and where they end
    ends: Places  # [L] where lines end; of CR LF it is at LF
    walls: Places  # [D] where texts end

    def onwards(self, at: Places) -> Places:
        """Go over white space, forwards."""
        run = np.searchsorted(self.gap, at, "right") - 1
        return np.maximum(at, np.where(run < 0, 0, self.solid[run]))

    def back(self, at: Places) -> Places:
        """Go over white space, backwards: return the end of what stands before."""
        run = np.searchsorted(self.gap, at, "left") - 1
        return np.where((run >= 0) & (at <= self.solid[run]), self.gap[run], at)


def laid(texts: Sequence[str]) -> Laid:
    """Look at each character of some texts."""
    text = WALL.join(texts)
    kinds = _kinds_of(text)
    white = np.flatnonzero(kinds[: len(text) + 1] < SIGN)
    breaks = np.flatnonzero(np.diff(white) != 1)
    of_white = kinds[white[:-1]]
    ends = white[:-1][of_white > SPACE]
    ends = ends[(kinds[ends] != RETURN) | (kinds[ends + 1] != FEED)]
    walls = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1) - 1
    gap, solid = white[np.append(0, breaks + 1)], white[np.append(breaks, len(white) - 1)] + 1
    return Laid(text, kinds, gap, solid, ends, walls)


def _kinds_of(text: str) -> NDArray[np.uint8]:
    if text.isascii():
        found = text.encode().translate(_table()[:256].tobytes())
        return np.frombuffer(found + bytes([PARAGRAPH] * 4), np.uint8)
    wide = text.encode("utf-16-le", "surrogatepass")
    kinds = np.full(len(text) + 4, PARAGRAPH, np.uint8)
    if len(wide) == 2 * len(text):
        kinds[:-4] = _table()[np.frombuffer(wide, "<u2")]
    else:
        kinds[:-4] = _table()[np.minimum(_codes(text), _PLANE)]
    return kinds


@cache
def _table() -> NDArray[np.uint8]:
    """Return the kind of each code point of the first plane, and that of all beyond."""
    table = np.fromiter((_kind(chr(code)) for code in range(_PLANE)), np.uint8, _PLANE)
    return np.append(table, np.uint8(ODD))


def _kind(char: str) -> int:
    rules = (
        (char in _PARAGRAPHS, PARAGRAPH),
        (char == "\r", RETURN),
        (char == "\n", FEED),
        (char in _LINES, LINE),
        (char.isspace(), SPACE),
        (char == ".", DOT),
        (char in "!?", MARK),
        (char == "…", DOTS),
        (char in LATIN, SOFT),
        (char in WIDE, HARD),
        (_ODD.match(char), ODD),
        (char in QUOTES, QUOTE),
        (_CLOSER.match(char), CLOSE),
        (_OPENER.match(char), OPEN),
        (HAN.match(char), CJK),
        (char.islower(), LOWER),
        (char.isalpha(), UPPER),
        (char.isalnum(), DIGIT),
        (char in BEGINNING or ord(char) > 0x2000, BEGINS),
    )
    return next((kind for holds, kind in rules if holds), SIGN)


def blocks(found: Laid) -> Places:
    """Return where blocks begin: at blank lines, and where the line before was not wrapped.

    A line is wrapped if the next word would have made it longer than the longest line of its paragraph, or if
    the next line goes on in small letters.
    """
    starts, ends = np.append(0, found.ends + 1), np.append(found.ends, len(found.text))
    begins = found.onwards(starts)
    lines = np.flatnonzero(begins < ends)
    if len(lines) < 2:
        return np.zeros(len(lines), np.int64)
    begins, stops = begins[lines], found.back(ends[lines])
    apart = (np.diff(lines) > 1) | (found.kinds[ends[lines[:-1]]] == PARAGRAPH)
    cut = np.flatnonzero(apart | ~_wrapped(found, begins, stops, apart)) + 1
    text = np.searchsorted(found.walls, begins)
    first = text[cut] != text[cut - 1]  # of its text: the block begins where the text does
    return np.append(0, np.where(first, found.walls[text[cut] - 1] + 1, starts[lines[cut]]))


def _wrapped(found: Laid, begins: Places, stops: Places, apart: Bools) -> Bools:
    """Tell which lines, but for the last, were cut by their width or go on in small letters."""
    text, kinds = found.text, found.kinds
    long = stops - begins
    paragraph = np.append(0, np.cumsum(apart))
    width = np.maximum.reduceat(long, np.append(0, np.flatnonzero(apart) + 1))[paragraph][:-1]
    heads = begins[1:]
    head = kinds[heads]
    han, small = head == CJK, head == LOWER
    for at in np.flatnonzero((head == ODD) & ~apart).tolist():
        char = text[heads[at]]
        han[at], small[at] = HAN.match(char) is not None, char.islower()
    tail = kinds[stops[:-1] - 1]
    small &= (tail < DOT) | (tail > SOFT)
    word = found.gap[np.searchsorted(found.gap, heads)] - heads
    full = long[:-1] + np.where(han, 1, word + 1) > width
    full &= (width >= np.where(han, WRAPPED_CJK, WRAPPED.start)) & (width < WRAPPED.stop)
    wrapped: Bools = (full | small) & ~apart
    doubtful = np.flatnonzero(wrapped & ~np.isin(head, (UPPER, LOWER, CJK)))
    limit = found.walls[np.searchsorted(found.walls, heads[doubtful])]
    for at, place, end in zip(doubtful.tolist(), heads[doubtful].tolist(), limit.tolist(), strict=True):
        wrapped[at] = BULLET.match(text, place, end) is None
    return wrapped
