"""Vectors in which each entity has another's, or one that was drawn: controls of what vectors are worth.

A row is asked for and another one is read, or numbers are made: nothing is held but the mean and the
deviation of each column. `eids` are those of the true rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kbtools.artefact import KbRef, Manifest
from kbtools.cycles import another, keys_of
from kbtools.models.vectors import AT_ONCE, Vectors

Control = Literal["true", "permuted", "random"]


class Controlled:
    """Rows of `Vectors` that are not what they were."""

    def __init__(self, true: Vectors, how: Control, seed: int) -> None:
        self.true, self.how, self.seed = true, how, seed
        self.path, self.content, self.manifest = true.path, true.content, true.manifest
        self.kbs, self.rows, self.dim, self.dtype = true.kbs, true.rows, true.dim, true.dtype
        self.eids, self.row_of = true.eids, true.row_of

    path: Path
    content: str
    manifest: Manifest
    kbs: list[KbRef]

    def __reduce__(self) -> tuple[object, tuple[Vectors, Control, int]]:
        """Travel to another process as a path."""
        return Controlled, (self.true, self.how, self.seed)

    def __deepcopy__(self, _memo: object) -> Controlled:
        return self

    def gather(self, rows: Tensor, *, pinned: bool = False) -> Tensor:
        """Read what stands for some rows, [N] → [N, dim]."""
        if self.how == "permuted":
            other = another(rows.numpy(), self.rows, keys_of(self.seed))
            return self.true.gather(torch.from_numpy(other), pinned=pinned)
        mean, deviation = self._moments
        drawn = mean + deviation * _normal(self.seed, rows.numpy(), self.dim)
        found = torch.from_numpy(drawn).to(self.dtype)
        return found.pin_memory() if pinned else found

    def blocks(self, rows: Tensor | None = None) -> Iterator[tuple[int, Tensor]]:
        """Read what stands for all rows, or some, in blocks; each with how many came before it."""
        step = max(1, AT_ONCE // (8 * self.dim))
        many = self.rows if rows is None else len(rows)
        for at in range(0, max(1, many), step):
            some = torch.arange(at, min(at + step, many)) if rows is None else rows[at : at + step]
            yield at, self.gather(some)

    @cached_property
    def _moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Work out mean and deviation of each column, in one pass: of blocks, and between them."""
        mean, squares, done = np.zeros(self.dim), np.zeros(self.dim), 0
        for _, block in self.true.blocks():
            if not len(block):
                continue
            told = block.numpy().astype(np.float64)
            gap, many = told.mean(0) - mean, len(told)
            squares += ((told - told.mean(0)) ** 2).sum(0) + gap**2 * done * many / (done + many)
            mean, done = mean + gap * many / (done + many), done + many
        return mean, np.sqrt(squares / max(done, 1))


def controlled(source: Vectors | None, how: Control, seed: int) -> Any:
    """Return vectors as a control has them."""
    return source if source is None or how == "true" else Controlled(source, how, seed)


def _normal(seed: int, rows: NDArray[np.integer[Any]], dim: int) -> NDArray[np.float64]:
    """Draw from the normal distribution for each row and column (Box & Muller 1958), [N, dim]."""
    place = rows.astype(np.uint64)[:, None] * np.uint64(2 * dim) + np.arange(2 * dim, dtype=np.uint64)
    bits = keys_of(np.full(place.size, seed), place.ravel()).reshape(len(rows), 2, dim)
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    found: NDArray[np.float64] = np.sqrt(-2 * np.log(uniform[:, 0])) * np.cos(2 * np.pi * uniform[:, 1])
    return found
