"""Triples sorted into buckets by the partitions of their heads and tails, on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kbtools.kb import arrays

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

FILE = "buckets.i32"
AT_ONCE = 1 << 20  # triples


class Buckets:
    """P × P buckets of triples [n, 3]; rows stay those of the whole graph.

    A counting sort in two passes: the first counts, the second puts each triple in its place of a mapped
    file. Within a bucket they keep their order. Memory: some 60 MB, and P² numbers. With one partition
    nothing is written: the bucket is the array that was given. Several processes may do this in one folder:
    each maps what it wrote itself.
    """

    def __init__(self, folder: Path, triples: I32, edges: Sequence[int] | I64) -> None:
        """Sort; partition p has the rows edges[p] .. edges[p + 1] − 1."""
        self._edges = np.asarray(edges, np.int64)
        self.number = len(self._edges) - 1
        sizes = np.zeros(self.number**2, np.int64)
        if self.number == 1:
            sizes[:] = len(triples)
            self._sorted = triples
        else:
            for _, found in self._numbered(triples):
                sizes += np.bincount(found, minlength=len(sizes))
        self._begins: I64 = np.concatenate([[0], np.cumsum(sizes)])
        if self.number > 1:
            self._sorted = self._write(folder, triples)

    @property
    def sizes(self) -> I64:
        """How many triples each has, [P, P]: heads' partition, tails' partition."""
        found: I64 = np.diff(self._begins).reshape(self.number, self.number)
        return found

    def bucket(self, i: int, j: int) -> I32:
        """Return the triples whose heads are in partition i and tails in j, [m, 3]; mapped."""
        if not (0 <= i < self.number and 0 <= j < self.number):
            raise IndexError(f"bucket ({i}, {j}) of {self.number} × {self.number}")
        at = i * self.number + j
        return self._sorted[self._begins[at] : self._begins[at + 1]]

    def _numbered(self, triples: I32) -> Iterator[tuple[I32, I64]]:
        """Yield some triples after the other, and the number of each one's bucket."""
        for at in range(0, len(triples), AT_ONCE):
            some = triples[at : at + AT_ONCE]
            sides = some[:, ::2]
            if sides.min() < self._edges[0] or sides.max() >= self._edges[-1]:
                raise ValueError(
                    f"rows beyond those of the partitions, {self._edges[0]} .. {self._edges[-1]}"
                )
            head, tail = np.searchsorted(self._edges, sides, "right").T - 1
            yield some, head * self.number + tail

    def _write(self, folder: Path, triples: I32) -> I32:
        if not len(triples):
            return np.zeros((0, 3), np.int32)
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=f"{FILE}.", delete=False) as made:
            path = Path(made.name)
        arrays.take_room(path, triples.nbytes)
        places = _mapped(path, "r+")
        following = self._begins[:-1].copy()
        for some, found in self._numbered(triples):
            order = np.argsort(found, kind="stable")
            counts = np.bincount(found, minlength=len(following))
            before = np.cumsum(counts) - counts  # of these, in their order
            places[np.arange(len(some)) + np.repeat(following - before, counts)] = some[order]
            following += counts
        return _mapped(path.replace(folder / FILE), "r")


def _mapped(path: Path, mode: Literal["r", "r+"]) -> I32:
    found: np.ndarray[Any, np.dtype[np.int32]] = np.memmap(path, np.int32, mode).view(np.ndarray)
    return found.reshape(-1, 3)
