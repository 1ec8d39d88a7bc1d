"""Checkpoints are whole or absent, whatever happens; what is damaged is named in a line."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import time

import pytest

torch = pytest.importorskip("torch")

from pathlib import Path  # noqa: E402

from kbtools.errors import ArtefactError, ResourceError  # noqa: E402
from kbtools.models.training import checkpoints  # noqa: E402
from kbtools.models.training.checkpoints import last, read, steps, sweep, tidy  # noqa: E402
from tests.endless_checkpoints import endless, said, save  # noqa: E402


def write(run, step=10, state=None, **tensors):
    def model(folder):
        (folder / "config.json").write_text("{}")

    return checkpoints.write(run, step, model=model, tensors=tensors, state=state or {})


def saved(run, *numbers):
    return [save(run, number, size=50) for number in numbers]


def newest_of(run):
    path = last(run)
    assert path is not None
    return path


def refused(path, what):
    with pytest.raises(ArtefactError, match=what) as told:
        read(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_what_was_written_is_read(tmp_path):
    state = {"stage": 1, "best": 0.1 + 0.2, "loader": {"place": [1, 2**62, 0]}, "words": ["中文"]}
    tensors = {
        "a.weight/exp_avg": torch.randn(3, 2),
        "a.weight/step": torch.tensor(7.0),
        "b": torch.randn(4, 4).t(),
        "c": torch.arange(3, dtype=torch.bfloat16),
    }
    path = write(tmp_path, 12, state, optimiser=tensors, average={"b": torch.ones(1)}, rows={})
    assert path == tmp_path / "checkpoints" / "step-12"
    found = read(path)
    assert (found.path, found.step, found.state) == (path, 12, state)
    assert found.tensors.keys() == {"optimiser", "average"}
    for name, value in tensors.items():
        assert found.tensors["optimiser"][name].dtype == value.dtype
        assert torch.equal(found.tensors["optimiser"][name], value)
    assert (path / "config.json").read_text() == "{}"
    assert [one.name for one in path.parent.iterdir()] == ["step-12"]


def test_what_is_read_stays_when_the_folder_is_gone(tmp_path):
    path = write(tmp_path, rows={"a": torch.arange(1000)})
    found = read(path)
    shutil.rmtree(path)
    found.tensors["rows"]["a"][0] = 5  # a copy of its own
    assert found.tensors["rows"]["a"].sum() == 499500 + 5


def test_the_newest_is_found_by_its_number(tmp_path):
    assert last(tmp_path) is None
    saved(tmp_path, 9, 10, 100, 20)
    assert steps(tmp_path) == [9, 10, 20, 100]
    assert newest_of(tmp_path).name == "step-100"


@pytest.mark.parametrize(
    ("keep", "best", "left"),
    [
        (2, None, [4, 5]),
        (2, 1, [1, 4, 5]),
        (1, 5, [5]),
        (0, 3, [3]),
        (9, 3, [1, 2, 3, 4, 5]),
        (2, 77, [4, 5]),
    ],
)
def test_the_last_few_and_the_best_are_kept(tmp_path, keep, best, left):
    saved(tmp_path, 1, 2, 3, 4, 5)
    tidy(tmp_path, keep, best)
    assert steps(tmp_path) == left
    assert len(list((tmp_path / "checkpoints").iterdir())) == len(left)


def test_one_of_the_same_step_is_replaced(tmp_path):
    write(tmp_path, 5, {"first": True})
    write(tmp_path, 5, {"first": False})
    assert read(newest_of(tmp_path)).state == {"first": False}
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


class Killed(BaseException):
    """What no handler catches, as no handler runs after kill -9."""


CHANGES = [
    (os, "fsync"), (Path, "rename"), (Path, "replace"), (Path, "mkdir"), (shutil, "rmtree"),
    (checkpoints, "save_file"),
]  # fmt: skip


def die_at(patch, at, *, after):
    """Die at call `at` of what changes the disk, or just after it; return the calls so far."""
    calls = []

    def deadly(name, real):
        def instead(*args, **options):
            calls.append(name)
            mine = len(calls) == at
            if mine and not after:
                raise Killed
            value = real(*args, **options)
            if mine:
                raise Killed
            return value

        return instead

    for owner, name in CHANGES:
        patch.setattr(owner, name, deadly(name, getattr(owner, name)))
    return calls


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_killed_at_any_point_it_leaves_a_whole_one(tmp_path, after, again):
    """`again`: the step that is written has a checkpoint already."""
    at, done = 0, False
    while not done:
        at += 1
        run = tmp_path / str(at)
        saved(run, 1, 2)
        with pytest.MonkeyPatch.context() as patch:
            calls = die_at(patch, at, after=after)
            try:
                saved(run, 2 if again else 3)
                tidy(run, 1)
                done = True
            except Killed:
                pass
        newest = newest_of(run)
        assert newest.name in ({"step-2"} if again else {"step-2", "step-3"})
        for step in steps(run):
            assert said(run / "checkpoints" / f"step-{step}") == {step}
        assert not [one for one in (run / "checkpoints").iterdir() if one.name[0] == "."]
        saved(run, 3)
        assert said(newest_of(run)) == {3}
    assert at > 12
    assert {"rename", "fsync", "save_file", "rmtree"} <= set(calls)


def child(run):
    """Start a process that does nothing but write; forked, it need not import anything first."""
    if number := os.fork():
        return number
    try:
        endless(run)
    finally:
        os._exit(1)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_kill_9(tmp_path):
    """It is killed again and again, goes on each time, and never leaves half of one."""
    folder, reached = tmp_path / "checkpoints", 0
    for more in (1, 3, 2, 1):
        started = child(tmp_path)
        while not (found := steps(tmp_path)) or found[-1] < reached + more:
            assert os.waitpid(started, os.WNOHANG) == (0, 0), "it stopped by itself"
            time.sleep(0.0005)
        os.kill(started, signal.SIGKILL)
        os.waitpid(started, 0)
        newest = newest_of(tmp_path)
        assert read(newest).step >= reached + more
        reached = read(newest).step
        for step in steps(tmp_path):
            assert said(folder / f"step-{step}") == {step}
        assert not [one for one in folder.iterdir() if one.name[0] == "."]


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "tokenizer/vocab.txt"])
def test_a_file_that_was_cut_short(tmp_path, name):
    _, path = saved(tmp_path, 1, 2)
    data = (path / name).read_bytes()
    (path / name).write_bytes(data[:-1])
    refused(path, "damaged or foreign checkpoint: .* bytes, where .* were written")
    (path / name).unlink()
    refused(path, "cannot be read: No such file")


def test_files_of_the_right_length_that_are_not_what_they_were(tmp_path):
    (path,) = saved(tmp_path, 1)
    size = (path / "training.safetensors").stat().st_size
    (path / "training.safetensors").write_bytes(b"\xff" * size)
    refused(path, "damaged or foreign")


@pytest.mark.parametrize("told", ["", "{", "[]", "{}", '{"kind":"run","version":1,"kbtools":"0"}', "\x00"])
def test_what_it_says_of_itself_is_damaged_or_foreign(tmp_path, told):
    (path,) = saved(tmp_path, 1)
    (path / "training.json").write_text(told)
    refused(path, "damaged or foreign")
    (path / "training.json").unlink()
    refused(path, "training.json cannot be read")


def test_a_folder_that_is_none(tmp_path):
    refused(tmp_path / "step-3", "no such checkpoint")


def test_one_of_a_newer_release_is_refused_and_no_older_one_taken(tmp_path):
    _, path = saved(tmp_path, 1, 2)
    told = json.loads((path / "training.json").read_text())
    (path / "training.json").write_text(json.dumps(dict(told, version=9, kbtools="99.0", files="other")))
    refused(path, r"version 9 of a checkpoint, written by kbtools 99\.0; .*: upgrade kbtools")
    with pytest.raises(ArtefactError, match="upgrade"):
        last(tmp_path)
    assert steps(tmp_path) == [1, 2]


def test_the_one_before_a_damaged_one_is_taken_and_it_is_told(tmp_path):
    told: list[str] = []
    saved(tmp_path, 1, 2, 3)
    for step in (2, 3):
        os.truncate(tmp_path / "checkpoints" / f"step-{step}" / "model.safetensors", 20)
    newest = last(tmp_path, told.append)
    assert newest == tmp_path / "checkpoints" / "step-1"
    assert [line.count("\n") for line in told] == [0, 0]
    assert "step-3/model.safetensors" in told[0]
    assert "the one before it is tried" in told[0]
    assert steps(tmp_path) == [1]  # damaged ones are out of the way of the newest
    assert (tmp_path / "checkpoints" / "step-3.damaged").is_dir()
    saved(tmp_path, 2)
    os.truncate(tmp_path / "checkpoints" / "step-2" / "training.json", 20)
    with pytest.warns(UserWarning, match="the one before it"):
        last(tmp_path)


def test_where_none_is_whole_it_says_so(tmp_path):
    (path,) = saved(tmp_path, 1)
    (path / "training.json").unlink()
    with pytest.raises(ArtefactError, match=r"no checkpoint is whole .*training\.json.*begin the run anew"):
        last(tmp_path, lambda line: None)


def test_a_disk_that_is_full(tmp_path, monkeypatch):
    saved(tmp_path, 1)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match="step-2: no space left on device"):
        saved(tmp_path, 2)
    monkeypatch.undo()
    assert [one.name for one in (tmp_path / "checkpoints").iterdir()] == ["step-1"]
    saved(tmp_path, 2)
    assert said(newest_of(tmp_path)) == {2}


def test_what_is_not_ours_is_left_alone(tmp_path):
    saved(tmp_path, 1)
    for name in ("notes", ".hidden", "step-x", "step-1.damaged"):
        (tmp_path / "checkpoints" / name).mkdir()
    sweep(tmp_path)
    tidy(tmp_path, 1)
    assert newest_of(tmp_path).name == "step-1"
    assert len(list((tmp_path / "checkpoints").iterdir())) == 5
