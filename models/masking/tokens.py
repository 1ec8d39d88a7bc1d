"""The tokens of a batch laid end to end, and what is known of each: all that choosing looks at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from kbtools.models.batch import Columns

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

NEVER = ("pad", "cls", "sep", "mask")  # an unknown word is a word: it is chosen like others


class Tokens(NamedTuple):
    """P = B·T tokens, padding too, of N examples; those of an example follow each other."""

    ids: I64  # [P]
    example: I64  # [P] from 0, in the order of `batch.examples`; what it is at padding says nothing
    ordinary: Bools  # [P] neither padding nor special; one that is taken is ordinary, whatever it is by now
    taken: Bools | None  # [P] some objective has chosen it already; None: no token is
    lengths: I64  # [N] special tokens count

    @classmethod
    def of(cls, batch: Columns, special: Mapping[str, int]) -> Tokens:
        """Look at a batch."""
        shape = batch["input_ids"].shape
        ids = flat(batch["input_ids"]).astype(np.int64, copy=False)
        there = flat(batch["attention_mask"]).astype(np.bool_, copy=False)
        rows = batch["batch.rows"].numpy()
        if rows.ndim == 1:
            example = np.repeat(np.arange(shape[0]), shape[1])
            lengths = there.reshape(shape).sum(1)
        else:
            many = (rows >= 0).sum(1)
            before = np.cumsum(many) - many
            example = (before[:, None] + batch["sequence"].numpy() - 1).reshape(-1)
            lengths = np.bincount(example[there], minlength=int(many.sum()))
        ordinary = there.copy()
        for name in NEVER:
            if special.get(name, -1) >= 0:
                ordinary &= ids != special[name]
        taken = flat(batch["corrupted"]) if "corrupted" in batch else None
        if taken is None or not taken.any():
            return cls(ids, example, ordinary, None, lengths)
        return cls(ids, example, ordinary | taken, taken, lengths)

    def free(self) -> Bools:
        """Tell which tokens may be chosen."""
        return self.ordinary if self.taken is None else self.ordinary & ~self.taken


def flat(values: torch.Tensor) -> NDArray[Any]:
    """Lay the rows of a column end to end; its memory is shared."""
    found: NDArray[Any] = values.numpy().reshape(-1)
    return found
