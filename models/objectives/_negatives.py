"""Triples that are not true: one end of a true one is another entity, drawn anew in each epoch.

What is drawn belongs to the example (`draws`), so it is the same however examples are batched, shared out or
gone on with. A known triple is never drawn: it is drawn again, and where that does not help, from the list
of all that are left.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kbtools.models import draws
from kbtools.models.kge.known import Known
from kbtools.shards.reader import Shards

ROUNDS = 16  # of drawing, before what is left is listed
SPLITS = ("train", "dev")  # whose triples are known
COLUMNS = ("head", "relation", "tail")

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Asked(NamedTuple):
    """Ends of triples that are to be replaced: what stays, [M] each."""

    anchor: I64
    relation: I64
    heads: Bools  # whether the head is replaced

    def take(self, which: Any) -> Asked:
        """Return some of them."""
        return Asked(self.anchor[which], self.relation[which], self.heads[which])


def known(shards: Shards, entities: int, relations: int) -> Known:
    """Gather what is known: all triples of training and dev; some 40 bytes each."""
    parts = []
    for split in SPLITS:
        if split not in shards.splits:
            continue
        for batch in shards.scan(split, list(COLUMNS)):
            columns = [batch.column(name).to_numpy().astype(np.int32) for name in COLUMNS]
            parts += [np.stack(columns, 1)]
    return Known(parts, entities, relations)


def drawn(asked: Asked, keys: I64, pool: I64, there: Known) -> tuple[I64, Bools]:
    """Draw an entity of `pool` for each, [M]; also tell for which there is one. `keys` [M] settle which."""
    found = np.full(len(keys), -1, np.int64)
    left = np.arange(len(keys))
    for number in range(ROUNDS):
        u = draws.of_numbers(number, keys[left])
        tried = pool[np.minimum((u * len(pool)).astype(np.int64), len(pool) - 1)]
        some = asked.take(left)
        false = ~is_known(some, tried[:, None], there)[:, 0]
        found[left[false]] = tried[false]
        left = left[~false]
        if not len(left):
            return found, np.ones(len(keys), np.bool_)
    for at in left:  # few: nearly all entities are answers of these
        rest = _unknown(asked, int(at), pool, there)
        u = draws.of_numbers(ROUNDS, keys[[at]])
        if len(rest):
            found[at] = rest[min(int(u[0] * len(rest)), len(rest) - 1)]
    return np.maximum(found, pool[0]), found >= 0


def is_known(asked: Asked, candidates: I64, there: Known) -> Bools:
    """Tell which candidates [M, N] make a known triple."""
    anchor, relation, heads = (torch.from_numpy(one)[:, None] for one in asked)
    told: Tensor = there.contains(anchor, relation, heads, torch.from_numpy(candidates))
    found: Bools = told[:, 0].numpy()
    return found


def _unknown(asked: Asked, at: int, pool: I64, there: Known) -> I64:
    """List the entities that make no known triple."""
    one = (torch.from_numpy(column[[at]]) for column in asked)
    return np.setdiff1d(pool, there.answers(*one)[1].numpy(), assume_unique=False)
