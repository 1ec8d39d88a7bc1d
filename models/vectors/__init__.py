"""Vectors of entities as tensors: a mapped table whose rows are read when they are asked for.

The folder is kbtools/vectors' (contracts §7). Files are mapped by the core's own reader of safetensors:
indexing the mapped array reads those rows and no others, whatever the table's size; a file that is shorter
than its header says is refused in one line. A table that is opened twice is mapped once.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kbtools import vectors as stored
from kbtools.artefact import KbRef, Manifest
from kbtools.errors import ArtefactError

AT_ONCE = 1 << 26  # bytes of rows that are read together
LET_GO = 1 << 12  # rows after whose reading the memory they took is given back; it costs half a millisecond
DENSE = 3  # a list of all eids is kept if it is at most so many times as long as that of the rows
_opened: weakref.WeakValueDictionary[tuple[Path, str], Vectors] = weakref.WeakValueDictionary()


class Lookup:
    """Finds the row of an entity; at most 12 bytes a row.

    Either a list by eid, or, where most eids have no row, the sorted eids and their rows.
    """

    def __init__(self, eids: Tensor) -> None:
        """Take the eid of each row, [rows] int64; −1 is nobody's."""
        rows = torch.nonzero(eids >= 0).squeeze(1)
        own = eids[rows]
        self._sorted: Tensor | None = None
        size = int(own.max()) + 1 if len(own) else 0
        if size <= DENSE * len(own):
            self._rows = torch.full((size + 1,), -1, dtype=torch.int32, device=eids.device)
            self._rows[own] = rows.int()
        else:
            self._sorted, order = own.sort()
            self._rows = rows[order].int()

    def __call__(self, eids: Tensor) -> Tensor:
        """Return the rows of entities, int64; −1: it has none, or is none (any number below 0)."""
        if self._sorted is None:
            last = len(self._rows) - 1  # which is nobody's
            inside = (eids >= 0) & (eids < last)
            return self._rows[torch.where(inside, eids, last)].long()
        at = torch.searchsorted(self._sorted, eids).clamp(max=len(self._sorted) - 1)
        return torch.where(self._sorted[at] == eids, self._rows[at].long(), -1)


class Vectors:
    """A `vectors` folder whose rows are read as tensors."""

    def __init__(self, folder: stored.Vectors) -> None:
        self.folder = folder
        self._array = folder.array
        self._read = 0

    @classmethod
    def open(cls, path: Path | str, content: str | None = None) -> Vectors:
        """Map a table, or take the one that is already mapped; `content` refuses any other."""
        folder = stored.Vectors(Path(path).absolute())
        if content not in {None, folder.content}:
            raise ArtefactError(f"{path}: not the vectors they were: they have been replaced since")
        key = folder.path, folder.content
        found = _opened.get(key)
        if found is None:
            found = _opened[key] = cls(folder)
        return found

    def __reduce__(self) -> tuple[object, tuple[Path, str]]:
        """Travel to another process as a path: it maps the table itself."""
        return Vectors.open, (self.path, self.content)

    def __deepcopy__(self, _memo: object) -> Vectors:
        return self

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder.path

    @property
    def content(self) -> str:
        """What it is known by."""
        return self.folder.content

    @property
    def manifest(self) -> Manifest:
        """What it says of itself."""
        return self.folder.manifest

    @property
    def kbs(self) -> list[KbRef]:
        """The knowledge bases whose entities these are."""
        return self.folder.manifest.kbs

    @property
    def rows(self) -> int:
        """How many entities have a vector."""
        return len(self._array)

    @property
    def dim(self) -> int:
        """The numbers of a vector."""
        return int(self._array.shape[1])

    @property
    def dtype(self) -> torch.dtype:
        """What the vectors are stored in."""
        return torch.float16 if self._array.dtype == np.float16 else torch.float32

    @cached_property
    def _lookup(self) -> Lookup:
        return Lookup(self.eids())

    def eids(self) -> Tensor:
        """Return whose each row is, [rows] int64."""
        return torch.from_numpy(self.folder.eids())

    def row_of(self, eids: Tensor) -> Tensor:
        """Return the rows of entities, [...] → [...] int64; −1: it has none, or is none."""
        return self._lookup(eids)

    def gather(self, rows: Tensor, *, pinned: bool = False) -> Tensor:
        """Read some rows, [N] → [N, dim]; in pinned memory, from where a GPU takes them without waiting."""
        if rows.numel() and not 0 <= int(rows.min()) <= int(rows.max()) < self.rows:
            raise IndexError(f"{self.path}: rows from 0 to {self.rows - 1} were to be read")
        found = torch.empty((len(rows), self.dim), dtype=self.dtype, device="cpu", pin_memory=pinned)
        if len(rows):  # "clip" writes into `out` without a copy between
            np.take(self._array, rows.numpy(), axis=0, out=found.numpy(), mode="clip")
        self._read += len(rows)
        if self._read >= LET_GO:
            self._read = 0
            self.folder.let_go()
        return found

    def blocks(self, rows: Tensor | None = None) -> Iterator[tuple[int, Tensor]]:
        """Read all rows, or some, in order and in blocks; each with how many came before it."""
        at = 0
        if rows is None:
            for block in self.folder.blocks():
                yield at, torch.from_numpy(block.copy())
                at += len(block)
            return
        step = max(1, AT_ONCE // (self.dim * self.dtype.itemsize))
        for at in range(0, max(1, len(rows)), step):  # one of no rows, if there are none
            yield at, self.gather(rows[at : at + step])
