"""Vectors opened for reading: mapped into memory, so that a table may be larger than it.

    vectors.safetensors      one array, `vectors` [rows, dim], float32 or float16
    ids.parquet              row u32 · eid u32, sorted by eid: each row is one entity
    relations.safetensors    if there are any: `relations` [relations, ...], whose row is rid, and what
                             else the model has beside its entities, by the names that it gave
    words and their vectors  if there are any: `words.py`; then there may be no entity

Opening reads the manifest and a header of some hundred bytes. What is indexed is read, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.io import tensors
from kbtools.kb.reader import Tables
from kbtools.vectors.mapping import Array, blocks, mapped, only_file
from kbtools.vectors.words import TABLE as WORDS
from kbtools.vectors.words import WordVectors

KIND = "vectors"
FILE, IDS, OTHERS = "vectors.safetensors", "ids.parquet", "relations.safetensors"
NAME, RELATIONS = "vectors", "relations"  # of arrays, and of their tables in the manifest
SCHEMA = pa.schema([pa.field("row", pa.uint32(), False), pa.field("eid", pa.uint32(), False)])

I64 = NDArray[np.int64]


class Vectors(Tables):
    """One `vectors` folder."""

    kind = KIND

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        if missing := {NAME, "ids"} - set(self.tables):
            raise ArtefactError(f"{self.path}: has no table {min(missing)!r}; make it again")

    @property
    def content(self) -> str:
        """What it is known by."""
        return self.manifest.content

    @property
    def count(self) -> int:
        """How many entities have a vector."""
        return len(self.array)

    @property
    def dim(self) -> int:
        """The numbers of a vector."""
        return int(self.array.shape[1])

    @property
    def array(self) -> Array:
        """All vectors, [rows, dim], mapped: rows are read from the disk when they are indexed."""
        return self._scattered.tensors.arrays[NAME]

    def let_go(self) -> None:
        """Give back the memory of rows that were read: the system maps far more than those."""
        self._scattered.let_go()

    def blocks(self) -> Iterator[Array]:
        """Read all vectors in order; a block is good until the next one is asked for."""
        return blocks(self._mapped(scattered=False), NAME)

    @cached_property
    def words(self) -> WordVectors | None:
        """The words that have a vector, if there are any."""
        return WordVectors(self) if WORDS in self.tables else None

    @cached_property
    def _scattered(self) -> tensors.Mapped:
        return self._mapped(scattered=True)

    def _mapped(self, *, scattered: bool) -> tensors.Mapped:
        found = mapped(self, NAME, NAME, scattered=scattered)
        array = found.tensors.arrays[NAME]
        if len(array) != self.rows("ids"):
            raise ArtefactError(
                f"{self.path}: {len(array):,} vectors of {self.rows('ids'):,} entities; make it again"
            )
        return found

    def eids(self) -> I64:
        """Return which entity each row is, in the order of the rows; 8 bytes a row."""
        table = self.table("ids", SCHEMA.names)
        rows, eids = (table[name].to_numpy().astype(np.int64) for name in SCHEMA.names)
        found = np.full(self.count, -1, np.int64)
        if len(rows) == len(found) and rows.max(initial=-1) < len(found):
            found[rows] = eids
        if (found < 0).any():
            raise ArtefactError(f"{self.path}: its ids do not name each row once; make it again")
        return found

    def relations(self) -> dict[str, Array]:
        """Return what there is of relations, and what else the model has, by name."""
        if RELATIONS not in self.tables:
            return {}
        return tensors.load(only_file(self, RELATIONS)).arrays
