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

from kbtools import api, linkers, plugins
from kbtools.models.base import KnowledgeModel
from kbtools.models.batch import Batch
from kbtools.models.draws import Draws
from kbtools.models.embeddings import embed
from kbtools.models.parts.tables import EntityTable
from kbtools.models.recipe import Recipe, Stage
from kbtools.models.training.data import tensors
from kbtools.models.training.planning import objectives_of, tasks
from kbtools.models.training.setup import ZOO, Data, load_recipe
from kbtools.models.training.trainee import Trainee
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.settings import Reading
from tests import tiny_tokenizer, tiny_trees

NAMES = plugins.names(ZOO)
LENGTH = 32
CORPORA = {"bert_wwm": "zh.jsonl", "ernie_baidu_dialogues": "dialogues"}  # else English
PRESETS = {
    ("ernie_baidu", "dialogues"): "ernie_baidu_dialogues",
    ("knowbert", "links"): "knowbert_linking",
}  # of a task, where it is not the recipe's
LINKED = {  # presets whose corpus is linked: with which knowledge bases, by which linker
    "ernie_thu": (("wikidata",), "gold"),
    "knowbert": (("wikidata",), "knowbert-wiki"),
    "knowbert_linking": (("wikidata",), "knowbert-wiki-gold"),
}
VECTORS = {
    "ernie_thu": ("wikidata",),
    "knowbert": ("wikidata",),
}  # bodies that read vectors of entities: of which knowledge bases
WIDTHS = {"wikidata": 12, "wordnet": 12}
SAMPLE = tiny_tokenizer.CORPUS.parent
SOURCES = {"wikidata": SAMPLE / "wikidata.json.gz", "wordnet": SAMPLE / "wordnet" / "dict"}


class Tiny(NamedTuple):
    """A model of the zoo as its tiny recipe says, before its first step."""

    recipe: Recipe
    data: Data
    stage: Stage

    @property
    def vectors(self) -> list[Path]:
        """Return the vectors of entities that its body reads."""
        return [vectors(kb) for kb in VECTORS.get(self.recipe.model.name, ())]

    def tables(self) -> dict[str, EntityTable]:
        """Open them, by knowledge base."""
        return opened(self.recipe.model.name)

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
        return KnowledgeModel.make(
            told, heads=self.heads(), vocabulary=self.data.vocabulary, tables=self.tables(), seed=seed
        )

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


def opened(body: str) -> dict[str, EntityTable]:
    """Open the vectors of entities that a body reads, by knowledge base."""
    return {kb: EntityTable.open(vectors(kb)) for kb in VECTORS.get(body, ())}


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
    if preset == "kbert":
        return tiny_trees.shards()
    out = Path(_room().name) / f"{preset}-{length}"
    name = CORPORA.get(preset, "en.jsonl")
    corpus = f"dialogues:{_dialogues()}" if name == "dialogues" else tiny_tokenizer.CORPUS / name
    kbs, linker = LINKED.get(preset, ((), ""))
    api.shard(
        linked(name, kbs, linker) if kbs else corpus, out, model=preset, tokenizer=tiny_tokenizer.path(),
        kbs=[base(kb) for kb in kbs],
        overrides=[f"max_length={length}", "dev=0.1"],
    )  # fmt: skip
    return out


@cache
def base(kb: str) -> Path:
    """Ingest a knowledge base of the sample."""
    out = Path(_room().name) / kb
    told: dict[str, Any] = {"langs": ["en"]} if kb == "wikidata" else {}
    api.ingest(kb, [SOURCES[kb]], out, **told)
    return out


@cache
def linked(corpus: str, kbs: tuple[str, ...], linker: str) -> Path:
    """Link a corpus of the sample with knowledge bases."""
    out = Path(_room().name) / "-".join((corpus, *kbs, linker))
    alias = _alias(kbs)
    linkers.link(
        tiny_tokenizer.CORPUS / corpus, out, alias=alias, kbs=[base(kb) for kb in kbs], linker=linker
    )
    return out


@cache
def vectors(kb: str) -> Path:
    """Learn a few vectors of the entities of a knowledge base, by TransE."""
    out = Path(_room().name) / f"{kb}-vectors"
    embed(base(kb), out, model="transe", quiet=True, overrides=[f"dim={WIDTHS[kb]}", "epochs=3"])
    return out


def without_targets(batch: Batch, objectives: Mapping[str, Any]) -> Batch:
    """Return a corrupted batch as if no objective had found anything in it."""
    names = [f"{name}.{what}" for name in objectives for what in ("places", "targets")]
    gold = [name for name in batch if name.startswith("linking.") and name.endswith(".gold")]
    batch = batch | {name: torch.full_like(batch[name], -1) for name in gold}
    return batch | {name: batch[name][:0] for name in names if name in batch}


@cache
def _alias(kbs: tuple[str, ...]) -> Path:
    out = Path(_room().name) / "-".join(("alias", *kbs))
    api.build_alias([base(kb) for kb in kbs], out)
    return out


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
