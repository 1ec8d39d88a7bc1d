"""The character n-grams of strings, each packed into 63 bits: three code points of 21.

All strings have the 3-grams around each of their characters but spaces, with a space before the first and
after the last: a word has the same ones wherever it stands. What is too short for them to say much has more:
strings of up to 4 characters the 2-grams as well, those of up to 2 each character; and so has, whatever the
length, every character of Chinese, Japanese and Korean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.index.fuzzy.strings import Strings, cjk

SPACE = 32
_FIRST, _SECOND = np.uint64(42), np.uint64(21)


def of(strings: Strings) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the n-grams of strings, none of them empty, and whose each is; with repeats, in no order."""
    codes, offsets = strings
    owners, lengths = strings.owners, strings.lengths
    before, after = np.empty_like(codes), np.empty_like(codes)
    before[1:], after[:-1] = codes[:-1], codes[1:]
    before[offsets[:-1]] = after[offsets[1:] - 1] = SPACE
    left, here, right = (part.astype(np.uint64) for part in (before, codes, after))
    words = np.flatnonzero(codes != SPACE)
    keys = [(left << _FIRST | here << _SECOND | right)[words]]
    whose = [owners[words]]
    wide = cjk(codes)
    if len(small := np.flatnonzero(wide | (lengths <= 4)[owners])):
        keys += [left[small] << _SECOND | here[small], here[small] << _SECOND | right[small]]
        whose += [owners[small], owners[small]]
    if len(single := np.flatnonzero(wide | (lengths <= 2)[owners])):
        keys.append(here[single])
        whose.append(owners[single])
    return np.concatenate(keys), np.concatenate(whose)


def weigh(counts: NDArray[np.integer], names: int) -> NDArray[np.uint16]:
    """Return what sharing an n-gram is worth: 16 log₂(1 + N / n), a whole number, of n in N names."""
    return np.round(16 * np.log2(1 + names / counts)).astype(np.uint16)
