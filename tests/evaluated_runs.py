"""Labelled sentences, shards of them, and small runs that were trained on them; made once in a session."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kbtools import api
from kbtools.models.training import stage
from tests import tiny_tokenizer

MODEL = """
[model]
name = "bert"
[model.text]
model_type = "bert"
hidden_size = 32
num_hidden_layers = 1
num_attention_heads = 2
intermediate_size = 32
max_position_embeddings = 32
type_vocab_size = 2
[run]
steps = 12
batch = 8
evaluate = 6
dev_batches = 0
seed = 3
[optimiser]
lr = 5e-3
"""
OBJECTIVES = {
    "labels": "[objectives.labels]\n",
    "number": '[objectives.labels]\ncolumn = "label"\nkind = "number"\n',
    "several": '[objectives.labels]\ncolumn = "labels"\nkind = "several"\n',
    "tags": "[objectives.tags]\n",
    "both": "[objectives.mlm]\n[objectives.tags]\nweight = 2.0\n",
}
PEOPLE, PLACES, OTHERS = ("ann", "bob"), ("paris", "rome"), ("met", "saw", "in", "and")


def sentence(number: int) -> dict[str, object]:
    """Make up a sentence: a name or two, and what it says of them."""
    random = np.random.default_rng(number)
    words = [str(random.choice([*PEOPLE, *PLACES, *OTHERS])) for _ in range(int(random.integers(3, 9)))]
    ends = np.cumsum([len(word) + 1 for word in words]).tolist()
    places = [[end - 1 - len(word), end - 1] for word, end in zip(words, ends, strict=True)]
    tags = ["B-PER" if one in PEOPLE else "B-LOC" if one in PLACES else "O" for one in words]
    return {
        "id": f"s{number}",
        "text": " ".join(words),
        "tokens": places,
        "tags": tags,
        "label": str(int("ann" in words)),
        "qid": f"q{number // 4}",
    }


@cache
def shards(*settings: str, sentences: int = 160, empty: bool = False, size: int = 2000) -> Path:
    """Make shards: a fifth of the sentences are dev, a fifth test; `empty`: nothing is said of them."""
    out = Path(_room().name) / f"shards-{len(list(Path(_room().name).iterdir()))}"
    corpus = out.with_suffix(".jsonl")
    told = [sentence(number) for number in range(sentences)]
    lines = [{"id": one["id"], "text": one["text"]} if empty else one for one in told]
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    api.shard(
        corpus, out, model="adapters", tokenizer=tiny_tokenizer.path(size=size), kbs=[],
        overrides=settings or ("max_length=32", "dev=.2", "test=.2"),
    )  # fmt: skip
    return out


@cache
def run(what: str = "labels", *overrides: str) -> Path:
    """Train a few steps on one of OBJECTIVES."""
    out = Path(_room().name) / f"run-{len(list(Path(_room().name).iterdir()))}"
    recipe = out.with_suffix(".toml")
    recipe.write_text(MODEL + OBJECTIVES[what], encoding="utf-8")
    stage.train(recipe, out, shards=[shards()], overrides=overrides, quiet=True)
    return out


@cache
def _room() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="kbtools-evaluated-", ignore_cleanup_errors=True)
