"""Vectors that several processes learn: those that one would have learned, to the bit."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from kbtools.errors import ConfigError
from kbtools.models.kge import checkpoints, recipes
from kbtools.models.kge.crew import Lane
from kbtools.models.kge.small import combined
from tests import kge_worlds
from tests.crew import Crew, Process
from tests.kge_runs import LANES, content, learned, told, training

DROPS = ("optimiser.drop=[0.4]", "epochs=5")
STOPS = ("judge.patience=2", "epochs=40", "optimiser.lr=2", "judge.triples=0")
MANY = ("partitions.number=7", "partitions.lanes=3")


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return kge_worlds.ingested(tmp_path_factory.mktemp("ring"), **kge_worlds.ring())


def went_well(found):
    assert [code for code, _, _ in found] == [0] * len(found), found
    assert [bool(out) for _, out, _ in found] == [True] + [False] * (len(found) - 1), found
    assert {err for _, _, err in found} == {""}, found


def test_relations_move_by_the_mean_of_their_moves():
    """Weighted by triples: the first is of both lanes, the second of one; the third nobody has seen."""
    start = {
        "relations": torch.zeros(3, 1),
        "state.relations.sum": torch.zeros(3),
        "scorer.core": torch.ones(1, 1),
        "buffer.batches": torch.tensor(3),
    }
    lanes = [
        Lane(at, dict(zip(start, map(torch.tensor, made), strict=True)), torch.tensor(seen), 7, 0.0, 4)
        for at, (made, seen) in enumerate([
            (([[1.0], [2.0], [0.0]], [4.0, 8.0, 0.0], [[2.0]], 4), [3, 1, 0]),
            (([[5.0], [0.0], [0.0]], [8.0, 0.0, 0.0], [[7.0]], 6), [1, 0, 0]),
        ])
    ]  # fmt: skip
    found = combined(start, lanes)
    assert found["relations"].tolist() == [[2.0], [2.0], [0.0]]
    assert found["state.relations.sum"].tolist() == [5.0, 8.0, 0.0]
    assert found["scorer.core"].tolist() == [[3.0]]  # 4 of 5 triples moved it by 1, one by 6
    assert int(found["buffer.batches"]) == 6
    small = torch.tensor([[1e-9], [1.0], [-3.0]])  # as one lane made it, though it is far from where it began
    alone = Lane(0, {**start, "relations": small}, torch.ones(3), 7, 0.0, 3)
    assert torch.equal(combined({**start, "relations": torch.ones(3, 1)}, [alone])["relations"], small)


def test_two_processes_learn_what_one_does(kb, tmp_path):
    """Parts, relations, a number that all relations share, what the optimiser keeps, and when it stops."""
    given = (*LANES, *DROPS)
    alone = learned(kb, tmp_path / "alone", *given, model="protate")
    went_well(Crew(2, told(kb, tmp_path / "out", *given, model="protate")).end())
    assert content(tmp_path / "out") == content(alone)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "out"]


@pytest.mark.parametrize(
    ("overrides", "processes", "words"),
    [
        (LANES, 3, "3 processes, and partitions.lanes=2 is as many as find work: start 2, or train more side "
         "by side: -o partitions.lanes=3 -o partitions.number=6"),
        ((), 2, "2 processes, and partitions.lanes=1 .* start 1, or .*lanes=2 -o partitions.number=4"),
        (("partitions.lanes=3", "partitions.number=5"), 1, "partitions.lanes=3: so many buckets side by side "
         "take 6 partitions, and there are 5: -o partitions.number=6, or fewer lanes"),
        (("partitions.lanes=2",), 1, "take 4 partitions, and there are 1"),
    ],
)  # fmt: skip
def test_more_processes_or_lanes_than_find_work(overrides, processes, words):
    recipe = recipes.load("transe", overrides)
    with pytest.raises(ConfigError, match=words):
        recipes.partitioned(recipe, recipe.partitions.number or 1, processes)


@pytest.mark.long
def test_two_processes_stop_where_one_does(kb, tmp_path):
    for at, (model, given) in enumerate([
        ("transe", (*LANES, *STOPS)), ("complex", (*LANES, *STOPS, "optimiser.kind=adagrad")),
        ("transe", (*LANES, *STOPS, "partitions.order=random", "negatives.corrupt=bernoulli")),
    ]):  # fmt: skip
        alone, out = learned(kb, tmp_path / f"alone{at}", *given, model=model), tmp_path / f"out{at}"
        went_well(Crew(2, told(kb, out, *given, model=model)).end())
        assert content(out) == content(alone)


@pytest.mark.long
def test_any_number_of_processes_learns_the_same(kb, tmp_path):
    alone = content(learned(kb, tmp_path / "alone", *MANY, *DROPS))
    for many in (2, 3):
        out = tmp_path / str(many)
        went_well(Crew(many, told(kb, out, *MANY, *DROPS)).end())
        assert content(out) == alone
    assert content(learned(kb, tmp_path / "lanes", *DROPS, MANY[0], "partitions.lanes=2")) != alone


def begun(kb, out, given, many=2, wait=4):
    """Start processes that go on for long, and wait until some epochs are done."""
    crew = Crew(many, told(kb, out, *given))
    end = time.monotonic() + 90
    while not (training(out).is_dir() and (checkpoints.stamps(training(out)) or [0])[-1] >= wait):
        assert crew.all[0].process.poll() is None, crew.end()
        assert time.monotonic() < end
        time.sleep(0.01)
    return crew


LONG = (*LANES, "epochs=60", "judge.every=2", "judge.triples=0")  # checkpoints come with better looks


@pytest.mark.long
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_ends_the_run_and_one_can_go_on_alone(kb, tmp_path, rank):
    out = tmp_path / "out"
    crew = begun(kb, out, LONG)
    crew.all[rank].kill()
    found = crew.end()
    (code, said, err), (killed, _, _) = found[1 - rank], found[rank]
    assert (code, said, killed) == (2, "", -signal.SIGKILL)
    assert err.count("\n") == 1
    assert "another of the 2 processes has gone" in err
    assert "run the same command again: it goes on where it stopped" in err
    assert content(learned(kb, out, *LONG)) == content(learned(kb, tmp_path / "alone", *LONG))


@pytest.mark.long
def test_a_run_goes_on_with_another_number_of_processes(kb, tmp_path):
    given, out = (*MANY, *LONG[2:]), tmp_path / "out"
    wait = 4
    for many in (2, 3):
        crew = begun(kb, out, given, many, wait)
        crew.kill(signal.SIGTERM)
        found = crew.end()
        assert {code for code, _, _ in found} == {130}
        assert [err.count("\n") for _, _, err in found] == [1] + [0] * (many - 1), found
        wait = checkpoints.stamps(training(out))[-1] + 1
    assert content(learned(kb, out, *given)) == content(learned(kb, tmp_path / "alone", *given))


@pytest.mark.long
def test_an_error_of_one_process_is_told_by_it_and_ends_all(kb, tmp_path):
    for wrong in (("partitions.lanes=1",), ("dim=0",), ("optimiser.lr=1e38",), ("partitions.number=1",)):
        found = Crew(2, told(kb, tmp_path / "out", *LANES, *wrong)).end()
        assert [code for code, _, _ in found] == [2, 2], found
        assert sum(err.count("\n") for _, _, err in found) == 1, found
        assert not list(tmp_path.iterdir())
    (tmp_path / "out").mkdir()
    found = Crew(2, told(kb, tmp_path / "out", *LANES)).end()  # only the main process knows that it is there
    assert [code for code, _, _ in found] == [2, 2]
    assert (
        found[0][2] == f"Error: {tmp_path / 'out'} exists; give another --out, or --overwrite to replace it\n"
    )
    assert found[1][1:] == ("", "")


def launched(options, arguments):
    """Start the command with torchrun."""
    here = Path(sys.executable).parent
    if not (here / "torchrun").exists() or not (here / "kbtools").exists():
        pytest.skip("no torchrun here")
    return Process([str(here / "kbtools"), *arguments], before=[str(here / "torchrun"), *options])


@pytest.mark.long
def test_torchrun_launches_it(kb, tmp_path):
    options = ["--standalone", "--nproc_per_node", "2", "--no-python"]
    out = tmp_path / "out"
    code, said, err = launched(options, told(kb, out, *LANES)).end()
    assert code == 0, err
    assert said.count("vectors of") == 1
    assert content(out) == content(learned(kb, tmp_path / "alone", *LANES))

    out = tmp_path / "killed"
    started = launched(options, told(kb, out, *LONG))
    while not (training(out).is_dir() and checkpoints.stamps(training(out))):
        assert started.process.poll() is None
        time.sleep(0.01)
    crew = psutil.Process(started.process.pid).children()
    crew[-1].kill()
    code, _, err = started.end()
    assert code
    assert err.count("run the same command again: it goes on where it stopped") == 1
    assert not psutil.wait_procs(crew, timeout=10)[1]
    assert content(learned(kb, out, *LONG)) == content(learned(kb, tmp_path / "alone2", *LONG))
