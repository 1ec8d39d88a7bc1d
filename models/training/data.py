"""Batches of shards as tensors, in this process or in workers of torch's DataLoader.

    shards ─ Batches ─▶ numpy ─ from_numpy, no copy ─▶ tensors ─ (workers, pinned memory) ─▶ training

`Loader` is what a training loop wants: epochs, any number of workers, a state to go on from. `BatchStream`
and `RowSet` are datasets for a DataLoader of one's own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from multiprocessing import connection, resource_tracker
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from kbtools.models.ahead import ahead
from kbtools.shards.reading.batches import Batches, State
from kbtools.shards.reading.planning import Place
from kbtools.shards.reading.rows import Rows

ALIGNED = 64  # bytes

Tensors = dict[str, Any]  # tensors by column; strings stay Arrow arrays
Prepare = Callable[[Tensors], Tensors]  # what is done to each batch where it is made


def tensors(batch: dict[str, Any]) -> Tensors:
    """Make tensors of a batch's arrays; they share their memory."""
    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in batch.items()
    }


def as_is(batch: Any) -> Any:
    """Collate what is a batch already: the `collate_fn` for `RowSet`."""
    return batch


def worker() -> tuple[int, int]:
    """Say which of a DataLoader's workers this process is, and of how many."""
    told = get_worker_info()
    return (0, 1) if told is None else (told.id, told.num_workers)


class BatchStream(IterableDataset[Tensors]):
    """What is left of an epoch, shared out among the workers of a DataLoader (`batch_size=None`)."""

    def __init__(self, batches: Batches, prepare: Prepare | None = None) -> None:
        self.batches, self.prepare = batches, prepare

    def __iter__(self) -> Iterator[Tensors]:
        made = map(tensors, self.batches.epoch(*worker()))
        return map(self.prepare, made) if self.prepare else made


class Parcel(NamedTuple):
    """A batch in one piece of memory: what a worker sends costs a millisecond a tensor, not a byte."""

    memory: Tensor
    layout: list[tuple[str, torch.dtype, tuple[int, ...], int, int]]  # name, type, shape, first byte, last
    others: dict[str, Any]

    @classmethod
    def of(cls, batch: dict[str, Any]) -> Parcel:
        """Lay the arrays of a batch end to end."""
        made = tensors(batch)
        found = {name: value for name, value in made.items() if isinstance(value, Tensor)}
        layout, end = [], 0
        for name, value in found.items():
            start = -(-end // ALIGNED) * ALIGNED
            end = start + value.nbytes
            layout.append((name, value.dtype, tuple(value.shape), start, end))
        memory = torch.empty(end, dtype=torch.uint8)
        for name, dtype, shape, start, end in layout:
            memory[start:end].view(dtype).view(shape).copy_(found[name])
        return cls(memory, layout, {name: value for name, value in made.items() if name not in found})

    def open(self) -> Tensors:
        """Return the batch; its tensors are parts of the one memory, pinned if that is."""
        parts = {
            name: self.memory[start:end].view(dtype).view(shape)
            for name, dtype, shape, start, end in self.layout
        }
        return parts | self.others


class Parcels(IterableDataset[Parcel]):
    """`BatchStream`, each batch in one piece."""

    def __init__(self, batches: BatchStream) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Parcel]:
        return map(Parcel.of, self.batches)


class RowSet(Dataset[Tensors]):
    """Examples by number, for samplers of one's own.

    A DataLoader that is given a `batch_sampler` asks for all rows of a batch at once, and gets the batch.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Tensors:
        return self.__getitems__([number])

    def __getitems__(self, numbers: Sequence[int]) -> Tensors:
        return tensors(self.rows.take(numbers))


def _begin(_number: int) -> None:
    """Begin as a worker: leave Ctrl-C to the main process, and end with it, whatever goes on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main = multiprocessing.parent_process()
    if main is not None:
        threading.Thread(target=_end_with, args=(main.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


@contextmanager
def _unheard() -> Iterator[None]:
    """Hold Ctrl-C back while workers start; what they inherit protects them until they `_begin`."""
    resource_tracker.ensure_running()  # else it starts with the first worker, and lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Loader:
    """Epochs of tensors: each `for` goes on where the last one ended, or was left.

    Without workers a thread makes `ahead` batches in advance. The state is that of the batch handed out last,
    however far ahead the thread or the workers are. `prepare` is done to each batch by those who make it.
    Whether a batch is in pinned memory, and how workers are started, is as for a DataLoader.
    """

    def __init__(
        self,
        batches: Batches,
        *,
        workers: int = 0,
        ahead: int = 2,
        pin: bool = False,
        start: str | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        self.batches, self.workers, self.ahead, self.start = batches, workers, ahead, start
        self.prepare = prepare
        self.pin = pin and torch.cuda.is_available()  # there is nothing to pin for elsewhere

    def __iter__(self) -> Iterator[Tensors]:
        epoch = self.batches.place.epoch
        found = self._read()
        try:
            for batch in found:
                self.batches.place = Place(*batch["batch.next"].tolist())
                yield batch
        finally:
            found.close()
        self.batches.place = Place(epoch + 1, 0, 0, 0)

    def _read(self) -> Generator[Tensors, None, None]:
        reader = copy(self.batches)  # it is ahead of what is handed out, and has a place of its own
        made = BatchStream(reader, self.prepare)
        sent = self.workers or self.pin
        found = (parcel.open() for parcel in self._sent(made)) if sent else iter(made)
        device = torch.cuda.current_device() if self.pin else -1  # below 0 it is left as it is
        yield from found if self.workers or not self.ahead else ahead(found, self.ahead, device)

    def _sent(self, made: BatchStream) -> Iterator[Parcel]:
        loader = DataLoader(
            Parcels(made),
            batch_size=None,
            collate_fn=as_is,
            num_workers=self.workers,
            pin_memory=self.pin,
            multiprocessing_context=self.start if self.workers else None,
            generator=torch.Generator(),  # else it draws from the one that dropout draws from
            worker_init_fn=_begin,
        )
        with _unheard() if self.workers else nullcontext():
            return iter(loader)

    def state(self) -> State:
        """Say where to go on, as plain data; see `Batches.state`."""
        return self.batches.state()

    def resume(self, state: State) -> None:
        """Go on where a state says."""
        self.batches.resume(state)
