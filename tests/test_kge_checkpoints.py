"""The last checkpoint is whole, whatever happens: training by parts goes on as if it had not stopped."""

from __future__ import annotations

import errno
import os
import re
import signal
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from kbtools.errors import ArtefactError, KbError, ResourceError  # noqa: E402
from kbtools.models.kge import checkpoints  # noqa: E402
from tests.kge_parts import opened, train, whole  # noqa: E402

BUCKETS = [(0, 1), (2, 2), (3, 1), (0, 2), (1, 1), (3, 0)]


def save(parted, stamp, **more):
    parted.checkpoint(stamp, {"small": torch.full((2,), float(stamp))}, {"round": stamp}, **more)


def go_on(folder, rounds, every=2):
    """Train from where it is; a checkpoint every few rounds."""
    with opened(Path(folder)) as parted:
        found = parted.resume(tell=lambda _: None)
        begun = found[0]["round"] if found else 0
        for number in range(begun, rounds):
            train(parted, BUCKETS[number % len(BUCKETS)], BUCKETS[(number + 1) % len(BUCKETS)])
            if (number + 1) % every == 0:
                save(parted, number + 1)
        return number + 1 if begun < rounds else begun


def after(rounds, tmp_path):
    """Return the table as an undisturbed run has it."""
    with opened(tmp_path) as parted:
        for number in range(rounds):
            train(parted, BUCKETS[number % len(BUCKETS)])
        return whole(parted)


def told(folder):
    """Return what the last checkpoint says, and its table."""
    with opened(folder) as parted:
        found = parted.resume()
        return (found, whole(parted)) if found else (None, None)


def test_a_run_goes_on_where_it_was(tmp_path):
    assert told(tmp_path / "run")[0] is None
    go_on(tmp_path / "run", 5)  # the last checkpoint is of 4
    (words, small), table = told(tmp_path / "run")
    assert words == {"round": 4}
    assert small["small"].tolist() == [4, 4]
    assert torch.equal(table, after(4, tmp_path / "four"))
    go_on(tmp_path / "run", 8)
    assert torch.equal(told(tmp_path / "run")[1], after(8, tmp_path / "eight"))


def test_only_files_of_the_checkpoint_stay(tmp_path):
    go_on(tmp_path, 7)
    told(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [re.sub(r"v\d+", "v", name) for name in names] == [
        "checkpoint.v.json", *(f"part-00{part}.v.safetensors" for part in range(4)), "rest.v.safetensors",
    ]  # fmt: skip


def test_files_of_others_are_left_alone(tmp_path):
    for name in ("notes.txt", "part-1.txt", "rest.safetensors"):
        (tmp_path / name).write_text("mine")
    go_on(tmp_path, 4)
    assert {"notes.txt", "part-1.txt", "rest.safetensors"} <= {path.name for path in tmp_path.iterdir()}


def test_the_best_stays_beside_the_last(tmp_path):
    with opened(tmp_path) as parted:
        for number in range(1, 7):
            train(parted, BUCKETS[number - 1])
            save(parted, number, best=number in {1, 3})
        last = whole(parted)
        words, small = parted.resume(best=True) or ({}, {})
        assert (words, small["small"].tolist()) == ({"round": 3}, [3, 3])
        assert torch.equal(whole(parted), after(3, tmp_path / "x"))
    found, table = told(tmp_path)
    assert found[0] == {"round": 6}
    assert torch.equal(table, last)
    assert len([*tmp_path.glob("checkpoint*")]) == 2
    with opened(tmp_path) as parted:
        parted.resume()
        assert (parted.resume(best=True) or ({}, {}))[0] == {"round": 3}


def test_without_a_best_there_is_none(tmp_path):
    go_on(tmp_path, 2)
    with opened(tmp_path) as parted:
        assert parted.resume(best=True) is None


@pytest.mark.parametrize("call", ["fsync", "replace", "unlink"])
@pytest.mark.parametrize("at", [0, 1, 2, 3, 5, 8])
def test_a_fault_at_any_write_leaves_a_whole_checkpoint(tmp_path, monkeypatch, call, at):
    left = [at]

    def faulty(real):
        def one(*args, **more):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.EIO, "Input/output error")
            return real(*args, **more)

        return one

    go_on(tmp_path / "run", 2)
    with monkeypatch.context() as patch:
        owner = os if call == "fsync" else Path
        patch.setattr(owner, call, faulty(getattr(owner, call)))
        with pytest.raises(KbError):
            go_on(tmp_path / "run", 12)
    found, table = told(tmp_path / "run")
    reached = found[0]["round"]
    assert reached in range(2, 12, 2)
    assert torch.equal(table, after(reached, tmp_path / "x"))
    go_on(tmp_path / "run", 12)
    assert torch.equal(told(tmp_path / "run")[1], after(12, tmp_path / "y"))


