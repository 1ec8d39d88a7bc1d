"""The order of examples in an epoch: a permutation that is computed where it is asked for, never stored.

A Feistel network permutes all numbers of so many bits; numbers that are too large are sent through again
until they fall inside (cycle walking: Black and Rogaway 2002). The rounds mix bits as splitmix64 does
(Steele, Lea and Flood 2014). Nothing depends on a generator of random numbers, so an order stays what it is.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kbtools.shards.base import I64

Shuffle = Literal["rows", "blocks", "no"]
U64 = NDArray[np.uint64]

ROUNDS = 6  # an even number: halves of unequal size change places in each
TOGETHER = 64  # blocks whose rows are mixed with one another
_ALL = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


def keyed(*parts: int) -> int:
    """Make one number of several: seed, epoch, what for."""
    key = 0
    for part in parts:
        key = _mix_one(key ^ _mix_one((part + _STEP) & _ALL))
    return key


def permuted(at: I64, size: int, key: int, *, back: bool = False) -> I64:
    """Send each of the numbers below `size` to another of them; the key says how. `back` undoes it."""
    if size < 2:
        return at.copy()
    bits = max((size - 1).bit_length(), 2)
    low = bits // 2
    keys = [np.uint64(keyed(key, number)) for number in range(ROUNDS)]
    network = _backward if back else _forward
    found = network(at.astype(np.uint64), bits - low, low, keys)
    while (outside := np.flatnonzero(found >= size)).size:
        found[outside] = network(found[outside], bits - low, low, keys)
    told: I64 = found.astype(np.int64)
    return told


def rows_at(at: I64, size: int, shuffle: Shuffle, key: int, block: int) -> I64:
    """Say which rows stand at places of an epoch's order (a stretch of places, for blocks).

    `blocks` shuffles blocks of neighbouring rows, then the rows of some blocks among each other: for files
    that are read from afar, where every row would be a journey.
    """
    if shuffle == "no" or size < 2:
        return at.copy()
    if shuffle == "rows":
        return permuted(at, size, key)
    group = block * TOGETHER
    found = np.empty_like(at)
    for number in range(int(at.min()) // group, int(at.max()) // group + 1) if len(at) else ():
        inside = (at // group) == number
        first = number * group
        mixed = permuted(at[inside] - first, min(group, size - first), keyed(key, 1, number))
        found[inside] = _blocks(mixed + first, size, keyed(key, 2), block)
    return found


def _blocks(at: I64, size: int, key: int, block: int) -> I64:
    """Lay whole blocks in another order; the last one may be short."""
    count = -(-size // block)
    short = count * block - size  # what the last block lacks
    last = int(permuted(np.array([count - 1]), count, key, back=True)[0])  # where it comes to stand
    shifted = at + short * (at >= last * block + block - short)
    found: I64 = permuted(shifted // block, count, key) * block + shifted % block
    return found


def _forward(numbers: U64, high: int, low: int, keys: list[np.uint64]) -> U64:
    left, right = numbers >> np.uint64(low), numbers & _ones(low)
    for key in keys:
        mixed = _mix(right ^ key)
        mixed &= _ones(high)
        mixed ^= left
        left, right = right, mixed
        high, low = low, high
    return left << np.uint64(low) | right


def _backward(numbers: U64, high: int, low: int, keys: list[np.uint64]) -> U64:
    left, right = numbers >> np.uint64(low), numbers & _ones(low)
    for key in reversed(keys):
        left, right = right ^ (_mix(left ^ key) & _ones(low)), left
        high, low = low, high
    return left << np.uint64(low) | right


def _ones(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)


def _mix(numbers: U64) -> U64:
    """Mix the bits of numbers, where they are."""
    numbers ^= numbers >> np.uint64(30)
    numbers *= np.uint64(0xBF58476D1CE4E5B9)
    numbers ^= numbers >> np.uint64(27)
    numbers *= np.uint64(0x94D049BB133111EB)
    numbers ^= numbers >> np.uint64(31)
    return numbers


def _mix_one(number: int) -> int:
    return int(_mix(np.array([number & _ALL], np.uint64))[0])
