"""Pairs that stand in no relation and yet are near: the nearest word among those of some other pairs.

Of k positive pairs that come after each other, each word w of a pair (w, v) is joined with the word x of the
2k that is nearest by cosine, x being neither w nor v and known with w in no order (Lauscher et al. 2020).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.shards.base import I64, Bools

DIGITS = 6
AT_ONCE = 1 << 24  # numbers in the vectors that are compared at once


class Near(NamedTuple):
    """What was found for each pair: for its first word, for its second; −1: none."""

    of_first: I64
    of_second: I64


def codes(first: I64, second: I64, terms: int) -> I64:
    """Return a number of each pair, the same in both orders."""
    return np.minimum(first, second) * np.int64(terms) + np.maximum(first, second)


def near(first: I64, second: I64, known: I64, vectors: NDArray[np.float32], size: int) -> Near:
    """Find the nearest other word for both words of each pair, among those of `size` pairs.

    `known`: sorted codes of all positive pairs. Of equally near words the first term is taken.
    """
    count = len(first)
    whole = count // size
    at_once = max(1, AT_ONCE // max(1, 2 * size * vectors.shape[1]))
    found = np.full((2, count), -1, np.int64)
    for low in range(0, whole, at_once):
        some = slice(low * size, min(low + at_once, whole) * size)
        found[:, some] = _batches(
            first[some].reshape(-1, size), second[some].reshape(-1, size), known, vectors
        )
    if count % size:
        rest = slice(whole * size, count)
        found[:, rest] = _batches(first[None, rest], second[None, rest], known, vectors)
    return Near(*found)


def _batches(first: I64, second: I64, known: I64, vectors: NDArray[np.float32]) -> I64:
    """Do so for batches [B, k] of pairs; return [2, B·k]."""
    batches, size = first.shape
    words = np.sort(np.concatenate([first, second], axis=1), axis=1)
    own = np.stack([first, second])  # the word whose neighbour is sought, and its partner
    partner = own[::-1]
    unit, no_vector = _unit(vectors[words])
    order = np.arange(batches)[:, None]
    at = np.stack([_places(words, one) for one in own])
    cosine = np.stack([unit[order, places] @ unit.transpose(0, 2, 1) for places in at])  # [2, B, k, 2k]
    np.round(cosine, DIGITS, out=cosine)  # the last bits of a sum differ from machine to machine
    candidate = words[None, :, None, :]
    bad = (candidate == own[..., None]) | (candidate == partner[..., None]) | no_vector[None, :, None, :]
    bad |= no_vector[order, at][..., None]
    cosine[bad] = -np.inf
    found: I64 = np.full((2, batches, size), -1, np.int64)
    while True:  # the nearest may be known: then the next, and so on
        best = cosine.argmax(axis=3)
        free = np.isfinite(np.take_along_axis(cosine, best[..., None], axis=3)[..., 0]) & (found < 0)
        open_ = np.nonzero(free)
        if not len(open_[0]):
            return found.reshape(2, batches * size)
        taken = words[open_[1], best[open_]]
        strange = _holds(known, codes(own[open_], taken, len(vectors)))
        good = tuple(one[~strange] for one in open_)
        found[good] = taken[~strange]
        again = tuple(one[strange] for one in open_)
        cosine[(*again, best[again])] = -np.inf
        if not strange.any():
            return found.reshape(2, batches * size)


def _unit(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], Bools]:
    """Return vectors of length 1, and which are nothing but zeros: they are near to nothing."""
    exact = vectors.astype(np.float64)
    length = np.linalg.norm(exact, axis=-1, keepdims=True)
    nothing: Bools = length[..., 0] == 0
    return exact / np.where(length == 0, 1, length), nothing


def _places(words: I64, wanted: I64) -> I64:
    """Find each wanted word in the sorted words of its batch."""
    span = np.int64(words.max() + 1) if words.size else np.int64(1)
    shift = np.arange(len(words))[:, None] * span
    place = np.searchsorted((words + shift).ravel(), (wanted + shift).ravel())
    found: I64 = place.reshape(wanted.shape) - np.arange(len(words))[:, None] * words.shape[1]
    return found


def _holds(known: I64, wanted: I64) -> Bools:
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    found: Bools = known[place] == wanted
    return found
