"""Random numbers that belong to an example, not to a generator.

u = hash(seed, purpose, epoch, number of the example, place in it) / 2⁵³: the same however examples are
batched, packed, shared out among processes or gone on with; another epoch, other numbers. The hash is the
finaliser of SplitMix64 (Steele, Lea & Flood 2014) over each part in turn. Drawn where batches are made, on
the CPU, and for small batches: numpy has whole numbers without a sign, and costs less a call than torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xxhash
from numpy.typing import NDArray
from torch import Tensor

from kbtools.models.batch import Columns

U64 = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_STEPS = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST, _ROOM, _ONE = np.uint64(31), np.uint64(11), np.uint64(1)


class Draws:
    """What is drawn for the examples of a batch; a `purpose` is a word, another word other numbers."""

    def __init__(self, batch: Columns, seed: int) -> None:
        ids = batch.get("input_ids")
        self._length = 1 if ids is None else int(ids.shape[1])  # triples have no tokens
        self.epoch, self.seed = int(batch.get("batch.epoch", 0)), seed
        rows = batch["batch.rows"].numpy().astype(np.int64, copy=False)
        self._packed = rows.ndim == 2
        self._rows = (rows if self._packed else rows[:, None]).view(np.uint64)  # [B, S] or [B, 1]
        if self._packed:
            self._example = np.maximum(batch["sequence"].numpy().astype(np.int64) - 1, 0)  # [B, T]
            self._place = batch["positions"].numpy().astype(np.uint64)  # [B, T]
            self._there = rows >= 0  # [B, S]

    def tokens(self, purpose: str) -> Tensor:
        """Draw from [0, 1) for each token, [B, T] float64."""
        mixed = self._mixed(purpose)
        if self._packed:
            return _uniform(_mix(np.take_along_axis(mixed, self._example, 1) + self._place))
        places: U64 = np.arange(self._length, dtype=np.uint64)
        return _uniform(_mix(mixed + places))

    def at(self, purpose: str, places: Tensor) -> Tensor:
        """Draw for some tokens what `tokens` does for all; places [M] are those of the flattened [B, T]."""
        row, column = np.divmod(places.numpy(), self._length)
        mixed = self._mixed(purpose)
        if self._packed:
            return _uniform(_mix(mixed[row, self._example[row, column]] + self._place[row, column]))
        return _uniform(_mix(mixed[row, 0] + column.astype(np.uint64)))

    def numbers(self, purpose: str, below: int) -> Tensor:
        """Draw a whole number from 0 to `below` for each token, [B, T]."""
        return (self.tokens(purpose) * below).long().clamp(max=below - 1)

    def examples(self, purpose: str) -> Tensor:
        """Draw from [0, 1) for each example, [N]; in the order of `batch.examples`."""
        mixed = self._mixed(purpose)
        return _uniform(_mix((mixed[self._there] if self._packed else mixed[:, 0]) - _ONE))

    def _mixed(self, purpose: str) -> U64:
        """Hash all but the place, [B, 1] or [B, S]."""
        key = xxhash.xxh3_64_intdigest(f"{self.seed} {self.epoch} {purpose}".encode())
        return _mix(self._rows + np.uint64(key))


def key(*parts: Any) -> int:
    """Hash some words and numbers to 63 bits: the seed of a generator."""
    return xxhash.xxh3_64_intdigest(" ".join(map(str, parts)).encode()) >> 1


def of_numbers(key: int, *columns: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Draw from [0, 1) for each row of some columns of whole numbers; the same row, the same draw."""
    mixed: U64 = np.array(key, np.uint64)
    for column in columns:
        mixed = _mix(mixed + column.astype(np.uint64))
    found: NDArray[np.float64] = (mixed >> _ROOM).astype(np.float64) * 2.0**-53
    return found


def _mix(x: U64) -> U64:
    """Return the finaliser of SplitMix64; whole numbers wrap around."""
    x = x + _GOLDEN
    for shift, factor in _STEPS:
        x ^= x >> shift
        x *= factor
    x ^= x >> _LAST
    return x


def _uniform(bits: U64) -> Tensor:
    return torch.from_numpy((bits >> _ROOM).view(np.int64) * 2.0**-53)
