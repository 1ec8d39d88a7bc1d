"""Executors: results, resume, dead workers, errors by name, nothing left running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from kbtools import executors
from kbtools.artefact import Done, Task
from kbtools.errors import ConfigError, ResourceError, SourceError, TaskError
from kbtools.executors.local import Pool, run

TASKS = f"{__package__}.tasks_for_tests".lstrip(".")
BOTH = pytest.mark.parametrize("workers", [1, 2])


def task(function, name=None, consumes=(), **args):
    return Task(name=name or function, call=f"{TASKS}:{function}", args=args, consumes=list(consumes))


def writes(n, **args):
    return [task("write", f"write/{i}", file=f"{i}.txt", text=f"text {i}", **args) for i in range(n)]


def marks(folder, name):
    path = folder / "marks" / name
    return path.stat().st_size if path.exists() else 0


def works(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def children():
    return psutil.Process().children()


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = children()
    yield
    assert children() == before  # no zombies either


@pytest.fixture
def pool(tmp_path):
    with Pool(tmp_path, 2) as pool:
        yield pool


# results


def test_the_number_of_workers_changes_nothing(tmp_path):
    results = []
    for workers in (1, 3):
        folder = tmp_path / str(workers)
        done = list(run(writes(20), folder=folder, workers=workers))
        files = {p.name: p.read_text() for p in (folder / "new").iterdir()}
        records = {p.name: p.read_text() for p in (folder / "done" / "write").iterdir()}
        results.append((sorted(done, key=lambda d: int(d.facts["length"])), files, records))
    assert {d.task.name for d in results[0][0]} == {f"write/{i}" for i in range(20)}
    assert results[0][1:] == results[1][1:]
    assert {d.task.name: d for d in results[0][0]} == {d.task.name: d for d in results[1][0]}


@BOTH
def test_arguments_and_facts_travel_as_json(tmp_path, workers):
    given = {
        "pair": (1, 2),
        "names": ["Ünïcode", "维基", "\udcff".encode("utf-8", "replace").decode()],
        "none": None,
    }
    twice = [list(run([task("facts", **given)] * 1, folder=tmp_path, workers=workers)) for _ in range(2)]
    assert twice[0] == twice[1]
    assert twice[0][0].facts["pair"] == [1, 2]


@BOTH
def test_facts_may_be_large(tmp_path, workers):
    with Pool(tmp_path, workers) as pool:
        (done,) = pool.run([task("big", size=3_000_000)])
        assert done.facts == {"text": "x" * 3_000_000}
        # one worker is this process, whose peak is that of all tests before
        assert 5 < pool.peak_mb < (500 if workers > 1 else 5_000)


def test_results_come_as_they_are_done(pool):
    tasks = [task("write", "slow", file="slow", pause=0.5), task("write", "quick", file="quick")]
    seen: list[Done] = []
    assert [done.task.name for done in pool.run(tasks, on_done=seen.append)] == ["quick", "slow"]
    assert [done.task.name for done in seen] == ["quick", "slow"]


def test_workers_stay_warm_over_stages_and_use_one_thread(pool):
    first = [done.facts for done in pool.run([task("who", f"a{i}", pause=0.1) for i in range(4)])]
    second = [done.facts for done in pool.run([task("who", f"b{i}", pause=0.1) for i in range(4)])]
    pids = {facts["pid"] for facts in first}
    assert len(pids) == 2
    assert pids == {facts["pid"] for facts in second}
    assert {facts["threads"] for facts in first} == {"1"}
    assert os.getpid() not in pids


def test_modules_are_loaded_ahead(tmp_path):
    with Pool(tmp_path, 2, preload=["json", "no.such.module"]) as pool:
        (done,) = pool.run([task("who")])
        assert done.facts["json"]


def test_no_more_workers_than_tasks(tmp_path):
    (done,) = run([task("who")], folder=tmp_path, workers=8)
    assert done.facts["pid"] == os.getpid()
    assert list(run([], folder=tmp_path, workers=8)) == []


def test_engines_are_chosen_by_name(tmp_path):
    assert len(list(executors.run(writes(2), folder=tmp_path, workers=1, engine="local"))) == 2
    with pytest.raises(ConfigError, match=r"'locl' is not in kbtools\.executors; did you mean 'local'"):
        executors.run([], folder=tmp_path, engine="locl")
    with pytest.raises(ConfigError, match="must be 1 or more"):
        list(run(iter([]), folder=tmp_path, workers=0))


# resume


@BOTH
def test_what_is_done_is_not_done_again(tmp_path, workers):
    with Pool(tmp_path, workers) as pool:
        first = list(pool.run(writes(4)))
        (tmp_path / "new" / "1.txt").write_text("damaged")
        (tmp_path / "new" / "2.txt").unlink()
        record = tmp_path / "done" / "write" / "3.json"
        record.write_bytes(record.read_bytes()[:40] + b"\xff")
        again = list(pool.run(writes(4)))
        assert [marks(tmp_path, f"{i}.txt") for i in range(4)] == [1, 2, 2, 2]
        assert sorted(first, key=str) == sorted(again, key=str)
        list(pool.run([task("write", "write/0", file="0.txt", text="other")]))
        assert (tmp_path / "new" / "0.txt").read_text() == "other"


@BOTH
def test_consumed_files_go_when_the_record_is_there(tmp_path, workers):
    source = tmp_path / "work" / "in"
    source.parent.mkdir()
    works = task("upper", source="work/in", file="out", consumes=["work/in"])
    with Pool(tmp_path, workers) as pool:
        source.write_text("text")
        fails = Task(
            name="f", call=f"{TASKS}:fail", args={"name": "f", "kind": "config"}, consumes=["work/in"]
        )
        with pytest.raises(ConfigError):
            list(pool.run([fails]))
        assert source.exists()
        list(pool.run([works]))
        assert not source.exists()
        source.write_text("laid out again")  # as a reader does that goes on after a crash
        list(pool.run([works]))
        assert not source.exists()
        assert marks(tmp_path, "out") == 1


# the tasks are taken one by one


def test_a_task_is_taken_only_when_a_worker_is_free(pool):
    taken = []

    def lazily():
        for one in writes(6, pause=0.2):
            taken.append(one.name)
            yield one

    finished = 0
    for _ in pool.run(lazily()):
        finished += 1
        assert len(taken) <= finished + 2
    assert finished == 6


def test_an_endless_stage_can_be_left(tmp_path):
    def forever():
        number = 0
        while True:
            number += 1
            yield task("facts", str(number))

    with contextlib.closing(run(forever(), folder=tmp_path, workers=2)) as stage:
        assert [next(stage).task.name for _ in range(3)]
    assert not children()


def test_a_reader_that_fails_takes_the_workers_along(tmp_path):
    def broken():
        yield from writes(2, pause=30)
        raise SourceError("truncated", path="dump.gz")

    start = time.monotonic()
    with Pool(tmp_path, 3) as pool, pytest.raises(SourceError, match="truncated"):
        list(pool.run(broken()))
    assert time.monotonic() - start < 25  # the others pause longer than that


# dead workers


def test_the_task_of_a_killed_worker_is_tried_again(pool):
    deadly = Task(name="deadly", call=f"{TASKS}:die", args={"name": "once", "times": 1})
    tasks = [*writes(3), deadly, *writes(6)[3:]]
    assert len(list(pool.run(tasks))) == 7


@pytest.mark.parametrize(
    ("function", "args", "end"),
    [
        ("die", {"name": "x", "times": 9}, r"killed by signal 9 \(out of memory\?\) twice"),
        ("die", {"name": "x", "times": 9, "how": int(signal.SIGSEGV)}, "killed by signal 11 twice"),
        ("leave", {"code": 7}, "ended with exit code 7 twice"),
    ],
)
def test_a_task_that_always_kills_is_named(pool, function, args, end):
    start = time.monotonic()
    deadly = Task(name="deadly", call=f"{TASKS}:{function}", args=args)
    with pytest.raises(TaskError, match=f"^deadly: worker (was )?{end}; use fewer") as caught:
        list(pool.run([*writes(2, pause=0.1), deadly, *writes(9, pause=60)[2:]]))
    assert caught.value.task == "deadly"
    assert time.monotonic() - start < 25  # the others pause longer than that
    assert len(list(pool.run(writes(2)))) == 2  # a fresh crew


def test_idle_workers_may_die_too(pool):
    list(pool.run(writes(2)))
    for child in children():
        child.kill()
    time.sleep(0.1)
    assert len(list(pool.run(writes(4)))) == 4


# exceptions


def failing(kind, **args):
    return Task(name="t", call=f"{TASKS}:fail", args={"name": kind, "kind": kind, **args})


def failure(folder, workers, kind, **args):
    """Return the error and how many times the task was tried."""
    with Pool(folder, workers) as pool, pytest.raises(Exception) as caught:  # noqa: PT011
        list(pool.run([failing(kind, **args)]))
    return caught.value, marks(folder, kind)


@BOTH
def test_our_errors_are_passed_on_as_they_are(tmp_path, workers):
    error, tries = failure(tmp_path, workers, "source")
    assert type(error) is SourceError
    assert str(error) == str(SourceError("no such thing", path=tmp_path / "dump", line=7, byte=12345))
    assert (str(error.path), error.line, error.byte) == (str(tmp_path / "dump"), 7, 12345)
    assert tries == 1
    error, tries = failure(tmp_path, workers, "special")
    assert isinstance(error, ConfigError)
    assert (str(error), tries) == ("a finer error", 1)


@BOTH
def test_a_full_disk_is_not_tried_twice(tmp_path, workers):
    error, tries = failure(tmp_path, workers, "space")
    assert type(error) is ResourceError
    assert str(error) == "no space left on device (some/file); make room and run the same command again"
    assert tries == 1


@BOTH
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("value", "t: failed twice: ValueError: unheard of; --debug shows the trace"),
        ("memory", "t: out of memory twice (MemoryError); use fewer --workers"),
        ("exit", "t: failed twice: SystemExit: enough; --debug shows the trace"),
    ],
)
def test_other_errors_are_tried_twice_and_keep_their_trace(tmp_path, workers, kind, words):
    error, tries = failure(tmp_path, workers, kind)
    assert type(error) is TaskError
    assert (str(error), error.task, tries) == (words, "t", 2)
    assert "tasks_for_tests.py" in error.__notes__[0]


@BOTH
def test_a_passing_trouble_passes(tmp_path, workers):
    with Pool(tmp_path, workers) as pool:
        (done,) = pool.run([failing("value", times=1)])
    assert done.facts == {"tries": 2}


def test_an_unknown_function_is_reported(pool):
    with pytest.raises(TaskError, match="t: failed twice: ModuleNotFoundError"):
        list(pool.run([Task(name="t", call="no.such.module:f")]))


# other processes

SCRIPT = f"""
import sys
from pathlib import Path
from kbtools.artefact import Done, Task
from kbtools.executors.local import run
call, folder = {TASKS!r} + ":" + sys.argv[2], Path(sys.argv[1])
args = [eval(sys.argv[3])] * 2
try:
    tasks = (Task(name=str(number), call=call, args=a) for number, a in enumerate(args))
    for done in run(tasks, folder=folder, workers=2):
        print("done", done.task.name)
