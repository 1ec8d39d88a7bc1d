"""Documents as tokens: arrays, laid end to end, with the place of every token in its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Stream(NamedTuple):
    """The tokens of D documents; `start` and `end` are code points of the document's own text.

    White space at the edges of a token is not part of its span. A token that stands for no text (a byte of a
    character that an earlier token holds) begins and ends where that one ends.
    """

    ids: NDArray[np.int32]  # [T]
    start: NDArray[np.int32]  # [T] never falls within a document
    end: NDArray[np.int32]  # [T]
    word: NDArray[np.bool_]  # [T] a word begins here; the first token of a document always begins one
    begins: NDArray[np.int64]  # [D + 1] where the tokens of each document begin

    def __len__(self) -> int:
        return len(self.begins) - 1

    @property
    def document(self) -> NDArray[np.int64]:
        """Whose token it is ([T])."""
        return np.repeat(np.arange(len(self)), np.diff(self.begins))


def joined(parts: Sequence[Stream]) -> Stream:
    """Lay streams end to end."""
    if len(parts) == 1:
        return parts[0]
    none = np.empty(0, np.int32)
    shifts = np.cumsum([0, *(len(part.ids) for part in parts)])
    begins = [part.begins[:-1] + shift for part, shift in zip(parts, shifts[:-1], strict=True)]
    return Stream(
        np.concatenate([none, *(part.ids for part in parts)]),
        np.concatenate([none, *(part.start for part in parts)]),
        np.concatenate([none, *(part.end for part in parts)]),
        np.concatenate([np.empty(0, bool), *(part.word for part in parts)]),
        np.concatenate([*begins, shifts[-1:]]).astype(np.int64),
    )
