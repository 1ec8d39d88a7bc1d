"""Batches of shards as tensors, with and without workers of torch's DataLoader."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import BatchSampler, DataLoader, RandomSampler  # noqa: E402

from kbtools.errors import ArtefactError  # noqa: E402
from kbtools.models.training.data import BatchStream, Loader, RowSet, as_is, tensors  # noqa: E402
from kbtools.shards.reader import Shards  # noqa: E402
from kbtools.shards.reading.batches import Batches  # noqa: E402
from kbtools.shards.reading.rows import Rows  # noqa: E402
from kbtools.shards.reading.settings import Reading  # noqa: E402
from tests import tiny_shards  # noqa: E402

READING = Reading(tokens=48, window=2)

# From Python 3.12 on: torch forks, whatever other threads there are
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    lengths = np.random.default_rng(1).integers(2, 17, 60).tolist()
    return tiny_shards.write(tmp_path_factory.mktemp("data") / "shards", {"train": tiny_shards.rows(lengths)})


def seen(loader):
    return [batch["batch.rows"].tolist() for batch in loader]


def test_tensors_share_the_memory_of_arrays(folder):
    batch = Rows(Shards(folder)).take([3, 1])
    made = tensors(batch)
    assert made["input_ids"].dtype == torch.int64
    assert made["attention_mask"].dtype == torch.bool
    assert made["entities.w.priors"].dtype == torch.float32
    assert isinstance(made["documents.id"], pa.Array)
    made["input_ids"][0, 0] = 77
    assert batch["input_ids"][0, 0] == 77


@pytest.mark.parametrize(("workers", "start"), [(0, None), (1, "fork"), (2, "fork"), (1, "spawn")])
def test_workers_read_what_one_process_reads(folder, workers, start):
    plain = Batches(Shards(folder), reading=READING)
    expected = [seen(plain), seen(plain)] if start != "spawn" else [seen(plain)]
    loader = Loader(Batches(Shards(folder), reading=READING), workers=workers, start=start)
    assert [seen(loader) for _ in expected] == expected
    assert loader.state()["epoch"] == len(expected)


def test_what_workers_send_is_whole(folder):
    here, there = (
        Loader(Batches(Shards(folder))),
        Loader(Batches(Shards(folder)), workers=1, start="fork", pin=True),
    )
    for mine, theirs in zip(here, there, strict=True):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            if isinstance(value, torch.Tensor):
                assert value.dtype == theirs[name].dtype
                assert torch.equal(value, theirs[name]), name
            else:
                assert value == theirs[name]


def test_a_state_is_that_of_the_batch_handed_out_last(folder):
    """Workers are batches ahead of it."""
    expected = seen(Batches(Shards(folder), reading=READING))
    loader = Loader(Batches(Shards(folder), reading=READING), workers=2, start="fork")
    batches = iter(loader)
    done = [next(batches)["batch.rows"].tolist() for _ in range(3)]
    state = loader.state()
    del batches
    other = Loader(Batches(Shards(folder), reading=READING))
    other.resume(state)
    assert done + seen(other) == expected
    assert len(seen(other)) == pytest.approx(len(expected), abs=2)  # and the next epoch, whole
    assert seen(loader) == expected[3:]  # the one that was left goes on, too


@pytest.mark.parametrize("ahead", [0, 1, 5, 100])
def test_a_thread_makes_batches_ahead(folder, ahead):
    expected = seen(Batches(Shards(folder), reading=READING))
    loader = Loader(Batches(Shards(folder), reading=READING), ahead=ahead)
    batches = iter(loader)
    done = [next(batches)["batch.rows"].tolist() for _ in range(3)]
    state = loader.state()
    assert state["number"] == 3
    closed: Any = batches
    closed.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("batches")]
    other = Loader(Batches(Shards(folder), reading=READING), ahead=ahead)
    other.resume(state)
    assert done + seen(other) == expected
    assert other.state()["epoch"] == 1


@pytest.mark.parametrize("ahead", [0, 3])
def test_what_goes_wrong_in_the_thread_is_told(folder, monkeypatch, ahead):
    batches = Batches(Shards(folder), reading=READING)
    next(iter(Loader(batches)))

    def broken(rows):
        raise ArtefactError("damaged")

    monkeypatch.setattr(batches.rows, "gather", broken)
    with pytest.raises(ArtefactError, match="damaged"):
        seen(Loader(batches, ahead=ahead))
    assert batches.state()["number"] == 1


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.long)])
def test_an_interrupt_does_not_end_workers(folder, start):
    """Ctrl-C in a terminal reaches all processes; what becomes of it is for the main one to say."""
    expected = seen(Batches(Shards(folder), reading=READING))
    batches = iter(Loader(Batches(Shards(folder), reading=READING), workers=1, start=start))
    sender = threading.Thread(target=interrupt_at_start)
    sender.start()
    done = [next(batches)["batch.rows"].tolist()]
    sender.join()
    (worker,) = multiprocessing.active_children()
    assert worker.pid
    os.kill(worker.pid, signal.SIGINT)
    done += [batch["batch.rows"].tolist() for batch in batches]
    assert done == expected
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])  # heard here as before


def interrupt_at_start():
    """Send an interrupt to the first worker as soon as it is there, if it ever is."""
    for _ in range(5000):  # ten seconds
        pids = [worker.pid for worker in multiprocessing.active_children() if worker.pid]
        if pids:
            os.kill(pids[0], signal.SIGINT)
            break
        time.sleep(0.002)


def asleep(batch):
    """Take long to prepare all batches but the first."""
    time.sleep(0 if batch["batch.next"][3] <= 1 else 60)
    return batch


def dies(folder, told):
    """Be a main process that is killed while its worker is busy."""
    batches = iter(Loader(Batches(Shards(folder), reading=READING), workers=1, start="fork", prepare=asleep))
    next(batches)
    told.send([worker.pid for worker in multiprocessing.active_children()])
    os.kill(os.getpid(), signal.SIGKILL)


def test_workers_end_with_the_main_process(folder):
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    main = context.Process(target=dies, args=(folder, there))
    main.start()
    there.close()
    assert here.poll(30)
    (worker,) = here.recv()
    try:
        main.join()
        assert here.poll(4)  # the worker had the other end as well
        with pytest.raises(EOFError):
            here.recv()
    finally:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("workers", [0, 1])
def test_reading_draws_no_random_numbers(folder, workers):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    seen(Loader(Batches(Shards(folder), reading=READING), workers=workers, start="fork" if workers else None))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_tells_its_epoch(folder, workers):
    loader = Loader(Batches(Shards(folder), reading=READING), workers=workers, start="fork")
    for epoch in (0, 1):
        assert {batch["batch.epoch"] for batch in loader} == {epoch}


def test_ranks_have_examples_of_their_own(folder):
    ranks = [
        seen(Loader(Batches(Shards(folder), reading=READING, rank=rank, world=2, even="no")))
        for rank in (0, 1)
    ]
    rows = sorted(row for rank in ranks for batch in rank for row in batch)
    assert rows == list(range(60))


def test_streams_go_into_a_loader_of_ones_own(folder):
    batches = Batches(Shards(folder), reading=READING)
    loader = DataLoader(BatchStream(batches), batch_size=None)
    assert sorted(row for batch in seen(loader) for row in batch) == list(range(60))


def test_rows_go_with_samplers_of_ones_own(folder):
    rows = RowSet(Rows(Shards(folder), columns=["input_ids", "entities.w.spans"]))
    sampler = BatchSampler(RandomSampler(rows), 7, drop_last=False)
    for workers in (0, 1):
        context = "fork" if workers else None
        loader = DataLoader(
            rows,
            batch_sampler=sampler,
            collate_fn=as_is,
            num_workers=workers,
            multiprocessing_context=context,
        )
        found = list(loader)
        assert sorted(row for batch in found for row in batch["batch.rows"].tolist()) == list(range(60))
        assert [len(batch["input_ids"]) for batch in found] == [7] * 8 + [4]
    assert rows[5]["input_ids"].shape[0] == 1
    assert len(rows) == 60
