"""Where a name may begin and end in normalised text (BARE), script by script.

A boundary lies between a space and what is none, and on both sides of each character of a script written
without spaces: Han, kana, bopomofo, Thai, Lao, Khmer, Myanmar, and emoji; never before a combining mark.
In Korean, where particles follow a name without a space, a name also ends before and after each syllable. A
change from letters to digits is no boundary.

Whether a place is a boundary depends on the two characters beside it alone, so a name has the same inside
it by itself as in any text. `units` are what lies between the ends: long names are found by
their first 2, 4, 8 … units.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.text import CJK
from kbtools.text.bulk import ASCII_WALL, WALL, Codes

SPACE, UNIT, HANGUL, MARK = (np.uint8(1 << bit) for bit in range(4))
I64 = NDArray[np.int64]
UNITS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)

_NO_SPACES = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F))
_EMOJI = ((0x2600, 0x27BF), (0x1F000, 0x1FAFF))
_TONES = (0x1F3FB, 0x1F3FF)  # of skin: they belong to the emoji before


@cache
def classes() -> NDArray[np.uint8]:
    """Return the class of each code point, a set of bits; WALL's comes last."""
    table = np.zeros(WALL + 1, dtype=np.uint8)
    for low, high in re.findall(r"(.)(?:-(.))?", CJK):
        table[ord(low) : ord(high or low) + 1] |= UNIT
    for low, high in _NO_SPACES + _EMOJI:
        table[low : high + 1] |= UNIT
    for code in range(0x300, 0x20000):  # none beyond that stays in a normal form
        if unicodedata.category(chr(code))[0] == "M":
            table[code] |= MARK
    table[_TONES[0] : _TONES[1] + 1] |= MARK
    table[0xAC00 : 0xD7A3 + 1] |= HANGUL
    table[[ord(" "), WALL]] = SPACE
    return table


def starts_and_ends(codes: Codes) -> tuple[I64, I64]:
    """Return where in normalised text names may begin, and where they may end; both ascending.

    `codes` are those of a block (text.bulk): bytes if it is ASCII; no name crosses its walls.

    >>> starts, ends = starts_and_ends(hashing.codes_of("new york 北京"))
    >>> starts.tolist(), ends.tolist()
    ([0, 4, 9, 10], [3, 8, 10, 11])
    """
    if codes.dtype == np.uint8:
        space = np.ones(len(codes) + 2, dtype=np.bool_)
        np.logical_or(codes == ord(" "), codes == ASCII_WALL, out=space[1:-1])
        return np.flatnonzero(space[:-1] > space[1:]), np.flatnonzero(space[:-1] < space[1:])
    kinds = np.full(len(codes) + 2, SPACE, dtype=np.uint8)
    kinds[1:-1] = classes()[codes]
    before, after = kinds[:-1], kinds[1:]
    either = before | after
    free = (after & MARK) == 0
    parted = ((either & (SPACE | UNIT)) != 0) & free
    starts = parted & ((after & SPACE) == 0)
    ends = (((either & HANGUL) != 0) & free | parted) & ((before & SPACE) == 0)
    return np.flatnonzero(starts), np.flatnonzero(ends)


def prefixes(strings: pa.StringArray | pa.LargeStringArray) -> NDArray[np.uint64]:
    """Return the hashes of the first 2, 4, 8, 16 … units of those norms that have more.

    >>> len(prefixes(pa.array(["a b", "a b c", "长江三峡工程"])))
    3
    """
    codes, firsts, lasts = joined(strings)
    _, ends = starts_and_ends(codes)
    sums = hashing.prefix(np.minimum(codes, sys.maxunicode))
    first_end, last_end = np.searchsorted(ends, firsts, side="right"), np.searchsorted(ends, lasts)
    found = []
    for units in UNITS:
        rows = np.flatnonzero(last_end - first_end >= units)
        if not len(rows):
            break
        found.append(hashing.spans(sums, firsts[rows], ends[first_end[rows] + units - 1]))
    return np.concatenate(found) if found else np.zeros(0, dtype=np.uint64)


def joined(
    strings: pa.StringArray | pa.LargeStringArray,
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the code points of all strings with WALL between, and where each string begins and ends."""
    texts = strings.to_pylist()
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    codes = hashing.codes_of("\n".join(texts)).copy()
    lasts = np.cumsum(lengths + 1) - 1
    codes[lasts[:-1]] = WALL
    return codes, lasts - lengths, lasts
