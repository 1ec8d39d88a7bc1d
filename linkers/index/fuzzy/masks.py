"""64 bits that say which characters a string has: a bound on the edits between two strings, in one look.

For a … z there is a bit for one and a bit for two or more of the letter; any other character sets one bit by
its hash. An edit takes at most one character away and puts at most one in, so it clears at most one bit and
sets at most one: strings within d edits have at most d bits each that the other lacks. Swapping two
characters changes no bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.index.fuzzy.strings import Strings

U64 = NDArray[np.uint64]


def of(strings: Strings) -> U64:
    """Return the mask of each string, none of them empty."""
    codes, offsets = strings
    letter = (codes >= ord("a")) & (codes <= ord("z"))
    hashed = (codes * np.uint32(0x9E3779B1)) >> np.uint32(26)
    place = np.where(letter, codes - np.uint32(ord("a")), hashed).astype(np.uint64)
    masks: U64 = np.bitwise_or.reduceat(np.uint64(1) << place, offsets[:-1])
    counts = np.bincount(strings.owners[letter] * 26 + place[letter].astype(np.int64))
    twice = np.flatnonzero(counts > 1)
    np.bitwise_or.at(masks, twice // 26, np.uint64(1) << (twice % 26 + 32).astype(np.uint64))
    return masks


def within(left: U64, right: U64, edits: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mark the pairs that may be within that many edits."""
    found: NDArray[np.bool_] = np.bitwise_count(left & ~right) <= edits
    found &= np.bitwise_count(right & ~left) <= edits
    return found
