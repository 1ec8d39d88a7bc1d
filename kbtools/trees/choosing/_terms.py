"""The words of texts as hashes; in Chinese and the like every character is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.text import BARE, FOLDED, normalise_many
from kbtools.trees.base import I64

U64 = NDArray[np.uint64]

_SPACE, _IDEOGRAPHS = ord(" "), 0x2E80  # from there on a character says something alone


class Terms(NamedTuple):
    """The words of each text, end to end."""

    begins: I64  # [N + 1]
    hashes: U64  # [W]


def terms(texts: Sequence[str]) -> Terms:
    """Cut texts into words: case, accents, width, punctuation, traditional characters do not count."""
    bare = normalise_many(texts, BARE)
    empty = [at for at, text in enumerate(bare) if not text]  # nothing but signs: they have to do
    for at, text in zip(empty, normalise_many([texts[at] for at in empty], FOLDED), strict=True):
        bare[at] = text
    codes = hashing.codes_of("".join(f"{text} " for text in bare))
    ends = np.cumsum(np.fromiter((len(text) + 1 for text in bare), np.int64, len(bare)))
    space, alone = codes == _SPACE, codes >= _IDEOGRAPHS
    before = np.append(True, (space | alone)[:-1]) if len(codes) else np.zeros(0, np.bool_)
    start = np.flatnonzero(~space & (before | alone))
    edges = np.append(np.flatnonzero(space | alone), len(codes))
    stop = np.where(alone[start], start + 1, edges[np.searchsorted(edges, start)])
    hashes = hashing.spans(hashing.prefix(codes), start, stop)
    return Terms(np.append(0, np.searchsorted(start, ends)).astype(np.int64), hashes)
