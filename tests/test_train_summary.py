"""What a run would do, told before it does: weights, data, stages, memory, files."""

from __future__ import annotations

import msgspec
import pytest

from kbtools import config
from kbtools.models.base import KnowledgeModel
from kbtools.models.parts.heads import lm
from kbtools.models.recipe import Model, Recipe
from kbtools.models.training import planning, summary
from kbtools.models.training.feeding import Size
from kbtools.models.training.survey import Read, survey
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.settings import Reading
from tests import tiny_shards

LENGTHS = [3, 4, 5, 16] * 10
TEXT = {
    "model_type": "bert", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 32,
}  # fmt: skip
VOCABULARY = {"content": "t", "size": 50, "pad": 0, "unk": 3, "cls": 1, "sep": 2, "mask": 4}
STAGES = [
    {"name": "heads", "steps": 10, "freeze": ["body"]},
    {"name": "all", "lr": 1e-5},
]


@pytest.fixture
def shards(tmp_path):
    return Shards(
        tiny_shards.write(
            tmp_path / "shards", {"train": tiny_shards.rows(LENGTHS), "dev": tiny_shards.rows([4, 5], 100)}
        )
    )


@pytest.fixture
def model():
    return KnowledgeModel.make(Model(text=TEXT), heads={"lm": lm.Settings()}, vocabulary=VOCABULARY, seed=0)


def recipe(**more):
    table = {"about": "A try.", "run": {"steps": 30, "batch": 8}, "objectives": {"mlm": {}}, **more}
    return config.build(Recipe, table, where="test")


def summarised(model, told, shards, **how):
    return summary.summarise(model, told, shards, planning.stages(told, told.run.steps), **how)


def test_weights_by_part_and_by_stage(model, shards):
    found = summarised(model, recipe(stages=STAGES), {"data": shards})
    parts = {part.name: part for part in found.parts}
    assert list(parts) == ["text: embeddings", "text: layers", "head lm"]
    assert parts["text: layers"].weights == 2 * (4 * (16 * 16 + 16) + 2 * 16 * 32 + 32 + 16 + 4 * 16)
    assert sum(part.weights for part in found.parts) == sum(one.numel() for one in model.parameters())
    assert all(part.trained == part.weights == part.new for part in found.parts)
    heads, rest = found.stages
    assert (heads.first, heads.last, rest.first, rest.last) == (1, 10, 11, 30)
    assert heads.trained == parts["head lm"].weights
    assert heads.frozen == parts["text: embeddings"].weights + parts["text: layers"].weights
    assert (rest.frozen, rest.lr) == (0, 1e-5)
    assert heads.memory.gradients < rest.memory.gradients
    assert all(weight.requires_grad for weight in model.parameters())


def test_what_is_frozen_stays_as_it_was(model, shards):
    weight = next(model.parameters()).requires_grad_(False)
    summarised(model, recipe(), {"data": shards})
    assert not weight.requires_grad


def test_epochs_and_padding(model, shards):
    found = summarised(model, recipe(), {"data": shards}, processes=2)
    (task,) = found.tasks
    assert (task.examples, task.dev, task.tokens, task.mean) == (40, 2, 280, 7.0)
    assert task.steps == 30
    assert task.epochs == pytest.approx(30 * 8 / 40)
    read = Read(Size(8, None, 1), 30)
    packed = survey("data", shards, [read], packed=True, seed=0)
    assert packed.useful == pytest.approx(280 / (18 * 16), rel=0.2)
    assert packed.packed is None
    assert task.packed is not None
    assert 0 < task.useful <= 1


def test_by_tokens_an_epoch_is_as_many_steps_as_it_has_batches(shards):
    batches = Batches(shards, "train", Reading(tokens=64))
    many = batches.steps()
    read = Read(Size(None, 64, 2), 10)  # two batches a step, in each of three processes
    found = survey("data", shards, [read], packed=False, seed=0, processes=3)
    assert found.epochs == pytest.approx(10 * 2 * 3 / many)


def test_tasks_share_the_steps(model, shards):
    told = recipe(
        tasks={"a": {"weight": 3.0}, "b": {}},
        stages=[{"name": "one", "steps": 10, "tasks": {"b": 1.0}}, {"name": "both"}],
    )
    found = summarised(model, told, {"a": shards, "b": shards})
    steps = {task.name: task.steps for task in found.tasks}
    assert steps == pytest.approx({"a": 15.0, "b": 10 + 5.0})
    assert "a 75% · b 25%" in summary.tell(found)


def test_it_is_told_and_written_as_data(model, shards):
    told = recipe(stages=STAGES, run={"steps": 30, "batch": 8, "ema": 0.9, "tensorboard": True})
    found = summarised(model, told, {"data": shards})
    text = summary.tell(found)
    for line in (
        "A try.",
        "bert: 30 steps, fp32, with new weights",
        "    30 steps are 6.00 epochs",
        "  heads: steps 1 to 10: mlm",
        "tensorboard/",
    ):
        assert line in text
    assert found.stages[0].memory.averages
    decoded = msgspec.json.decode(msgspec.json.encode(found), type=summary.Summary)
    assert decoded == found
