"""Which relations lead from one entity to another: the triples of a knowledge base, mapped, by head.

Made by the process that first needs them, in the folder of the build; of two that do at once, who make the
same, the later one's files take the place of the earlier one's.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.kb import statements
from kbtools.kb.arrays import load_npy
from kbtools.kb.reader import Base
from kbtools.shards.base import I64, Here
from kbtools.shards.layouts import _choosing

Array = NDArray[Any]


class Edges(NamedTuple):
    """Relations and tails of the triples of each entity, in order of heads."""

    offsets: Array  # [E + 1]
    relation: Array
    tail: Array

    def between(self, head: I64, tail: I64) -> tuple[I64, I64]:
        """Return for pairs of entities all relations between them: place, relation."""
        known = (head >= 0) & (head < len(self.offsets) - 1)
        start = self.offsets[np.where(known, head, 0)]
        lengths = np.where(known, self.offsets[np.where(known, head, 0) + 1] - start, 0)
        at = ranges(start, lengths)
        pair = np.repeat(np.arange(len(head)), lengths)
        hit = np.flatnonzero(self.tail[at] == tail[pair])
        found = np.unique(np.column_stack([pair[hit], self.relation[at[hit]]]).astype(np.int64), axis=0)
        return found[:, 0], found[:, 1]


def edges(base: Base, here: Here) -> Edges:
    """Return the best statements of a base and its overlays."""
    contents = " ".join(f"{kb.path} {kb.manifest.content}" for kb in base.parts)
    held = _of_process(str(here.folder), contents)
    if not held:
        if here.folder is None:
            held.append(_made(base))
        else:
            held.append(_mapped(here.folder / _choosing.ROOM, base))
    return held[0]


@lru_cache(maxsize=8)
def _of_process(_folder: str, _contents: str) -> list[Edges]:
    return []


def _mapped(folder: Path, base: Base) -> Edges:
    names = [folder / f"edges-{base.name}-{name}.npy" for name in Edges._fields]
    if not all(name.is_file() for name in names):
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in zip(names, _made(base), strict=True):
            mine = name.with_suffix(f".{os.getpid()}.npy")
            np.save(mine, array, allow_pickle=False)
            mine.replace(name)
    return Edges(*(load_npy(name, gone="start again with --restart") for name in names))


def _made(base: Base) -> Edges:
    found = [
        np.column_stack([best.head, best.relation, best.tail]).astype(np.uint32)
        for triples in statements.all_of(base)
        for best in [statements.once(triples.take(triples.best))]
    ]
    every = np.concatenate(found) if found else np.zeros((0, 3), np.uint32)
    if len(base.parts) > 1:
        every = every[np.argsort(every[:, 0], kind="stable")]
    offsets = np.searchsorted(every[:, 0], np.arange(base.kb.rows("entities") + 1))
    return Edges(offsets, np.ascontiguousarray(every[:, 1]), np.ascontiguousarray(every[:, 2]))
