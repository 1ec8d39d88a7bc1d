"""A run that is killed, at whatever moment, goes on with the same command as if nothing had been."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time

import pytest

from tests import training
from tests.crew import Process, checkpoint, command, same, wait_for

GIVEN = ("run.steps=20", "run.save=10", "run.evaluate=10", "run.keep=1")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Twenty steps that nothing disturbed."""
    return training.train(tmp_path_factory.mktemp("whole") / "run", *GIVEN)


def killed(out, dies=0, *, quiet=True):
    """Start the command, to be killed."""
    return Process(command(out, *GIVEN, quiet=quiet), dies=dies)


def goes_on(out, whole):
    """Run the same command again, unless it was done."""
    if not out.exists() or out.with_name(f"{out.name}.partial").exists():
        training.train(out, *GIVEN)
    assert same(out, whole)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_ten_steps_a_kill_and_ten_more_are_twenty(tmp_path, whole):
    out = tmp_path / "run"
    started = killed(out)
    assert wait_for(checkpoint(out, 10), started)
    started.kill()
    assert started.end()[0] == -signal.SIGKILL
    assert not out.exists()
    goes_on(out, whole)


@pytest.mark.long
def test_killed_while_the_run_gets_its_name(tmp_path, whole):
    """Files are brought to the disk at checkpoints, then for the manifest: near the end of these calls."""
    out = tmp_path / "run"
    calls = counted(tmp_path / "counted")
    assert killed(out, calls - 1).end()[0] == -signal.SIGKILL
    goes_on(out, whole)


def counted(out):
    """Count the calls of fsync of a whole run."""
    with pytest.MonkeyPatch.context() as patch:
        calls: list[int] = []
        real = os.fsync
        patch.setattr(os, "fsync", lambda handle: calls.append(handle) or real(handle))  # type: ignore[func-returns-value]
        training.train(out, *GIVEN)
    shutil.rmtree(out)
    return len(calls)


@pytest.mark.long
def test_killed_at_any_file_that_is_written(tmp_path, whole):
    calls = counted(tmp_path / "counted")
    for dies in random.Random(0).sample(range(1, calls + 1), 12):
        out = tmp_path / str(dies) / "run"
        out.parent.mkdir()
        assert killed(out, dies).end()[0] == -signal.SIGKILL
        goes_on(out, whole)


@pytest.mark.long
def test_killed_again_and_again(tmp_path, whole):
    out, drawn = tmp_path / "run", random.Random(1)
    for _ in range(10):
        started = killed(out)
        if not wait_for(out.with_name("run.partial") / "new", started):
            break
        time.sleep(drawn.uniform(0, 3))
        started.kill()
        started.end()
    goes_on(out, whole)