except KeyboardInterrupt:
    print("interrupted")
"""


def script(folder, function, args):
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    }
    (folder / "script.py").write_text(SCRIPT)  # unguarded, as a beginner writes it
    return subprocess.Popen(
        [sys.executable, "script.py", str(folder), function, repr(args)],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers_of(parent, folder):
    """Wait until both workers are at work."""
    until = time.monotonic() + 10
    while marks(folder, "busy") < 2 and time.monotonic() < until:
        time.sleep(0.02)
    return psutil.Process(parent.pid).children()


def gone(crew):
    """Tell whether all have ended within two seconds (whoever adopts them may reap them later)."""
    start = time.monotonic()
    while time.monotonic() < start + 2:
        if not any(works(worker) for worker in crew):
            return True
        time.sleep(0.02)
    return False


def test_stray_prints_do_not_reach_standard_output(tmp_path):
    with script(tmp_path, "chatter", {}) as parent:
        out, err = parent.communicate(timeout=20)
    assert out in {"done 0\ndone 1\n", "done 1\ndone 0\n"}
    assert err.count("stray print") == err.count("stray bytes") == 2


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_vanish_with_their_parent(tmp_path, how):
    with script(tmp_path, "busy", {"pause": 60}) as parent:
        crew = workers_of(parent, tmp_path)
        assert len(crew) == 2
        parent.send_signal(how)
        parent.communicate(timeout=5)
    assert gone(crew)


def test_an_interrupt_ends_all_and_shows_no_traces_of_workers(tmp_path):
    with script(tmp_path, "busy", {"pause": 60}) as parent:
        crew = workers_of(parent, tmp_path)
        os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: parent and workers
        out, err = parent.communicate(timeout=5)
    assert (out, err, parent.returncode) == ("interrupted\n", "", 0)
    assert gone(crew)


def test_an_interrupt_here_leaves_no_child(tmp_path):
    timer = threading.Timer(0.7, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with Pool(tmp_path, 2) as pool, pytest.raises(KeyboardInterrupt):
        list(pool.run(writes(4, pause=60)))
    timer.join()
    assert not children()
