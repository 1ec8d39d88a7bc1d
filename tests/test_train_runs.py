"""Training from shards to a run, and going on with one that was cut off."""

from __future__ import annotations

import json
import os
import signal
import tomllib

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from kbtools import artefact
from kbtools.errors import KbError, TaskError
from kbtools.models.base import KnowledgeModel
from kbtools.models.objectives import nsp
from kbtools.models.training import checkpoints, running
from kbtools.runs import metrics
from tests import training

STEPS = "run.steps=8"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of eight steps that nothing disturbed."""
    return training.train(tmp_path_factory.mktemp("whole") / "run", STEPS, "run.save=4", "run.evaluate=4")


def weights(run):
    return load_file(run / "model" / "model.safetensors")


def test_a_run_has_what_it_should(whole):
    manifest = artefact.read(whole, "run")
    assert manifest.counts["steps"] == 8
    assert {path.name for path in whole.iterdir()} == {
        "manifest.json", "model", "recipe.toml", "metrics.jsonl", "curves.svg", "checkpoints",
    }  # fmt: skip
    assert tomllib.loads((whole / "recipe.toml").read_text())["run"]["steps"] == 8
    assert [one.kind for one in manifest.inputs] == ["shards"]
    listed = {file.path for table in manifest.tables.values() for file in table.files}
    there = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    assert listed == there - {"manifest.json"}


def test_the_loss_falls(whole):
    found = training.losses(whole)
    assert list(found) == list(range(1, 9))
    assert found[8] < found[1]


def test_looks_at_dev_are_written(whole):
    lines = [line for line in metrics.read(whole / "metrics.jsonl") if "dev" in line]
    assert [line["step"] for line in lines] == [4, 8]
    for line in lines:
        assert {"loss", "mlm.loss", "nsp.loss", "mlm.right", "nsp.right"} <= line["dev"].keys()
        assert line["dev"]["loss"] == pytest.approx(line["dev"]["mlm.loss"] + line["dev"]["nsp.loss"])


def test_the_model_loads_and_its_tokenizer_with_it(whole):
    model = KnowledgeModel.from_pretrained(whole)
    assert not model.loaded.new
    tokens = AutoTokenizer.from_pretrained(whole / "model")("Geneva", return_tensors="pt")
    found = model(**{name: tokens[name] for name in ("input_ids", "attention_mask")})
    assert found.hidden.shape[-1] == 16


def test_the_same_command_gives_the_same_weights(whole, tmp_path):
    again = training.train(tmp_path / "run", STEPS, "run.save=4", "run.evaluate=4")
    first, second = weights(whole), weights(again)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = weights(training.train(tmp_path / "other", STEPS, "run.seed=1"))
    assert not torch.equal(first["heads.lm.dense.weight"], other["heads.lm.dense.weight"])


def test_a_run_goes_on_as_if_it_had_never_stopped(whole, tmp_path, monkeypatch):
    out, given = tmp_path / "run", (STEPS, "run.save=4", "run.evaluate=4")

    def killed(self, step, *rest):
        if step.number == 6:
            raise RuntimeError("as if the process had been killed")
        return done(self, step, *rest)

    done = running.Training._done
    monkeypatch.setattr(running.Training, "_done", killed)
    with pytest.raises(RuntimeError):
        training.train(out, *given)
    monkeypatch.undo()
    assert checkpoints.steps(tmp_path / "run.partial" / "new") == [4]
    training.train(out, *given)
    assert training.losses(out) == training.losses(whole)
    first, second = weights(whole), weights(out)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_ctrl_c_writes_a_checkpoint_and_the_run_goes_on(whole, tmp_path, monkeypatch):
    out, given = tmp_path / "run", (STEPS, "run.save=4", "run.evaluate=4")
    done = running.Training._done

    def pressed(self, step, *rest):
        if step.number == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return done(self, step, *rest)

    monkeypatch.setattr(running.Training, "_done", pressed)
    with pytest.raises(KeyboardInterrupt):
        training.train(out, *given)
    monkeypatch.undo()
    assert checkpoints.steps(tmp_path / "run.partial" / "new") == [3]
    training.train(out, *given)
    assert training.losses(out) == training.losses(whole)


def test_accumulation_changes_nothing(whole, tmp_path):
    parts = training.train(tmp_path / "run", STEPS, "run.micro=2", "model.text.hidden_dropout_prob=0.0")
    once = training.train(tmp_path / "once", STEPS, "model.text.hidden_dropout_prob=0.0")
    assert training.losses(parts)[1] > 0
    assert len(training.losses(parts)) == len(training.losses(once)) == 8


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_examples(tmp_path, monkeypatch):
    loss = nsp.OBJECTIVE.loss

    def broken(self, model, output, batch):
        found = loss(self, model, output, batch)
        return found._replace(total=found.total * float("nan"))

    monkeypatch.setattr(nsp.OBJECTIVE, "loss", broken)
    with pytest.raises(TaskError, match=r"step 1: no number came out of nsp .*examples: short \d+, \d+"):
        training.train(tmp_path / "run", STEPS)


def test_training_stops_when_dev_gets_no_better(tmp_path):
    out = training.train(
        tmp_path / "run", "run.steps=30", "run.evaluate=1", "run.patience=2", "optimiser.lr=1e-12",
        "run.take=best",
    )  # fmt: skip
    manifest = artefact.read(out)
    assert manifest.notes["stopped early"]
    assert manifest.counts["steps"] < 30
    best = manifest.notes["best step"]
    kept = load_file(out / "checkpoints" / f"step-{best}" / "model.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in weights(out).items())


def test_a_running_mean_of_the_weights_is_what_is_saved(tmp_path):
    out = training.train(tmp_path / "run", "run.steps=3", "run.ema=0.5")
    last = load_file(out / "checkpoints" / "step-3" / "model.safetensors")
    mean = load_file(out / "checkpoints" / "step-3" / "training.safetensors")
    name = "heads.lm.dense.weight"
    assert torch.equal(weights(out)[name], mean[f"average/{name}"])
    assert not torch.equal(weights(out)[name], last[name])


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["run.batch=5", "run.micro=2"], "cannot be shared out"),
        (["stages=[]", "objectives.mlm.rat=1"], "did you mean 'rate'"),
        (["model.name=brt"], "brt"),
        (["objectives.mlm.weight=0"], "weight"),
        (["run.precision=fp16"], "needs a GPU"),
        (["run.attention=flex"], "needs a GPU"),
        (["run.sharded=true"], "start several"),
        (["run.best=accuracy"], "nothing of that name is seen on dev"),
        (["model.text.vocab_size=77"], "77"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(tmp_path, overrides, words):
    with pytest.raises(KbError, match=words) as caught:
        training.train(tmp_path / "run", "run.steps=4", *overrides)
    assert "\n" not in str(caught.value)


def test_another_command_does_not_go_on_with_a_run(tmp_path, monkeypatch):
    def killed(self, *rest):
        raise RuntimeError

    monkeypatch.setattr(running.Training, "_done", killed)
    with pytest.raises(RuntimeError):
        training.train(tmp_path / "run", STEPS)
    monkeypatch.undo()
    with pytest.raises(KbError, match="other settings or inputs"):
        training.train(tmp_path / "run", STEPS, "optimiser.lr=0.5")


def test_metrics_are_plain_json(whole):
    for line in (whole / "metrics.jsonl").read_text().splitlines():
        assert json.loads(line)["step"] > 0
