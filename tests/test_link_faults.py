"""What can go wrong while a corpus is linked: kills, Ctrl-C, full disks."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.piecewise_linking import PIECE, finish, fixtures, line
from tests.running import linux_root
from tests.started import PROGRAM, Staged, Started, refused, same


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = psutil.Process().children()
    yield
    assert psutil.Process().children() == before


small_pieces, world, alias, news, reference = fixtures()


@pytest.fixture
def linking(world):
    alias, news, reference = world
    return Staged(["link", news, "--alias", alias], reference, PIECE)


def begin(news, alias, out, *, workers=2):
    return Started(line(news, alias, out, workers=workers), out, piece=PIECE)


# killed processes


@pytest.mark.parametrize(("tasks", "workers"), [pytest.param(3, 1, marks=pytest.mark.long), (8, 2)])
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, linking, tasks, workers):
    linking.killed(tmp_path / "linked", tasks, workers)


def test_a_killed_worker_costs_nothing_but_time(tmp_path, alias, news, reference):
    started = begin(news, alias, tmp_path / "linked")
    if started.wait_for(4) and (workers := started.workers()):
        workers[-1].kill()
    code, _, err = started.end()
    assert (code, err) == (0, "")
    assert same(tmp_path / "linked", reference)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_a_storm_of_kills(tmp_path, alias, news, reference, seed):
    """Parents and workers are killed, and killed again, at random moments."""
    rng, out = random.Random(seed), tmp_path / "linked"
    for _ in range(3):
        started = begin(news, alias, out, workers=rng.choice([1, 2, 3]))
        time.sleep(0.8 + rng.random() * 1.5)
        workers = started.workers()
        if workers and rng.random() < 0.4:
            with contextlib.suppress(psutil.NoSuchProcess):
                rng.choice(workers).kill()
            time.sleep(rng.random() * 0.3)
        started.kill()
        if out.exists():
            break
    finish(news, alias, out, reference, workers=rng.choice([1, 2]))


# impatient users


@pytest.mark.parametrize(("tasks", "workers"), [pytest.param(2, 1, marks=pytest.mark.long), (4, 2)])
def test_control_c_says_how_to_resume(tmp_path, linking, tasks, workers):
    linking.interrupted(tmp_path / "linked", tasks, workers)


def test_control_c_in_a_stream_promises_nothing(alias):
    """There is nothing to go on with: the lines are gone."""
    program = [sys.executable, "-c", PROGRAM.format(PIECE), "link", "-", "--alias", str(alias)]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as on:
        assert on.stdin
        assert on.stdout
        on.stdin.write(b'{"text": "Paris"}\n')
        on.stdin.flush()
        assert b"Q90" in on.stdout.readline()
        on.send_signal(signal.SIGINT)
        _, err = on.communicate(timeout=60)
    assert (on.returncode, err) == (130, b"Interrupted\n")


def test_a_reader_that_goes_away_ends_a_stream(alias):
    program = [sys.executable, "-c", PROGRAM.format(PIECE), "link", "-", "--alias", str(alias)]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as on:
        assert on.stdin
        assert on.stdout
        on.stdin.write(b'{"text": "Paris"}\n')
        on.stdin.flush()
        on.stdout.readline()
        on.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            for _ in range(2000):
                on.stdin.write(b'{"text": "Paris"}\n')
            on.stdin.close()
        assert on.wait(timeout=60) == 0
        assert on.stderr
        assert on.stderr.read() == b""


def test_two_runs_at_once(tmp_path, alias, news, reference):
    started = begin(news, alias, tmp_path / "linked", workers=1)
    assert started.wait_for(1)
    started.process.send_signal(signal.SIGSTOP)
    try:
        refused("is being written by process", *line(news, alias, tmp_path / "linked"))
    finally:
        started.process.send_signal(signal.SIGCONT)
    assert started.end()[0] == 0
    assert same(tmp_path / "linked", reference)


# full disks

FULL = {  # what is made to fail, and at which call
    "documents": ("pyarrow.parquet.ParquetWriter.write_table", 3),
    "the record of a task": ("kbtools.artefact.task.write_whole", 4),
    "the manifest": ("kbtools.artefact.staging.write_whole", 2),
}


@pytest.mark.parametrize("where", FULL)
def test_no_space_is_said_in_one_line_and_room_helps(tmp_path, linking, where):
    linking.without_space(tmp_path / "linked", *FULL[where])


@linux_root
def test_a_disk_that_is_really_full(tmp_path, linking):
    linking.on_a_small_disk(tmp_path / "disk", 24, 60, 120)


def test_an_export_without_space_leaves_the_old_file(tmp_path, alias, reference, monkeypatch):
    out = tmp_path / "a.jsonl"
    out.write_text("mine")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out))

    monkeypatch.setattr("kbtools.corpus.write", full)
    done = refused("No space left", "link", reference, "--format", "jsonl", "--out", out, "--overwrite")
    assert done.stderr.startswith("Error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    assert out.read_text() == "mine"
