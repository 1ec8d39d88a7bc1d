"""A text encoder that needs no model: words and character n-grams, hashed into signed buckets.

Each feature of a text adds ±1 (a word ±2) to one of `dim` numbers; its hash says which (Weinberger et al.
2009). Texts that share words, parts of words or Chinese characters come out near each other; nothing is known
of meaning. It is a baseline and what tests use: for meanings, hand in a real encoder.

The vectors are the same on every machine: sums are of whole numbers, and the length is a correctly rounded
square root.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kbtools import text as forms
from kbtools.alias import hashing
from kbtools.errors import ConfigError

GRAMS = (2, 3, 4)  # characters of an n-gram; none has a space inside, those at a word's edge have one there
WORD = 2  # what a whole word counts
CHARS = 1 << 17  # characters worked on at once
_SPACE, _IDEOGRAPHS = ord(" "), 0x2E80  # from there on, one character alone says something


class HashingEncoder:
    """Encode by hashing; `dim` buckets."""

    def __init__(self, dim: int = 384) -> None:
        if not 1 <= dim <= 65_536:
            raise ConfigError(f"a hashing encoder of {dim} numbers; it is 1 to 65536")
        self.dim = dim
        self.name = f"hashing-1-{dim}"

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts as vectors of length 1; [n, dim]. One without a letter or sign is all zeros."""
        bare = forms.normalise_many(texts, forms.BARE)
        empty = [at for at, text in enumerate(bare) if not text]
        for at, text in zip(
            empty, forms.normalise_many([texts[i] for i in empty], forms.FOLDED), strict=True
        ):
            bare[at] = text
        made = np.zeros((len(bare), self.dim), dtype=np.float32)
        for first, end in _slices(bare):
            sums = self._sums(bare[first:end])
            length = np.sqrt((sums * sums).sum(axis=1))  # exact before the root: whole numbers
            length[length == 0] = 1
            made[first:end] = sums / length[:, None]
        return made

    def _sums(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Add up the features of some texts; [n, dim]."""
        codes = hashing.codes_of(" " + " ".join(texts) + " ")
        lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1  # each with the space before it
        owner = np.append(np.repeat(np.arange(len(texts)), lengths), len(texts) - 1)
        sums = hashing.prefix(codes)
        space = codes == _SPACE
        spaces = np.concatenate([[0], np.cumsum(space)])
        total = np.zeros(len(texts) * self.dim)

        def add(starts: NDArray[np.int64], ends: NDArray[np.int64], weight: int = 1) -> None:
            """Add the features that are spans of the joined text; each belongs to the text it starts in."""
            hashes = hashing.spans(sums, starts, ends)
            bucket = ((hashes >> np.uint64(32)) % np.uint64(self.dim)).astype(np.int64)
            sign = 1.0 - 2.0 * (hashes & np.uint64(1)).astype(np.float64)
            where = owner[starts] * self.dim + bucket
            np.add(total, np.bincount(where, weights=weight * sign, minlength=len(total)), out=total)

        single = np.flatnonzero(codes >= _IDEOGRAPHS)
        add(single, single + 1)
        for size in GRAMS:
            starts = np.arange(len(codes) - size + 1)
            inside = (
                spaces[starts + size - 1] - spaces[starts + 1]
            )  # none of those between the first and last
            edges = space[starts].astype(np.int64) + space[starts + size - 1]
            starts = starts[(inside == 0) & (edges < size - 1)]
            add(starts, starts + size)
        marks = np.flatnonzero(space)
        starts, ends = marks[:-1] + 1, marks[1:]
        words = ends > starts
        add(starts[words], ends[words], WORD)
        return total.reshape(len(texts), self.dim)


def _slices(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Cut texts into runs of some hundred, fewer if they are long."""
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 128)
    first = 0
    while first < len(texts):
        before = int(ends[first - 1]) if first else 0
        end = max(first + 1, int(np.searchsorted(ends, before + CHARS, side="right")))
        yield first, end
        first = end
