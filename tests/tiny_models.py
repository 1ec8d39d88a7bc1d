"""Tiny models of the zoo, with what they read: shards, objectives, batches; made once in a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch

from kbtools import api, plugins
from kbtools.models.base import KnowledgeModel
from kbtools.models.batch import Batch
from kbtools.models.draws import Draws
from kbtools.models.recipe import Recipe, Stage
from kbtools.models.training.data import tensors
from kbtools.models.training.planning import objectives_of, tasks
from kbtools.models.training.setup import ZOO, Data, load_recipe
from kbtools.models.training.trainee import Trainee
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.settings import Reading
from tests import tiny_tokenizer

NAMES = plugins.names(ZOO)
LENGTH = 32
CORPORA = {"bert_wwm": "zh.jsonl", "ernie_baidu_dialogues": "dialogues"}  # else English
PRESETS = {("ernie_baidu", "dialogues"): "ernie_baidu_dialogues"}  # of a task, where it is not the recipe's


class Tiny(NamedTuple):
    """A model of the zoo as its tiny recipe says, before its first step."""

    recipe: Recipe
    data: Data
    stage: Stage

    @property
    def tasks(self) -> list[str]:
        """Name the tasks."""
        return [*tasks(self.recipe)]

    def objectives(self, task: str) -> Mapping[str, Any]:
        """Make the objectives of a task."""
        made = self.data.objectives(self.stage)
        return {name: made[name] for name in objectives_of(self.recipe, self.stage, tasks(self.recipe)[task])}

    def heads(self) -> dict[str, Any]:
        """Return the settings of all heads."""
        return self.data.heads(self.data.objectives(self.stage))

    def model(self, *, seed: int = 0, **text: Any) -> KnowledgeModel:
        """Make the model; `text` is what is different in its text encoder."""
        told = replace(self.recipe.model, text=self.recipe.model.text | text)
        return KnowledgeModel.make(told, heads=self.heads(), vocabulary=self.data.vocabulary, seed=seed)

    def still(self, *, seed: int = 0) -> KnowledgeModel:
        """Make the model without dropout."""
        return self.model(seed=seed, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)

    def raw(self, task: str, rows: int = 4, **reading: Any) -> Batch:
        """Read a batch as it stands in the shards: the first examples."""
        shards = self.data.shards[task]
        told = Reading(rows=rows, shuffle="no", classes=self.classes(task), **reading)
        return tensors(next(iter(Batches(shards, "train", told).epoch())))

    def batch(
        self, task: str, rows: int = 4, *, seed: int = 0, **reading: Any
    ) -> tuple[Batch, dict[str, int]]:
        """Read a batch and corrupt it; also say how many targets each objective has."""
        batch = self.raw(task, rows, **reading)
        draws = Draws(batch, seed)
        return batch, {name: one.corrupt(batch, draws) for name, one in self.objectives(task).items()}

    def loss(
        self, model: KnowledgeModel, task: str, batch: Batch, targets: Mapping[str, int]
    ) -> torch.Tensor:
        """Add up the means of all objectives."""
        trainee = Trainee(model, self.objectives(task))
        total: torch.Tensor = trainee(batch, {name: 1 / max(many, 1) for name, many in targets.items()})[0]
        return total

    def classes(self, task: str) -> dict[str, tuple[str, ...]]:
        """Return the words of columns of words, for whoever reads them."""
        self.data.objectives(self.stage)  # these ask for the words of columns
        columns = self.data.shards[task].columns
        return {name: tuple(words) for name, words in self.data.classes.asked.items() if name in columns}


@cache
def tiny(name: str) -> Tiny:
    """Return a model of the zoo, by its tiny recipe."""
    recipe = load_recipe(f"{name}.tiny")
    opened = {
        task: Shards(shards(PRESETS.get((name, task), recipe.shards or name))) for task in tasks(recipe)
    }
    return Tiny(recipe, Data(recipe, opened), recipe.stages[-1] if recipe.stages else Stage())


@cache
def shards(preset: str, length: int = LENGTH) -> Path:
    """Make shards of the sample corpus, or of dialogues made of its sentences."""
    out = Path(_room().name) / f"{preset}-{length}"
    name = CORPORA.get(preset, "en.jsonl")
    corpus = f"dialogues:{_dialogues()}" if name == "dialogues" else tiny_tokenizer.CORPUS / name
    api.shard(
        corpus, out, model=preset, tokenizer=tiny_tokenizer.path(), kbs=[],
        overrides=[f"max_length={length}", "dev=0.1"],
    )  # fmt: skip
    return out


def without_targets(batch: Batch, objectives: Mapping[str, Any]) -> Batch:
    """Return a corrupted batch as if no objective had found anything in it."""
    names = [f"{name}.{what}" for name in objectives for what in ("places", "targets")]
    return batch | {name: batch[name][:0] for name in names if name in batch}


@cache
def _dialogues() -> Path:
    """Write talk of two: questions about the people of the sample, and answers."""
    random = np.random.default_rng(0)
    ask, answer = ("who is", "where is", "what do you know of"), ("a friend", "far from here", "nobody knows")
    path = Path(_room().name) / "talk.txt"
    talks = []
    for number in range(60):
        lines = [
            f"A: {random.choice(ask)} {number}?",
            f"B: {random.choice(answer)}",
            "A: thanks",
            "B: see you",
        ]
        talks.append("\n".join(lines))
    path.write_text("\n\n".join(talks) + "\n", encoding="utf-8")
    return path


@cache
def _room() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="kbtools-models-", ignore_cleanup_errors=True)
