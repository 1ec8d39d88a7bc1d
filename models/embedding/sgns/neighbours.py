"""The entities that vectors are made for: those that are mentioned, and those that have a triple."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.kb.reader import Base

I64 = NDArray[np.int64]


class Entities(NamedTuple):
    """Rows of entities, in order of eid."""

    eids: I64  # [E]
    mentions: I64  # [E] how often each is mentioned
    pairs: NDArray[np.int32]  # [P, 2] rows of neighbours, each pair once

    def rows(self, eids: I64) -> I64:
        """Return the row of each entity, −1 if it has none."""
        if not len(self.eids):
            return np.full(len(eids), -1, np.int64)
        at = np.minimum(np.searchsorted(self.eids, eids), len(self.eids) - 1)
        return np.where(self.eids[at] == eids, at, -1)

    @property
    def degrees(self) -> I64:
        """How many neighbours each has."""
        return np.bincount(self.pairs.ravel(), minlength=len(self.eids)).astype(np.int64)


def gather(mentioned: I64, counts: I64, base: Base | None, least: int) -> Entities:
    """Put together who is mentioned `least` times, and who has a triple."""
    pairs = _pairs(base) if base is not None else np.zeros((0, 2), np.int64)
    eids = np.union1d(mentioned[counts >= least], pairs)
    found = Entities(eids, np.zeros(len(eids), np.int64), np.zeros((0, 2), np.int32))
    rows = found.rows(mentioned)
    found.mentions[rows[rows >= 0]] = counts[rows >= 0]
    ends = [found.rows(pairs[:, side]).astype(np.int32) for side in (0, 1)]
    return found._replace(pairs=np.stack(ends, axis=1))


def _pairs(base: Base) -> I64:
    """Return the ends of all triples that hold: of each relation's statements the best, no loops."""
    found: list[I64] = [np.zeros((0, 2), np.int64)]
    for part in base.parts:
        if "triples" not in part.tables:
            continue
        for batch in part.scan("triples", ["head", "tail", "best"]):
            ends = np.stack([batch[name].to_numpy().astype(np.int64) for name in ("head", "tail")], axis=1)
            holds = batch["best"].to_numpy(zero_copy_only=False).astype(bool)
            found.append(ends[holds & (ends[:, 0] != ends[:, 1])])
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def total(parts: Sequence[tuple[I64, I64]]) -> tuple[I64, I64]:
    """Add up how often entities are mentioned in several places: eids and counts."""
    eids = np.concatenate([np.zeros(0, np.int64), *(one for one, _ in parts)])
    counts = np.concatenate([np.zeros(0, np.int64), *(one for _, one in parts)])
    found, place = np.unique(eids, return_inverse=True)
    return found, np.bincount(place, counts, len(found)).astype(np.int64)
