"""Several processes learn what one learns; one that goes takes nothing with it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from kbtools import artefact
from kbtools.models.base import KnowledgeModel
from kbtools.runs import metrics
from tests import training
from tests.crew import ALIKE, Crew, Process, checkpoint, command, wait_for

SHORT = (*ALIKE, "run.steps=8", "run.evaluate=4")
LONG = (*ALIKE, "run.steps=40", "run.save=5")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return training.train(tmp_path_factory.mktemp("alone") / "run", *SHORT)


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    return training.train(tmp_path_factory.mktemp("longer") / "run", *LONG)


def numbers(run):
    """Return losses, and what was seen on dev."""
    found = {
        ("dev", line["step"]): line["dev"]["loss"]
        for line in metrics.read(run / metrics.NAME)
        if "dev" in line
    }
    return found | training.losses(run)


def alike(one, other):
    """Whether two runs went the same way; sums of several processes are rounded elsewhere."""
    first, second = (load_file(run / "model" / "model.safetensors") for run in (one, other))
    assert numbers(one) == pytest.approx(numbers(other), rel=1e-4)
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-2, atol=2e-3, msg=name)
    return True


def went_well(told):
    assert [code for code, _, _ in told] == [0] * len(told), told
    assert [bool(out) for _, out, _ in told] == [True] + [False] * (len(told) - 1), told
    assert {err for _, _, err in told} == {""}, told


def test_two_processes_learn_what_one_does(tmp_path, alone):
    out = tmp_path / "run"
    went_well(Crew(2, command(out, *SHORT)).end())
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert artefact.read(out).notes["processes"] == 2
    assert alike(out, alone)


@pytest.mark.long
def test_weights_that_are_sharded_learn_the_same(tmp_path, alone):
    out, given = tmp_path / "run", (*SHORT, "run.sharded=true", "run.ema=0.5")
    went_well(Crew(2, command(out, *given)).end())
    assert numbers(out) == pytest.approx(
        numbers(training.train(tmp_path / "one", *SHORT, "run.ema=0.5")), rel=1e-4
    )
    assert training.losses(out) == pytest.approx(training.losses(alone), rel=1e-4)
    assert not KnowledgeModel.from_pretrained(out).loaded.new


def test_a_process_that_is_killed_ends_the_run_and_one_can_go_on_alone(tmp_path, longer):
    out = tmp_path / "run"
    crew = Crew(2, command(out, *LONG))
    assert wait_for(checkpoint(out, 5), crew.all[0])
    crew.all[1].kill()
    (code, said, err), (killed, _, _) = crew.end()
    assert (code, said, killed) == (2, "", -signal.SIGKILL)
    assert err.count("\n") == 1
    assert "another of the 2 processes has gone" in err
    assert "run the same command again: it goes on from step" in err
    assert alike(training.train(out, *LONG), longer)
    assert list(training.losses(out)) == list(range(1, 41))


@pytest.mark.long
@pytest.mark.parametrize("sharded", ["false", "true"])
def test_a_run_goes_on_with_another_number_of_processes(tmp_path, longer, sharded):
    out, given = tmp_path / "run", command(tmp_path / "run", *LONG, f"run.sharded={sharded}")
    for many, step in ((2, 5), (4, 15), (2, 25)):
        crew = Crew(many, given)
        assert wait_for(checkpoint(out, step), crew.all[0])
        crew.kill(signal.SIGTERM)
        told = crew.end()
        assert {code for code, _, _ in told} == {130}
        assert [err.count("\n") for _, _, err in told] == [1] + [0] * (many - 1)
    went_well(Crew(2, given).end())
    assert alike(out, longer)


@pytest.mark.long
@pytest.mark.parametrize("rank", [0, 1, 2])
@pytest.mark.parametrize("many", [2, 3])
def test_whichever_process_is_killed_the_others_end(tmp_path, rank, many):
    given = (*ALIKE, "run.steps=60", "run.save=4", "run.batch=6")
    out, whole = tmp_path / "run", training.train(tmp_path / "whole", *given)
    for step in (4, 12, 24):
        crew = Crew(many, command(out, *given))
        if not wait_for(checkpoint(out, step), crew.all[0]):
            break
        crew.all[rank % many].kill()
        told = crew.end()
        left = [one for at, one in enumerate(told) if at != rank % many]
        assert all(code == 2 and err.count("\n") == 1 for code, _, err in left), told
    went_well(Crew(many, command(out, *given)).end())
    assert alike(out, whole)


@pytest.mark.long
def test_an_error_of_one_process_is_told_by_it_and_ends_all(tmp_path):
    for wrong in ("model.name=brt", "run.batch=3", "optimiser.lr=0", 'stages=[{freeze=["body", "heads"]}]'):
        told = Crew(2, command(tmp_path / "run", *SHORT, wrong)).end()
        assert [code for code, _, _ in told] == [2, 2], told
        assert [err.count("\n") for _, _, err in told] == [1, 0], told
        assert not list(tmp_path.iterdir())
    out = tmp_path / "run"
    out.mkdir()
    told = Crew(2, command(out, *SHORT)).end()  # only the main process knows that it is there
    assert [code for code, _, _ in told] == [2, 2]
    assert told[0][2] == f"Error: {out} exists; give another --out, or --overwrite to replace it\n"
    assert told[1][1:] == ("", "")


@pytest.mark.long
def test_more_processes_than_examples_in_a_step(tmp_path):
    told = Crew(5, command(tmp_path / "run", *SHORT)).end()
    assert {code for code, _, _ in told} == {2}
    assert "cannot be shared out among 5 processes" in told[0][2]


def launched(tool, told, out, *settings):
    """Start the command with a launcher."""
    here = Path(sys.executable).parent
    if not (here / tool).exists() or not (here / "kbtools").exists():
        pytest.skip(f"no {tool} here")
    return Process([str(here / "kbtools"), *command(out, *settings)], before=[str(here / tool), *told])


@pytest.mark.long
def test_accelerate_launches_it(tmp_path, alone):
    """On a CPU it starts one process, whatever it is asked for."""
    told = ["launch", "--cpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
            "--dynamo_backend", "no", "--main_process_port", "0", "--no_python"]  # fmt: skip
    code, said, err = launched("accelerate", told, tmp_path / "run", *SHORT).end()
    assert code == 0, err
    assert said.count("8 of 8 steps") == 1
    assert alike(tmp_path / "run", alone)


@pytest.mark.long
def test_torchrun_launches_it(tmp_path, alone, longer):
    told = ["--standalone", "--nproc_per_node", "2", "--no-python"]
    code, said, err = launched("torchrun", told, tmp_path / "run", *SHORT).end()
    assert code == 0, err
    assert said.count("8 of 8 steps") == 1
    assert artefact.read(tmp_path / "run").notes["processes"] == 2
    assert alike(tmp_path / "run", alone)

    out = tmp_path / "stopped"
    started = launched("torchrun", told, out, *LONG)
    assert wait_for(checkpoint(out, 5), started)
    started.kill(signal.SIGTERM)
    assert started.end()[2].count("Interrupted; run the same command again") == 1
    started = launched("torchrun", told, out, *LONG)
    assert wait_for(checkpoint(out, 20), started)
    crew = psutil.Process(started.process.pid).children()
    crew[-1].kill()
    code, _, err = started.end()
    assert code
    assert err.count("run the same command again: it goes on from step") == 1
    assert not psutil.wait_procs(crew, timeout=10)[1]
    assert launched("torchrun", told, out, *LONG).end()[0] == 0
    assert alike(out, longer)
