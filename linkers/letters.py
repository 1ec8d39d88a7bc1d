"""What the characters of places in a block are: letters, capitals, digits, spaces."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.base import Block, Marks


class Letters:
    """What the characters of places are: counted once over the block, told for a place by a difference.

    The counts are fields of one number: of a longer place its first `FIELD` characters are looked at.
    """

    def __init__(self, block: Block, low: NDArray[np.int64], high: NDArray[np.int64]) -> None:
        sums = np.zeros(len(block.codes) + 1, np.uint64)
        np.cumsum(_fields()[kinds()[np.minimum(block.codes, 0x10FFFF)]], out=sums[1:])
        self._counts = sums[np.minimum(high, low + FIELD)] - sums[low]

    def _count(self, bit: int) -> NDArray[np.int64]:
        shift = BITS * (bit.bit_length() - 1)
        return ((self._counts >> np.uint64(shift)) & np.uint64(FIELD)).astype(np.int64)

    @property
    def words(self) -> NDArray[np.int64]:
        """How many words there are, parted by spaces."""
        return self._count(SPACE) + 1

    @property
    def capitals(self) -> NDArray[np.int64]:
        """How many capital letters there are."""
        return self._count(CAPITAL)

    @property
    def letters(self) -> NDArray[np.int64]:
        """How many letters there are."""
        return self._count(LETTER)

    @property
    def digit(self) -> Marks:
        """Whether there is a digit."""
        return self._count(DIGIT) > 0

    @property
    def cased(self) -> Marks:
        """Whether there is a letter that has a capital, or is one."""
        return self._count(CASED) > 0

    @property
    def dense(self) -> Marks:
        """Whether there is a character of a script that writes words with one or two."""
        return self._count(DENSE) > 0


def articled(codes: NDArray[np.uint32], low: NDArray[np.int64], high: NDArray[np.int64]) -> Marks:
    """Mark places that begin with an article in small letters."""
    found = np.zeros(len(low), np.bool_)
    for article in ARTICLES:
        same = high - low > len(article)
        for at, letter in enumerate(article):
            same &= codes[np.minimum(low + at, len(codes) - 1)] == ord(letter)
        found |= same
    return found


ARTICLES = ("the ", "a ", "an ")
SPACE, CAPITAL, DIGIT, CASED, LETTER, DENSE = 1, 2, 4, 8, 16, 32
BITS = 10  # of a count
FIELD = (1 << BITS) - 1


@cache
def _fields() -> NDArray[np.uint64]:
    """Return what one character adds to the counts, for each combination of the bits above."""
    bits = range(DENSE.bit_length())
    return np.array(
        [sum(1 << BITS * bit for bit in bits if kind >> bit & 1) for kind in range(2 * DENSE)], np.uint64
    )


@cache
def kinds() -> NDArray[np.uint8]:
    """Return what each code point is."""
    found = np.zeros(0x110000, np.uint8)
    for code in range(0x20000):  # beyond the second plane there are only Chinese characters
        letter = chr(code)
        if letter.isspace():
            found[code] = SPACE
        elif letter.isalpha():
            cased = letter.lower() != letter or letter.upper() != letter
            capital = letter.lower() != letter
            dense = 0x2E80 <= code < 0xD7B0 or 0xF900 <= code < 0xFB00
            found[code] = LETTER | CASED * cased | CAPITAL * capital | DENSE * dense
        elif letter.isdigit():
            found[code] = DIGIT
    found[0x20000:0x32000] = LETTER | DENSE
    return found
