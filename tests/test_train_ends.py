"""How a run ends: the best look, stages that stop early, running means, checkpoints that are kept."""

from __future__ import annotations

import math

import pytest
import torch
from safetensors.torch import load_file

from kbtools import artefact
from kbtools.errors import ConfigError, KbError, TaskError
from kbtools.models.recipe import Run
from kbtools.models.training import checkpoints, running
from kbtools.models.training.judging import Best
from kbtools.runs import metrics
from tests import training


def judged(values, name="loss", patience=0):
    run = Run(best=name, patience=patience, evaluate=1)
    best, better = Best(), []
    for step, value in enumerate(values, 1):
        better.append(best.take(run, step, {name: value}))
        if best.hopeless(run):
            break
    return best, better


@pytest.mark.parametrize(
    ("name", "values", "want"),
    [
        ("loss", [3.0, 2.0, 2.5, 1.0], [True, True, False, True]),
        ("mlm.right", [0.1, 0.3, 0.2], [True, True, False]),
        ("loss", [math.nan, 3.0, math.inf, 2.0], [False, True, False, True]),
    ],
)
def test_what_is_better(name, values, want):
    best, better = judged(values, name)
    assert better == want
    assert best.step == max(at for at, one in enumerate(want, 1) if one)


def test_patience_is_counted_from_the_best():
    best, better = judged([3.0, 2.0, 2.5, 2.4, 1.0], patience=2)
    assert len(better) == 4
    assert (best.value, best.step) == (2.0, 2)


def test_a_measure_that_is_not_seen_is_refused():
    with pytest.raises(TaskError, match=r"there are loss, mlm\.right"):
        Best().take(Run(best="nsp.right"), 1, {"loss": 1.0, "mlm.right": 0.5})
    assert not Best().take(Run(), 1, {})  # no example of dev had a target


def test_a_stage_that_gets_no_better_ends_and_the_next_begins(tmp_path):
    out = training.train(
        tmp_path / "run", "run.steps=16", "run.evaluate=1", "run.patience=2", "run.take=best",
        "optimiser.lr=1e-12", "optimiser.warmup=0",
    )  # fmt: skip
    lines = metrics.trained(metrics.read(out / "metrics.jsonl"))
    stages = [line["stage"] for line in lines]
    assert 0 < stages.count("short") < 12
    assert stages.count("long") > 0
    assert min(line["step"] for line in lines if line["stage"] == "long") == 13
    told = artefact.read(out)
    assert told.counts["steps"] == len(lines)
    assert told.notes["best step"] > 12  # of the last stage: that of another cannot be compared


def test_running_means_are_not_lost_behind_the_last_step(tmp_path, monkeypatch):
    given = ("run.steps=4", "run.ema=0.9")
    whole = training.train(tmp_path / "whole", *given)

    def cut_off(self, recorder):
        raise RuntimeError

    monkeypatch.setattr(running.Training, "_final", cut_off)
    with pytest.raises(RuntimeError):
        training.train(tmp_path / "run", *given)
    monkeypatch.undo()
    assert checkpoints.steps(tmp_path / "run.partial" / "new") == [3, 4]
    training.train(tmp_path / "run", *given)
    first, second = (load_file(out / "model" / "model.safetensors") for out in (whole, tmp_path / "run"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_best_checkpoint_that_is_gone_leaves_the_last_weights(tmp_path, monkeypatch, capsys):
    given = ("run.steps=4", "run.evaluate=2", "run.take=best", "run.keep=9", "stages=[]")
    final = running.Training._final

    def lose(self, recorder):
        self.state.best = Best(step=1, value=0.0)  # of which there is no checkpoint
        return final(self, recorder)

    monkeypatch.setattr(running.Training, "_final", lose)
    lost = training.train(tmp_path / "lost", *given, quiet=False)
    assert "the last weights are taken, not the best" in capsys.readouterr().err
    last = load_file(lost / "checkpoints" / "step-4" / "model.safetensors")
    found = load_file(lost / "model" / "model.safetensors")
    assert all(torch.equal(found[name], last[name]) for name in found)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["run.keep=0"], "keep is 0; it is 1 at least"),
        (["run.accumulate=4"], "run.accumulate goes with run.tokens"),
        (["run.tokens=100", "run.micro=2"], "run.micro goes with run.batch"),
        (["run.patience=2"], "run.evaluate"),
        (["run.mix=together", "tasks.short.weight=2"], "draws nothing"),
        (["run.mix=alternate", "tasks.short.by_size=.5"], "draws nothing"),
        (["tasks.short.by_size_end=.5"], "give that, too"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(tmp_path, overrides, words):
    with pytest.raises(ConfigError, match=words):
        training.train(tmp_path / "run", "run.steps=4", *overrides)


def test_what_looks_at_dev_needs_one(tmp_path):
    without = training.shards("bert", "max_length=32", "dev=0")
    with pytest.raises(KbError, match="the shards have none"):
        training.train(tmp_path / "run", "run.steps=4", "run.take=best", shards=[without])


def test_a_run_names_what_it_began_with(tmp_path):
    first = training.train(tmp_path / "first", "run.steps=2", "stages=[]")
    given = ("run.steps=2", "stages=[]", f"model.start={first}")
    second = training.train(tmp_path / "second", *given)
    inputs = artefact.read(second).inputs
    assert [one.kind for one in inputs] == ["shards", "run"]
    assert inputs[1].content == artefact.read(first).content