def child(folder):
    """Train in a process of its own; return its number."""
    if number := os.fork():
        return number
    try:
        go_on(folder, 100_000)
    finally:
        os._exit(1)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_is_killed_leaves_a_whole_checkpoint(tmp_path):
    """It is killed again and again, goes on each time, and gets where it would have got at once."""
    for more in (4, 2, 6, 2):
        before = checkpoints.stamps(tmp_path / "run") or [0]
        started = child(tmp_path / "run")
        while max(checkpoints.stamps(tmp_path / "run"), default=0) < before[-1] + more:
            assert os.waitpid(started, os.WNOHANG) == (0, 0), "it stopped by itself"
            time.sleep(0.0005)
        os.kill(started, signal.SIGKILL)
        os.waitpid(started, 0)
        found, table = told(tmp_path / "run")
        assert torch.equal(table, after(found[0]["round"], tmp_path / f"x{more}"))


def damage(folder, fault):
    path = next(folder.glob("checkpoint.v4.json"))
    match fault:
        case "cut":
            path.write_bytes(path.read_bytes()[:-20])
        case "words":
            path.write_bytes(b"\xff\xfe nothing")
        case "short":
            part = next(folder.glob("part-001.v*"))
            part.write_bytes(part.read_bytes()[:-1])
        case "torn":
            rest = folder / "rest.v4.safetensors"
            rest.write_bytes(bytes(rest.stat().st_size))
        case "gone":
            (folder / "rest.v4.safetensors").unlink()
        case "others":
            path.write_bytes(path.read_bytes().replace(b"part-001", b"part-009"))


@pytest.mark.parametrize("fault", ["cut", "words", "short", "torn", "gone", "others"])
def test_a_damaged_checkpoint_is_refused(tmp_path, fault):
    go_on(tmp_path, 4)
    damage(tmp_path, fault)
    said: list[str] = []
    with (
        opened(tmp_path) as parted,
        pytest.raises(ArtefactError, match=r"no checkpoint is whole.*begin the run anew") as error,
    ):
        parted.resume(tell=said.append)
    assert "\n" not in str(error.value)
    assert len(said) == 1


@pytest.mark.parametrize("fault", ["cut", "torn", "gone"])
def test_an_older_one_is_taken_if_the_last_is_damaged(tmp_path, fault):
    with opened(tmp_path) as parted:
        for number in range(1, 5):
            train(parted, BUCKETS[number - 1])
            save(parted, number, best=number == 3)
    damage(tmp_path, fault)
    with opened(tmp_path) as parted:
        with pytest.warns(UserWarning, match=r"v4.*the one before it is tried"):
            found = parted.resume()
        assert found is not None
        assert found[0] == {"round": 3}
        assert torch.equal(whole(parted), after(3, tmp_path / "x"))


def test_other_parts_and_other_programs_are_refused(tmp_path):
    go_on(tmp_path, 4)
    with opened(tmp_path, number=5) as parted, pytest.raises(
        ArtefactError, match="of 10 rows in 4 parts, and here there are 10 rows in 5 parts"
    ):  # fmt: skip
        parted.resume()
    path = tmp_path / "checkpoint.v4.json"
    for old, new, said in (
        (b'"version": 1', b'"version": 9', "upgrade kbtools"),
        (b'"kge-checkpoint"', b'"checkpoint"', "no checkpoint of vectors"),
    ):
        whole = path.read_bytes()
        path.write_bytes(whole.replace(old, new))
        with opened(tmp_path) as parted, pytest.raises(ArtefactError, match=said):
            parted.resume()
        path.write_bytes(whole)


def test_a_full_disk_is_told_of_and_the_last_one_stays(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    go_on(tmp_path / "run", 2)
    with opened(tmp_path / "run") as parted:
        parted.resume()
        train(parted, (0, 3))
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "write_whole", full)
            with pytest.raises(ResourceError, match=r"no space left on device.*make room"):
                save(parted, 3)
    assert torch.equal(told(tmp_path / "run")[1], after(2, tmp_path / "x"))
