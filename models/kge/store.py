"""Vectors in parts, of which few are held at a time; the others lie in files.

A bucket's parts are held while it is trained. Meanwhile one thread writes what was let go, then reads what is
needed next: there are never more than three parts in memory. With one part nothing is ever let go, and
files are written for checkpoints alone.

Several processes may share a folder, each with the buckets of a round that are its own; those of a round have
no part in common. After a round each of them calls `flush`, waits for the others, and calls `forget` for the
parts that those have trained. All call `checkpoint` and `resume`, of which the chief does what is done once:
they wait for it before they go on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from kbtools.errors import ArtefactError, KbError
from kbtools.io.tensors import Mapped, map_file
from kbtools.models.kge import checkpoints, parts
from kbtools.models.kge.partitions import HELD
from kbtools.models.kge.parts import Part

AT_ONCE = 1 << 26  # bytes of rows that are read together


class Store:
    """A table of vectors in parts; `make` makes a part as it is before it is trained, always the same."""

    def __init__(
        self,
        folder: Path,
        edges: Sequence[int],
        make: Callable[[int], Part],
        device: torch.device | str = "cpu",
        *,
        chief: bool = True,
    ) -> None:
        self.folder, self.edges, self._make = folder, [int(edge) for edge in edges], make
        self.device, self.chief = torch.device(device), chief
        self._held: dict[int, Part] = {}
        self._changed: set[int] = set()  # of those: what may not be as in its file
        self._versions: dict[int, int] = {}  # of parts that have a file, or soon will; one more each time
        self._kept: frozenset[str] = frozenset()  # files of checkpoints, which stay
        self._best: tuple[int | None, frozenset[str]] = None, frozenset()  # stamp and files of the best
        self._coming: dict[int, Future[Part]] = {}
        self._going: list[Future[None]] = []
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="parts")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArtefactError(f"{folder}: cannot be made: {error.strerror}") from error

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def rows(self) -> int:
        """How many there are in all."""
        return self.edges[-1]

    def hold(self, needed: Collection[int], soon: Collection[int] = ()) -> dict[int, Part]:
        """Return some parts, to be changed, until `hold` is called again; write back what is let go.

        `soon` is needed next, the first first: it is read in the meantime, as far as three parts go. After
        `flush` and `checkpoint` parts are to be asked for again, or what is changed later is not written.
        """
        self._settle()
        wanted = [*dict.fromkeys([*needed, *soon])][: max(HELD, len({*needed}))]
        for part in self._held.keys() - {*wanted}:
            self._let_go(part)
        for part in self._coming.keys() - {*wanted}:
            self._coming.pop(part).cancel()
        for part in wanted:
            if part not in self._held and part not in self._coming:
                self._coming[part] = self._worker.submit(self._load, part, self._versions.get(part))
        for part in [one for one in wanted if one in needed and one in self._coming]:
            self._held[part] = self._wait(self._coming.pop(part))
        self._changed.update(needed)
        return {part: self._held[part] for part in needed}

    def flush(self) -> None:
        """Write all parts that have changed, and wait until they are written; they stay held."""
        self._settle()
        for part in sorted(self._changed):
            self._save(part, self._held[part])
        self._drain()

    def forget(self, trained: Collection[int]) -> None:
        """Take note of parts that another process has trained, once, and written."""
        if lost := self._changed.intersection(trained):
            raise ValueError(f"parts {sorted(lost)} were changed here, too, and are not written")
        for part in {*trained}:
            self._held.pop(part, None)
            if (coming := self._coming.pop(part, None)) is not None:
                coming.cancel()
            self._versions[part] = self._versions.get(part, -1) + 1

    def checkpoint(
        self, stamp: int, extra: Mapping[str, Tensor], told: Mapping[str, Any], *, best: bool = False
    ) -> None:
        """Write what is changed, then a checkpoint: all parts, small tensors, and plain data.

        `stamp` grows. What neither this one needs nor the best one is removed when it is on the disk.
        """
        self.flush()
        files = checkpoints.names(stamp, self._versions)
        if best:
            self._best = stamp, files
        self._kept = files | self._best[1]
        if self.chief:
            checkpoints.write(self.folder, stamp, self.edges, self._versions, extra, told, self._best[0])
            checkpoints.sweep(self.folder, self._kept)

    def resume(
        self, *, best: bool = False, tell: Callable[[str], object] = warnings.warn
    ) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Go back to the last checkpoint that is whole, or to the best; return what was told, and tensors.

        None: there is none, and all parts are as they are made. What came after the last is removed.
        """
        self._drain()
        found = checkpoints.last(self.folder, self.edges, tell)
        kept = checkpoints.best(self.folder, self.edges, found, tell)
        self._best = kept.about.stamp if kept else None, checkpoints.files(kept)
        self._kept = checkpoints.files(found) | checkpoints.files(kept)
        if self.chief:
            checkpoints.sweep(self.folder, self._kept)
        taken = kept if best else found
        self._held, self._coming, self._changed = {}, {}, set()
        self._versions = dict(taken.about.versions) if taken else {}
        return (taken.about.told, taken.extra) if taken else None

    def close(self) -> None:
        """Let go of everything, and write nothing more."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._held, self._coming, self._changed = {}, {}, set()

    def gather(self, rows: Tensor) -> Tensor:
        """Return some rows, [N] → [N, width]; of parts that are not held, from their files."""
        if len(self.edges) == 2 and 0 in self._held:
            return self._held[0].weights.index_select(0, rows.to(self.device))
        self._drain()
        whose = torch.bucketize(rows, torch.tensor(self.edges[1:], device=rows.device), right=True)  # [N]
        order = torch.argsort(whose, stable=True)
        counts = torch.bincount(whose, minlength=len(self.edges) - 1).tolist()
        found = [
            self._some(part, some - self.edges[part])
            for part, some in enumerate(torch.split(rows[order], counts))
            if len(some) or part == 0  # one of no rows says how wide they are
        ]
        together = torch.cat(found)
        return torch.empty_like(together).index_copy_(0, order.to(self.device), together)

    def blocks(self) -> Iterator[tuple[int, Tensor]]:
        """Read all rows in order, in blocks; each with the number of its first row."""
        for part, (first, end) in enumerate(zip(self.edges, self.edges[1:], strict=False)):
            self._drain()
            source = self._source(part)
            array = source if isinstance(source, Tensor) else source.tensors.arrays[parts.WEIGHTS]
            step = max(1, AT_ONCE // (4 * max(1, array.shape[1])))
            for at in range(0, end - first, step):
                yield first + at, self._tensor(array[at : at + step])
                if isinstance(source, Mapped):
                    source.let_go()

    def _source(self, part: int, *, scattered: bool = False) -> Tensor | Mapped:
        """Return the weights of a part: those that are held, those of its file, or as they begin."""
        if part in self._held:
            return self._held[part].weights
        if part not in self._versions:
            made: Tensor = self._make(part).weights
            return made
        path = self.folder / parts.name(part, self._versions[part])
        found = map_file(path, scattered=scattered)
        weights = found.tensors.arrays.get(parts.WEIGHTS)
        if weights is None or weights.ndim != 2 or len(weights) != self._size(part):
            raise ArtefactError(f"{path}: no part of {self._size(part):,} rows; begin the run anew")
        return found

    def _some(self, part: int, rows: Tensor) -> Tensor:
        """Return some rows of a part, [N] → [N, width]."""
        source = self._source(part, scattered=True)
        if isinstance(source, Tensor):
            return source.index_select(0, rows.to(source.device)).to(self.device)
        return self._tensor(source.tensors.arrays[parts.WEIGHTS][rows.numpy(force=True)])

    def _tensor(self, rows: Tensor | NDArray[Any]) -> Tensor:
        if isinstance(rows, Tensor):
            return rows.to(self.device)
        return torch.from_numpy(rows if rows.flags.writeable else rows.copy()).to(self.device)

    def _size(self, part: int) -> int:
        return self.edges[part + 1] - self.edges[part]

    def _let_go(self, part: int) -> None:
        held = self._held.pop(part)
        if part in self._changed:
            self._save(part, held)

    def _save(self, part: int, held: Part) -> None:
        """Have a part written; what its file was goes, unless the last checkpoint names it."""
        before = self._versions.get(part, -1)
        old, new = parts.name(part, before), parts.name(part, before + 1)
        gone = None if before < 0 or old in self._kept else self.folder / old
        self._going.append(self._worker.submit(_write, self.folder / new, held, gone))
        self._versions[part] = before + 1
        self._changed.discard(part)

    def _load(self, part: int, version: int | None) -> Part:
        """Read a part, or make it; done by the thread."""
        if version is None:
            made = self._make(part)
            state = {name: one.to(self.device) for name, one in made.state.items()}
            return Part(made.weights.to(self.device), state)
        found = parts.read_part(self.folder / parts.name(part, version), self._size(part), self.device)
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()
        return found

    def _wait(self, coming: Future[Part]) -> Part:
        try:
            return coming.result()
        except KbError:
            self._drain()  # it may be that it could not be written before
            raise

    def _drain(self) -> None:
        """Wait until all is written."""
        while self._going:
            self._going.pop(0).result()

    def _settle(self) -> None:
        """Let a GPU finish what it does to the parts that are held; raise what went wrong with a file."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        while self._going and self._going[0].done():
            self._going.pop(0).result()


def _write(path: Path, held: Part, gone: Path | None) -> None:
    parts.write_part(path, held)
    if gone is not None:
        parts.remove(gone)
