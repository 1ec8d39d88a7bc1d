"""A circle through all of 0 … n−1, drawn by a key: whoever asks gets the next one, never himself.

    another(places, n, keys)      # [N] → [N]; the same key, the same circle

place ↦ f⁻¹(f(place) + 1 mod n). f is a permutation of n numbers: a Feistel network over the smallest even
power of two that holds them (Luby & Rackoff 1988), in which numbers from n on go round again (cycle walking;
Black & Rogaway 2002). Nothing is held, however large n is, and each place may have a key of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

ROUNDS = 6
_STEPS = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_ROUND = np.uint64(0xD1B54A32D192ED03 >> 4)  # times the number of a round it still fits
_GOLDEN, _LAST = np.uint64(0x9E3779B97F4A7C15), np.uint64(31)


def keys_of(*columns: ArrayLike) -> U64:
    """Hash rows of whole numbers by the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    found: U64 = np.zeros(1, np.uint64)
    for column in columns:
        found = _mix(found + np.asarray(column).astype(np.uint64))
    return found


def below(keys: U64, size: int | NDArray[Any]) -> I64:
    """Return a number from 0 to `size` for each key, `size` left out."""
    found: I64 = (keys % np.asarray(np.maximum(size, 1)).astype(np.uint64)).astype(np.int64)
    return found


def another(places: NDArray[np.integer[Any]], size: int, keys: ArrayLike) -> I64:
    """Return the next of each place in the circle of its key; of one alone, itself."""
    if size < 2 or not len(places):
        return places.astype(np.int64)
    half = max((size - 1).bit_length() + 1, 2) // 2
    each: U64 = np.broadcast_to(np.asarray(keys, np.uint64), places.shape)
    found = _walk(places.astype(np.uint64), size, each, half, range(ROUNDS))
    found = (found + np.uint64(1)) % np.uint64(size)
    return _walk(found, size, each, half, range(ROUNDS - 1, -1, -1)).astype(np.int64)


def _walk(values: U64, size: int, keys: U64, half: int, rounds: range) -> U64:
    """Permute numbers below `size`; those that leave are sent round again."""
    found = _feistel(values, keys, half, rounds)
    while len(out := np.flatnonzero(found >= size)):
        found[out] = _feistel(found[out], keys[out], half, rounds)
    return found


def _feistel(values: U64, keys: U64, half: int, rounds: range) -> U64:
    """Permute numbers of 2 · half bits; the rounds in the other order undo it."""
    bits = np.uint64(half)
    mask = np.uint64((1 << half) - 1)
    left, right = values >> bits, values & mask
    forward = rounds.step > 0
    for number in rounds:
        told = right if forward else left
        mixed = _mix(keys + np.uint64(number + 1) * _ROUND ^ told) & mask
        left, right = (right, left ^ mixed) if forward else (right ^ mixed, left)
    return left << bits | right


def _mix(x: U64) -> U64:
    x = x + _GOLDEN  # whole numbers wrap around
    for shift, factor in _STEPS:
        x = (x ^ (x >> shift)) * factor
    found: U64 = x ^ (x >> _LAST)
    return found
