"""Strings as arrays of code points: the query's side and the names' side look at them alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools import arrays
from kbtools.alias import hashing, normal

# Han, kana, hangul and what stands between them in Unicode: one character is a word, or nearly.
_CJK = ((0x2E80, 0xD7FF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


class Strings(NamedTuple):
    """String i is codes[offsets[i]:offsets[i + 1]]."""

    codes: NDArray[np.uint32]
    offsets: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many code points each has."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> NDArray[np.int64]:
        """The string that each code point belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)


def decode(strings: pa.StringArray | pa.LargeStringArray) -> Strings:
    """Return the code points of strings."""
    data, ends = hashing.buffers(strings)
    if (data < 0x80).all():
        return Strings(data.astype(np.uint32), ends)
    leading = np.zeros(len(data) + 1, dtype=np.int64)
    np.cumsum((data & 0xC0) != 0x80, out=leading[1:])
    return Strings(hashing.codes_of(data.tobytes().decode()), leading[ends])


def norms(texts: Sequence[str]) -> pa.StringArray:
    """Return the keys that texts are compared by, as an alias table makes them of its names."""
    return normal.spell(normal.words(texts)).norm


def cjk(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Mark the characters of scripts that do not part words."""
    found = np.zeros(len(codes), bool)
    for first, last in _CJK:
        found |= (codes >= first) & (codes <= last)
    return found


def ranges(firsts: NDArray[np.int64], lengths: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """Return the numbers of all ranges, one range after the other; refuse those not within 0 … `end`.

    >>> ranges(np.array([5, 0]), np.array([2, 3]), 7).tolist()
    [5, 6, 0, 1, 2]
    """
    if len(firsts) and (min(firsts.min(), lengths.min()) < 0 or (firsts + lengths).max() > end):
        raise IndexError(f"rows beyond the {end:,} that are there")
    return arrays.ranges(firsts, lengths)
