"""A small world for objectives: examples by number, batches of them, a model that looks at each token alone.

An example's columns follow from its number, so it is the same in any batch, packed or not. The state of a
token depends on the token alone: what an objective does is then all that can differ between batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig

from kbtools import plugins
from kbtools.models.batch import Batch, Output
from kbtools.models.draws import Draws
from kbtools.models.objectives.base import Here
from kbtools.models.parts.heads import base

SIZE, WIDTH, LENGTH = 40, 8, 24
SPECIAL = {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
CLASSES = {
    "pair.kind": ("next", "random"),
    "label": ("bad", "fine", "good"),
    "labels": ("B", "I", "O"),
}
MENTIONS = "entities.wikidata"
SPANS = ("units.phrase", "units.entity", f"{MENTIONS}.spans")
LISTS = (f"{MENTIONS}.eids", f"{MENTIONS}.priors")
NAMES = ("word_start", "segment", *SPANS, *LISTS, "dialogue.real", *CLASSES)
HERE = Here(size=SIZE, special=SPECIAL, columns=("input_ids", *NAMES), classes=CLASSES)
TEXT = BertConfig(
    vocab_size=SIZE, hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
)
BY_TOKEN = {"input_ids": 0, "word_start": False, "segment": 0, "labels": -100}  # and what padding has
BY_EXAMPLE = {"dialogue.real": False, "pair.kind": -1, "label": -100}


def example(number: int) -> dict[str, Any]:
    """Make up an example: [CLS], words, [SEP], and all that objectives may ask of it."""
    rng = np.random.default_rng(number)
    inner = int(rng.integers(12, LENGTH - 1))
    starts = [True, *(bool(rng.random() < 0.6) for _ in range(inner - 1))]
    words = [at + 1 for at, start in enumerate(starts) if start]
    spans = [(one, two) for one, two in pairwise(words) if rng.random() < 0.4]
    return {
        "number": number,
        "input_ids": [2, *rng.integers(5, SIZE, inner).tolist(), 3],
        "word_start": [False, *starts, False],
        "segment": [0, *([0] * (inner // 2) + [1] * (inner - inner // 2)), 1],
        "labels": [-100, *(int(rng.integers(3)) if start else -100 for start in starts), -100],
        "units.phrase": spans,
        "units.entity": spans[::2],
        f"{MENTIONS}.spans": spans,
        f"{MENTIONS}.eids": [(number + at, number + at + 1) for at in range(len(spans))],
        f"{MENTIONS}.priors": [(0.75, 0.25)] * len(spans),
        "pair.kind": number % 2,
        "dialogue.real": number % 3 == 0,
        "label": number % 3,
    }


def batch(numbers: Sequence[int], epoch: int = 0) -> Batch:
    """Lay out examples, one in a row."""
    made = _laid([[example(number)] for number in numbers])
    del made["sequence"], made["sequence.start"], made["positions"]
    for name in ("batch.rows", *BY_EXAMPLE):
        made[name] = made[name][:, 0]
    return {**made, "batch.epoch": epoch}


def packed(rows: Sequence[Sequence[int]], epoch: int = 0) -> Batch:
    """Lay out examples, several in a row."""
    return {**_laid([[example(number) for number in row] for row in rows]), "batch.epoch": epoch}


def _laid(rows: list[list[dict[str, Any]]]) -> Batch:
    length = LENGTH * max(map(len, rows)) + 1
    others = ("attention_mask", "sequence", "positions", "sequence.start", "batch.rows", *BY_EXAMPLE)
    made: dict[str, list[Any]] = {name: [] for name in (*BY_TOKEN, *SPANS, *LISTS, *others)}
    many = max(map(len, rows))
    for row in rows:
        sizes = [len(one["input_ids"]) for one in row]
        starts = np.cumsum([0, *sizes])[:-1].tolist()
        free = length - sum(sizes)
        for name, fill in BY_TOKEN.items():
            made[name].append([value for one in row for value in one[name]] + [fill] * free)
        made["attention_mask"].append([True] * sum(sizes) + [False] * free)
        made["sequence"].append([n for n, size in enumerate(sizes, 1) for _ in range(size)] + [0] * free)
        made["positions"].append([at for size in sizes for at in range(size)] + [0] * free)
        for name in SPANS:
            made[name].append(
                [(a + at, b + at) for one, at in zip(row, starts, strict=True) for a, b in one[name]]
            )
        gap = [-1] * (many - len(row))
        made["sequence.start"].append(starts + gap)
        made["batch.rows"].append([one["number"] for one in row] + gap)
        for name in LISTS:
            made[name].append([told for one in row for told in one[name]])
        for name, fill in BY_EXAMPLE.items():
            made[name].append([one[name] for one in row] + [fill] * len(gap))
    most = max(len(spans) for name in SPANS for spans in made[name])
    there = {name: [[at < len(told) for at in range(most)] for told in made[name]] for name in SPANS}
    masks: dict[str, Any] = {f"{name}.mask": mask for name, mask in there.items()}
    for name in LISTS:
        masks[f"{name}.mask"] = [[[one] * 2 for one in row] for row in there[f"{MENTIONS}.spans"]]
    for name in (*SPANS, *LISTS):
        nothing = (0, 0) if name in SPANS else (-1, -1)
        made[name] = [told + [nothing] * (most - len(told)) for told in made[name]]
    return {name: torch.tensor(value) for name, value in (made | masks).items()}


class Tiny(nn.Module):
    """Embeddings, and the heads that objectives ask for."""

    def __init__(self, heads: Mapping[str, Any], seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embeddings = nn.Embedding(SIZE, WIDTH)
        self.heads: Any = nn.ModuleDict({name: base.build(table, TEXT) for name, table in heads.items()})
        for weight in self.heads.parameters():  # wide ones: losses that differ
            nn.init.normal_(weight, std=0.5)
        self.eval()

    @property
    def words(self) -> Tensor:
        return self.embeddings.weight

    def forward(self, some: Batch) -> Output:
        return Output(last_hidden_state=self.embeddings(some["input_ids"]))


def objective(name: str, here: Here = HERE, **settings: Any) -> Any:
    """Make an objective by name."""
    kind = plugins.load("kbtools.models.objectives", name).OBJECTIVE
    return kind(kind.settings(**settings), here)


def corrupted(one: Any, some: Batch, seed: int = 0) -> int:
    """Corrupt a batch in place; return how many targets there are."""
    many: int = one.corrupt(some, Draws(some, seed))
    return many


def by_example(some: Batch, name: str) -> dict[tuple[int, int], Any]:
    """Return an objective's targets by the number of the example and the place in it."""
    length = some["input_ids"].shape[1]
    targets = some.get(f"{name}.targets", some[f"{name}.places"] * 0)
    rows, found = some["batch.rows"], {}
    for place, target in zip(some[f"{name}.places"].tolist(), targets.tolist(), strict=True):
        row, column = divmod(place, length)
        if rows.dim() == 1:
            found[int(rows[row]), column] = target
        else:
            at = int(some["sequence"][row, column]) - 1
            found[int(rows[row, at]), column - int(some["sequence.start"][row, at])] = target
    return found
