"""Vectors opened for reading: mapped into memory, so that a table may be larger than it.

    vectors.safetensors      one array, `vectors` [rows, dim], float32 or float16
    ids.parquet              row u32 · eid u32, sorted by eid: each row is one entity
    relations.safetensors    if there are any: `relations` [relations, ...], whose row is rid, and what
                             else the model has beside its entities, by the names that it gave

Opening reads the manifest and a header of some hundred bytes. What is indexed is read, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.io import tensors
from kbtools.kb.reader import Tables

KIND = "vectors"
FILE, IDS, OTHERS = "vectors.safetensors", "ids.parquet", "relations.safetensors"
NAME, RELATIONS = "vectors", "relations"  # of arrays, and of their tables in the manifest
SCHEMA = pa.schema([pa.field("row", pa.uint32(), False), pa.field("eid", pa.uint32(), False)])
DTYPES = ("float32", "float16")
AT_ONCE = 1 << 26  # bytes of vectors that are looked at together

Array = NDArray[Any]
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
        found = self._load(scattered=False)
        array = found.tensors.arrays[NAME]
        step = max(1, AT_ONCE * max(1, len(array)) // max(1, array.nbytes))
        for at in range(0, len(array), step):
            yield array[at : at + step]
            found.let_go()

    @cached_property
    def _scattered(self) -> tensors.Mapped:
        return self._load(scattered=True)

    def _load(self, *, scattered: bool) -> tensors.Mapped:
        path = self._file(NAME)
        found = tensors.map_file(path, scattered=scattered)
        array = found.tensors.arrays.get(NAME)
        if array is None or array.ndim != 2 or not array.shape[1] or array.dtype.name not in DTYPES:
            told = "no array" if array is None else f"{array.dtype} {array.shape}"
            raise ArtefactError(f"{path}: {told}, where `{NAME}` is [rows, dim] of {' or '.join(DTYPES)}")
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
        return tensors.load(self._file(RELATIONS)).arrays

    def _file(self, table: str) -> Path:
        files = self.files(table)
        if len(files) != 1:
            raise ArtefactError(f"{self.path}: {len(files)} files of {table}, where one is wanted")
        return files[0]
