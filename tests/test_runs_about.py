"""What inspect, verify and diff find in runs, finished or not."""

from __future__ import annotations

import doctest
import re

import pytest
from click.testing import CliRunner

from kbtools import api
from kbtools.artefact import Staging
from kbtools.cli import runs as printing
from kbtools.cli.main import main
from kbtools.errors import ArtefactError
from kbtools.runs.diff import RunsDifference
from kbtools.runs.overview import RunOverview, UnfinishedRun
from tests import told_runs

STEPS = (20, 40, 60, 80, 100)


@pytest.fixture
def run(tmp_path):
    return told_runs.write(tmp_path / "run", told_runs.lines(*STEPS))


def printed(*args):
    result = CliRunner().invoke(main, [*map(str, args)])
    assert result.exit_code in {0, 2}, result.output
    return result.output


def test_examples_in_docstrings():
    assert doctest.testmod(printing).failed == 0


def test_a_run_tells_what_was_trained_and_how_it_went(run):
    found = api.inspect(run)
    assert isinstance(found, RunOverview)
    assert (found.model, found.objectives, found.steps) == ("bert", ["mlm"], 100)
    assert found.checkpoints == [40, 100]
    assert (found.course.step, found.course.stage) == (100, "second")
    assert (found.course.seconds, found.course.tokens) == (10.0, 500)
    assert found.course.curve == [8.0, 6.0, 4.0, 2.0, 0.0]
    loss, _, right = found.course.measured
    assert (loss.name, loss.train, loss.dev, loss.best, loss.step) == ("loss", 0.0, 5.0, 1.0, 60)
    assert (right.name, right.train, right.best) == ("mlm.right", 0.5, 0.1)
    assert found.course.best == {"step": 60, "loss": 1.0, "mlm.right": 0.1}
    text = printed("inspect", run)
    for told in ("bert: mlm", "100 of 100 steps, stage second", "█▇▅▃▁", "checkpoints of steps 40, 100"):
        assert told in text
    assert '"curve":[8.0,6.0,4.0,2.0,0.0]' in printed("inspect", run, "--json")


def test_an_unfinished_run_tells_how_far_it_is(tmp_path):
    with Staging(tmp_path / "run", "plan") as staging:
        told_runs.grown(staging.new, told_runs.lines(20, 40))
        assert "wait for it" in api.inspect(staging.folder).resume  # type: ignore[union-attr]
    told_runs.write_lines(staging.new / "metrics.jsonl", told_runs.lines(20, 40), '{"step": 6')  # killed
    found = api.inspect(staging.folder)
    assert isinstance(found, UnfinishedRun)
    assert (found.course.step, found.steps, found.checkpoints) == (40, 100, [40, 100])
    assert "it goes on at step 100" in found.resume
    assert "40 of 100 steps" in printed("inspect", staging.folder)


def test_one_without_a_checkpoint_begins_again(tmp_path):
    with Staging(tmp_path / "run", "plan") as staging:
        told_runs.write_lines(staging.new / "metrics.jsonl", told_runs.lines(20))
    found = api.inspect(staging.folder)
    assert isinstance(found, UnfinishedRun)
    assert found.steps is None
    assert "no checkpoint yet" in found.resume


def test_metrics_that_cannot_be_read_are_no_reason_to_tell_nothing(run):
    (run / "metrics.jsonl").write_text('{"step": 1}\nno line\n{"step": 2}\n')
    found = api.inspect(run)
    assert isinstance(found, RunOverview)
    assert "metrics.jsonl:2" in found.course.note
    assert "metrics.jsonl:2" in printed("inspect", run)
    (run / "metrics.jsonl").unlink()
    assert "cannot be read" in printed("inspect", run)


def test_a_whole_run_is_sound(run):
    assert api.verify(run, deep=True).problems == []


def spoil(name, data):
    def spoiled(folder):
        (folder / name).write_bytes(data)

    return spoiled


@pytest.mark.parametrize(
    ("spoiled", "told"),
    [
        (spoil("model/model.safetensors", b"\x10"), r"model\.safetensors: damaged or not safetensors"),
        (spoil("checkpoints/step-40/model.safetensors", b""), r"step-40/model\.safetensors: damaged"),
        (spoil("recipe.toml", b"[run"), r"recipe\.toml: not valid TOML"),
        (spoil("model/config.json", b"{"), r"config\.json: not valid JSON"),
        (spoil("model/pytorch_model.bin", b"x"), "a pickle"),
        (spoil("metrics.jsonl", b"{}\n{}\n"), r"metrics\.jsonl:1: not a line of metrics"),
        (
            spoil("metrics.jsonl", b'{"step":2}\n{"step":1}\n'),
            "line 2 of training tells of step 1, behind one of step 2",
        ),
    ],
)
def test_deep_looks_into_files_that_are_as_they_were_written(tmp_path, monkeypatch, spoiled, told):
    grown = told_runs.grown

    def worse(folder, lines):
        grown(folder, lines)
        spoiled(folder)

    monkeypatch.setattr(told_runs, "grown", worse)
    run = told_runs.write(tmp_path / "run", told_runs.lines(20))
    assert api.verify(run).problems == []
    (problem,) = api.verify(run, deep=True).problems
    assert re.search(told, problem), problem


def test_a_file_that_was_changed_or_is_gone_is_told(run):
    (run / "recipe.toml").write_text(told_runs.RECIPE.replace("100", "200"))
    (run / "model" / "model.safetensors").unlink()
    told = "\n".join(api.verify(run, deep=True).problems)
    assert "recipe.toml: damaged" in told
    assert "model.safetensors: gone" in told


def test_two_runs_side_by_side(tmp_path, run):
    other = told_runs.write(tmp_path / "other", told_runs.lines(20, 40), steps=40, lr=1e-3)
    found = api.diff(run, other)
    assert isinstance(found, RunsDifference)
    assert found.settings == {"run.steps": (100, 40), "optimiser.lr": (1e-4, 1e-3)}
    assert found.steps == (100, 40)
    text = printed("diff", run, other)
    assert "optimiser.lr: 0.0001 → 0.001" in text
    assert "steps 100 → 40" in text
    assert "the same content" in printed("diff", run, run)


def test_a_run_is_compared_with_a_run_alone(tmp_path, run):
    with pytest.raises(ArtefactError):
        api.diff(run, tmp_path)
