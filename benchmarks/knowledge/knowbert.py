"""What vectors of entities are worth to a linker: names that mean two entities, of unlike works.

    python -m benchmarks.knowledge.knowbert [--first-seed 2] [--seeds 5] [--steps 300] [--arms none,true,...]

A sentence has a name and a clue of what the one who is meant works at. What the two candidates work at is
told by their vectors alone (TransE, of all facts). Names of dev are in no sentence of training. `none` is
who is meant most often, without a model. Controls change candidates and who is right together: with
redrawn ones the right one can be known by its prior alone.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.knowledge import experiment
from benchmarks.knowledge.experiment import CONTROLS, NONE, encoder
from benchmarks.knowledge.world import CLUES, NAME, TEXTS, World, lines, vocabulary
from kbtools import api, linkers
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.settings import Reading

DEV, DIM, USUAL = 0.3, 32, 0.6
RECIPE = f"""
[model]
name = "knowbert"

{encoder()}
[model.settings.kars.{NAME}]
layer = 0
width = {DIM}
heads = 2
inner = 32
scorer = 32

[run]
batch = 32

[optimiser]
lr = 4e-3
warmup = 0.1

[objectives.linking]
"""


class Made(NamedTuple):
    """A world, and what is made of it once."""

    kb: Path
    vectors: Path
    shards: Path
    recipe: Path
    steps: int


def prepare(folder: Path, seed: int, steps: int) -> Made:
    """Make a world, vectors, and shards of sentences with gold links."""
    world = World(seed, many=1500, namesakes=1, apart=True)
    kb, tokenizer = world.build(folder), vocabulary(folder, world)
    vectors = world.vectors(kb, folder / "vectors", DIM)
    recipe = folder / "knowbert.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    corpus = lines(folder / "corpus.jsonl", [*_sentences(world)])
    linkers.link(corpus, folder / "linked", alias=folder / "alias", kbs=[kb], linker="knowbert-wiki-gold")
    api.shard(
        folder / "linked", folder / "shards", model="knowbert_linking", tokenizer=tokenizer, kbs=[kb],
        overrides=[f"dev={DEV}", "max_length=48"],
    )  # fmt: skip
    return Made(kb, vectors, folder / "shards", recipe, steps)


def _sentences(world: World) -> list[dict[str, object]]:
    draw, rows = random.Random(world.seed + 2), list[dict[str, object]]()
    for named in world.people:
        meant = named[0] if draw.random() < USUAL else named[1]
        before, after = draw.choice(TEXTS).split("{}")
        text = f"{before}{meant.name}{after} ; {draw.choice(CLUES[meant.label])}"
        link = {"start": len(before), "end": len(before) + len(meant.name), "ids": {NAME: meant.id}}
        rows.append({"id": named[0].id, "text": text, "mentions": [link]})
    return rows


def arm(name: str, made: Made, folder: Path, seed: int) -> dict[str, float]:
    """Train, and look at dev."""
    if name == NONE:
        return {"right": usual(made.shards)}
    seen = experiment.trained(
        made.recipe, folder, made.shards, seed=seed, vectors=[made.vectors], kbs=[made.kb],
        overrides=[f"run.steps={made.steps}", f"run.entities={name}", 'objectives.linking.loss="softmax"'],
    )  # fmt: skip
    return {"right": seen["linking.right"]}


def usual(folder: Path) -> float:
    """Return how often the likeliest candidate by priors is right on dev."""
    right = []
    columns = tuple(f"entities.{NAME}.{one}" for one in ("eids", "gold", "priors"))
    for batch in Batches(Shards(folder), "dev", Reading(rows=64, shuffle="no", columns=columns)).epoch():
        eids, gold, priors = (batch[one] for one in columns)
        best = np.take_along_axis(eids, priors.argmax(-1)[..., None], -1)[..., 0]
        right.append((best == gold)[gold >= 0])
    return float(np.concatenate(right).mean())


def main() -> None:
    """Train all arms."""
    told = experiment.asked(__doc__ or "", CONTROLS, steps=300)
    arms = {name: (lambda made, folder, seed, name=name: arm(name, made, folder, seed)) for name in told.arms}
    experiment.run("KnowBert", lambda folder, seed: prepare(folder, seed, told.steps), arms, told)


if __name__ == "__main__":
    main()
