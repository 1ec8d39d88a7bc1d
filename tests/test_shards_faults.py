"""What can go wrong while shards are made: kills, Ctrl-C, full disks. What was done is not done again."""

from __future__ import annotations

import errno
import os
import signal
import subprocess

import psutil
import pytest
from click.testing import CliRunner

from kbtools import api
from kbtools.cli.main import main
from tests import tiny_tokenizer
from tests.piecewise_linking import RESUME, same
from tests.shard_world import ENGLISH
from tests.started import Started, owner_of
from tests.test_ingest_faults import disk, linux_root

PIECE = 4000  # bytes of a corpus


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("kbtools.corpus._files.PIECE", PIECE)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer.build(tmp_path_factory.mktemp("tokenizer") / "t")


@pytest.fixture(scope="module")
def reference(tokenizer, tmp_path_factory):
    out = tmp_path_factory.mktemp("reference") / "shards"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kbtools.corpus._files.PIECE", PIECE)
        options = ["max_length=32", "file_size=9000"]
        api.shard(ENGLISH, out, model="roberta", tokenizer=tokenizer, overrides=options)
    return out


def line(tokenizer, out, *, workers=1):
    return [
        "shard", ENGLISH, "--for", "roberta", "--tokenizer", tokenizer, "--out", out, "--workers", workers,
        "--quiet", "-o", "max_length=32", "-o", "file_size=9000",
    ]  # fmt: skip


def run(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def finish(tokenizer, out, reference, *, workers=1):
    if not out.exists():
        done = run(*line(tokenizer, out, workers=workers))
        assert done.exit_code == 0, done.output
    assert same(out, reference)
    assert not out.with_name(f"{out.name}.partial").exists()


@pytest.mark.parametrize("moment", [(4, 1), (12, 2), (40, 2)])  # the last: while they are merged
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, tokenizer, reference, moment):
    tasks, workers = moment
    started = Started(line(tokenizer, tmp_path / "s", workers=workers), tmp_path / "s", piece=PIECE)
    if started.wait_for(tasks):
        started.kill()
        assert not (tmp_path / "s").exists()
    finish(tokenizer, tmp_path / "s", reference, workers=workers)


def test_control_c_says_how_to_resume(tmp_path, tokenizer, reference):
    started = Started(line(tokenizer, tmp_path / "s", workers=2), tmp_path / "s", piece=PIECE)
    if started.wait_for(3):
        crew = started.workers()
        os.killpg(started.process.pid, signal.SIGINT)
        code, out, err = started.end()
        if code:
            assert (code, out, err) == (130, "", RESUME)
            assert not (tmp_path / "s").exists()
        assert not psutil.wait_procs(crew, timeout=5)[1]
    finish(tokenizer, tmp_path / "s", reference)


@pytest.mark.parametrize(
    ("what", "at"),
    [
        ("pyarrow.ipc.RecordBatchFileWriter.write_batch", 7),
        ("kbtools.shards.merging.write_batches", 2),
        ("kbtools.artefact.task.write_whole", 9),
        ("kbtools.artefact.staging.write_whole", 2),
    ],
)
def test_no_space_is_said_in_one_line_and_room_helps(tmp_path, tokenizer, reference, what, at):
    owner, _, attribute = what.rpartition(".")
    target, calls = owner_of(owner), []
    real = getattr(target, attribute)

    def full(*args, **options):
        calls.append(1)
        if len(calls) >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path))
        return real(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, attribute, full)
        done = run(*line(tokenizer, tmp_path / "s"))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert "no space left on device" in done.stderr
    assert "run the same command again" in done.stderr
    assert not (tmp_path / "s").exists()
    finish(tokenizer, tmp_path / "s", reference)


@linux_root
def test_a_disk_that_is_really_full(tmp_path, tokenizer, reference):
    out = tmp_path / "disk" / "s"
    with disk(tmp_path / "disk", "size=40k"):
        for kilobytes in (40, 200, 500):
            subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", tmp_path / "disk"], check=True)
            done = run(*line(tokenizer, out))
            assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
            assert "no space left on device" in done.stderr
            assert not out.exists()
        subprocess.run(["mount", "-o", "remount,size=64m", tmp_path / "disk"], check=True)
        assert run(*line(tokenizer, out)).exit_code == 0
        assert same(out, reference)
