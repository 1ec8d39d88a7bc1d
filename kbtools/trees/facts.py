"""What a knowledge base says of each entity, in the order of its file, with labels in one language.

    facts = opened(folder)                     # mapped into memory, shared by processes
    offsets, rows = facts.of(eids)             # rows of facts, entity by entity
    facts.relation[rows], facts.tail[rows]     # numbers
    facts.predicates(rows), facts.objects(rows)  # texts

Deprecated statements are left out. `preparing.prepare` writes the folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.kb.schema import STR
from kbtools.trees.base import I64
from kbtools.trees.strings import gather

FOLDER = "work/facts"
COLUMNS = {
    "begins": np.int64, "relation": np.uint32, "tail": np.int64, "statement": np.uint64, "rank": np.int8,
    "best": np.bool_, "name": np.int64,
}  # fmt: skip
TEXTS = ("texts", "values", "relations", "relation_ids")


class Texts:
    """Many texts: bytes and offsets, mapped."""

    def __init__(self, data: NDArray[np.uint8], offsets: I64) -> None:
        self.data, self.offsets = data, offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, places: NDArray[Any]) -> pa.StringArray:
        """Return some of them."""
        return gather(self.data, self.offsets[places], self.offsets[places + 1])

    def all(self) -> pa.StringArray:
        """Return them all, where they are few."""
        return self.take(np.arange(len(self)))


@dataclass(frozen=True)
class Facts:
    """F facts about E entities."""

    folder: Path  # where all this lies; others may keep what they prepare beside it
    begins: I64  # [E + 1] the first fact of each entity; they follow in the order of the file
    relation: NDArray[np.uint32]  # [F] a place in `relations`
    tail: I64  # [F] the entity; below 0: literal number −1 − tail
    statement: NDArray[np.uint64]  # [F] the order of the file
    rank: NDArray[np.int8]  # [F] 0 normal, 1 preferred
    best: NDArray[np.bool_]  # [F]
    name: I64  # [E] the text an entity is called by
    texts: Texts
    values: Texts  # of literals
    relations: pa.StringArray  # [R] labels
    relation_ids: pa.StringArray  # [R]

    def __len__(self) -> int:
        return len(self.tail)

    @property
    def entities(self) -> int:
        """How many entities there are."""
        return len(self.begins) - 1

    def counts(self, eids: NDArray[Any]) -> I64:
        """Count the facts about entities; none for numbers that no entity has."""
        known = (eids >= 0) & (eids < self.entities)
        inside = np.where(known, eids, 0).astype(np.int64)
        if not self.entities:
            return np.zeros(len(eids), np.int64)
        found: I64 = np.where(known, self.begins[inside + 1] - self.begins[inside], 0)
        return found

    def of(self, eids: NDArray[Any]) -> tuple[I64, I64]:
        """Return the facts about entities: offsets [len(eids) + 1] and rows, in the order of the file."""
        counts = self.counts(eids)
        offsets = np.zeros(len(eids) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        first = self.begins[np.where(counts > 0, eids, 0).astype(np.int64)] if len(eids) else offsets[:-1]
        return offsets, ranges(first, counts)

    def heads(self, rows: NDArray[Any]) -> I64:
        """Return whom facts are about."""
        return np.searchsorted(self.begins, rows, "right").astype(np.int64) - 1

    def names(self, eids: NDArray[Any]) -> pa.StringArray:
        """Return what entities are called."""
        return self.texts.take(self.name[eids])

    def predicates(self, rows: NDArray[Any]) -> pa.StringArray:
        """Return the labels of the relations of facts."""
        return self.relations.take(pa.array(self.relation[rows]))

    def objects(self, rows: NDArray[Any]) -> pa.StringArray:
        """Return what facts end in: labels of entities, texts of literals."""
        tails = self.tail[rows]
        literal = tails < 0
        if not literal.any():
            return self.names(tails)
        both = pa.concat_arrays([self.names(tails[~literal]), self.values.take(-1 - tails[literal])])
        place = np.empty(len(tails), np.int64)
        place[~literal] = np.arange(len(tails) - literal.sum())
        place[literal] = np.arange(literal.sum()) + (len(tails) - literal.sum())
        return both.take(pa.array(place)).cast(STR)


def opened(folder: Path) -> Facts:
    """Map what was prepared in a folder."""
    made = (folder / "begins.bin").stat()
    return _opened(folder, (made.st_ino, made.st_mtime_ns))


def close() -> None:
    """Let go of what is mapped."""
    _opened.cache_clear()


@lru_cache(maxsize=2)
def _opened(folder: Path, _made: tuple[int, int]) -> Facts:
    arrays = {name: mapped(folder / f"{name}.bin", kind) for name, kind in COLUMNS.items()}
    texts = {
        name: Texts(mapped(folder / f"{name}.utf8", np.uint8), mapped(folder / f"{name}.ends", np.int64))
        for name in TEXTS
    }
    return Facts(
        folder=folder,
        **arrays,
        texts=texts["texts"],
        values=texts["values"],
        relations=texts["relations"].all(),
        relation_ids=texts["relation_ids"].all(),
    )


def mapped(path: Path, kind: Any) -> NDArray[Any]:
    """Map an array of a file; one of nothing cannot be mapped."""
    if not path.stat().st_size:
        return np.zeros(0, kind)
    return np.asarray(np.memmap(path, kind, "r"))
