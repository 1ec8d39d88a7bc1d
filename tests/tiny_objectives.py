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
from kbtools.models.parts.kar import NOBODY, Linked

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
GOLD = f"{MENTIONS}.gold"
NAMES = ("word_start", "segment", *SPANS, *LISTS, GOLD, "dialogue.real", "head", "relation", "tail", *CLASSES)
HERE = Here(size=SIZE, special=SPECIAL, columns=("input_ids", *NAMES), classes=CLASSES)
TEXT = BertConfig(
    vocab_size=SIZE, hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
)
BY_TOKEN = {"input_ids": 0, "word_start": False, "segment": 0, "labels": -100}  # and what padding has
BY_EXAMPLE = {"head": -1, "relation": -1, "tail": -1, "dialogue.real": False, "pair.kind": -1, "label": -100}


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
        GOLD: [number + at + at % 2 for at in range(len(spans))],
        "pair.kind": number % 2,
        "dialogue.real": number % 3 == 0,
        "label": number % 3,
        "head": number * 7 % 120,
        "relation": number % 5,
        "tail": number * 11 % 120,
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
    made: dict[str, list[Any]] = {name: [] for name in (*BY_TOKEN, *SPANS, *LISTS, GOLD, *others)}
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
        for name in (*LISTS, GOLD):
            made[name].append([told for one in row for told in one[name]])
        for name, fill in BY_EXAMPLE.items():
            made[name].append([one[name] for one in row] + [fill] * len(gap))
    most = max(len(spans) for name in SPANS for spans in made[name])
    there = {name: [[at < len(told) for at in range(most)] for told in made[name]] for name in SPANS}
    masks: dict[str, Any] = {f"{name}.mask": mask for name, mask in there.items()}
    for name in LISTS:
        masks[f"{name}.mask"] = [[[one] * 2 for one in row] for row in there[f"{MENTIONS}.spans"]]
    masks[f"{GOLD}.mask"] = there[f"{MENTIONS}.spans"]
    for name in (*SPANS, *LISTS, GOLD):
        nothing = -1 if name == GOLD else (0, 0) if name in SPANS else (-1, -1)
        made[name] = [told + [nothing] * (most - len(told)) for told in made[name]]
    return {name: torch.tensor(value) for name, value in (made | masks).items()}


class Vectors(nn.Module):
    """A vector of each entity of the examples, as an entity table gives them."""

    eids: Tensor | None = None

    def __init__(self, dim: int = 100) -> None:
        super().__init__()
        self.dim = dim
        self._rows = torch.randn(LENGTH * 4, dim, generator=torch.Generator().manual_seed(3))

    def forward(self, eids: Tensor) -> Tensor:
        return self._rows[eids.clamp(min=0)].masked_fill(eids[..., None] < 0, 0)


class Tiny(nn.Module):
    """Embeddings, and the heads that objectives ask for."""

    def __init__(self, heads: Mapping[str, Any], seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embeddings = nn.Embedding(SIZE, WIDTH)
        self.heads: Any = nn.ModuleDict({name: base.build(table, TEXT) for name, table in heads.items()})
        for weight in self.heads.parameters():  # wide ones: losses that differ
            nn.init.normal_(weight, std=0.5)
        self.tables = {"wikidata": Vectors()}
        self.eval()

    @property
    def words(self) -> Tensor:
        return self.embeddings.weight

    def forward(self, some: Batch) -> Output:
        hidden = self.embeddings(some["input_ids"])
        linked = {"wikidata": _linked(hidden, some)} if f"{MENTIONS}.spans" in some else {}
        return Output(last_hidden_state=hidden, parts={"knowbert": linked})


def _linked(hidden: Tensor, some: Batch) -> Linked:
    """Score candidates by numbers of a mention's first token."""
    spans, real = some[f"{MENTIONS}.spans"], some[f"{MENTIONS}.eids.mask"]
    first = hidden.gather(1, spans[..., :1].expand(-1, -1, WIDTH))[..., : real.shape[-1]]
    eids = some[f"{MENTIONS}.eids"].masked_fill(~real, -1)
    return Linked(eids, first.masked_fill(~real, NOBODY), spans, some[f"{MENTIONS}.spans.mask"])


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
    if f"{name}.wikidata.gold" in some:
        return _by_candidate(some, some[f"{name}.wikidata.gold"])
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


def _by_candidate(some: Batch, gold: Tensor) -> dict[tuple[int, int], Any]:
    """Return who is meant, by example and place, for each candidate; its number is the place's last digit."""
    rows, found = some["batch.rows"], {}
    real = some[f"{MENTIONS}.eids.mask"] & (gold != -1)[..., None]
    for row, mention, candidate in real.nonzero().tolist():
        place = int(some[f"{MENTIONS}.spans"][row, mention, 0])
        number = rows[row]
        if rows.dim() > 1:
            at = int(some["sequence"][row, place]) - 1
            number, place = number[at], place - int(some["sequence.start"][row, at])
        found[int(number), 10 * place + candidate] = int(gold[row, mention])
    return found


def without_targets(some: Batch, name: str, many: int) -> Batch:
    """Return a batch as if an objective had found none of its `many` targets."""
    found = dict(some)
    for column, value in some.items():
        if not column.startswith(f"{name}.") or not isinstance(value, torch.Tensor):
            continue
        if column.endswith(".gold"):
            found[column] = torch.full_like(value, -1)
        elif len(value) == many:
            found[column] = value[:0]
    return found
