"""What does not fit is told in a line, before anything is computed."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("torch")

import torch

from kbtools import artefact, models
from kbtools.errors import KbError
from kbtools.models.base import KnowledgeModel
from tests import evaluated_runs, training


def refused(run, shards, *overrides, split="test"):
    with pytest.raises(KbError) as told:
        models.evaluate(run, shards, split, overrides=overrides)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_what_does_not_fit(tmp_path):
    run, shards = evaluated_runs.run("labels"), evaluated_runs.shards()
    without = evaluated_runs.shards("max_length=32")
    assert "no examples of test; there are train, dev: --split dev" in refused(run, without)
    other = evaluated_runs.shards("max_length=32", "test=.5", size=1000)
    assert "made with another tokenizer" in refused(run, other)
    assert "the run has no 'tags'; it has labels" in refused(run, shards, "objectives=tags")
    assert "negative: no class '2'; there are 0, 1" in refused(run, shards, "negative=2")
    assert "entity_ablation is 'some'; it is one of true, none" in refused(
        run, shards, "entity_ablation=some"
    )
    assert "no mentions" in refused(run, shards, "entity_ablation=none")
    assert "reads no vectors" in refused(run, shards, "entity_ablation=permuted")
    assert "device 'moon' is not there" in refused(run, shards, "device=moon")
    assert "level is 2.0" in refused(run, shards, "level=2.0")
    assert "no model" in refused(tmp_path, shards)
    shutil.copytree(run / "model", tmp_path / "bare")
    (tmp_path / "bare" / "recipe.toml").unlink()
    assert "no recipe.toml" in refused(tmp_path / "bare", shards)


def test_shards_without_labels():
    run, shards = evaluated_runs.run("labels"), evaluated_runs.shards("max_length=32", "test=.5", empty=True)
    assert "no example of test has what labels asks for" in refused(run, shards)


def test_shards_of_another_kind(tmp_path):
    run = training.train(tmp_path / "run", "run.steps=4")
    labelled = evaluated_runs.shards("max_length=32", "test=.5", size=1000)
    assert "no column pair.kind; they have" in refused(run, labelled)


def test_classes_that_the_head_does_not_know():
    shards = evaluated_runs.shards("max_length=32", "test=.5", "labelled.label=qid")
    assert "which the head does not know; its classes are 0, 1" in refused(
        evaluated_runs.run("labels"), shards
    )


def test_fewer_classes_than_the_head_knows_are_no_trouble():
    few = evaluated_runs.shards("max_length=32", "test=.5", sentences=12)
    found = models.evaluate(evaluated_runs.run("tags"), few, overrides=["resamples=5"])
    assert found.counts["examples"] == artefact.read(few, "shards").tables["test"].rows


def test_a_model_that_says_no_numbers(tmp_path):
    """Of NaN none is greater: all that is right would come first."""
    run = tmp_path / "run"
    shutil.copytree(evaluated_runs.run("labels"), run)
    made = KnowledgeModel.from_pretrained(run)
    for norm in (one for one in made.modules() if isinstance(one, torch.nn.LayerNorm)):
        norm.weight.data.fill_(3e38)  # a number, but states are none any more
    made.save_pretrained(run / "model")
    told = refused(run, evaluated_runs.shards())
    assert "labels: the model's answers are no numbers (NaN)" in told


def test_several_tasks_are_named(tmp_path):
    run = training.train(tmp_path / "run", "run.steps=4", "stages=[]")
    told = refused(run, training.shards(), split="dev")
    assert "the run has several tasks; name it: short=…, long=…" in told
    found = models.evaluate(run, [f"short={training.shards()}"], "dev", overrides=["resamples=5"])
    assert found.counts["examples"]
