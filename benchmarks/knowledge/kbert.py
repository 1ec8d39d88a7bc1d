"""What sentence trees are worth: the class of an entity's work, which is told by the knowledge base alone.

    python -m benchmarks.knowledge.kbert [--first-seed 2] [--seeds 5] [--steps 300] [--arms none,true,...]

An entity is in one sentence, with an invented name; entities of dev are in no sentence of training. Chance
is a third. All arms are one model with the same number of weights and of steps. `swap` keeps types: persons
have works of two classes, firms of the third, so two thirds may be had by who has read of types alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks.knowledge import experiment
from benchmarks.knowledge.experiment import ARMS, CONTROLS, encoder
from benchmarks.knowledge.world import World, behind, lines, vocabulary
from kbtools import api

DEV = 0.3
RECIPE = f"""
[model]
name = "kbert"

{encoder()}
[run]
batch = 32

[optimiser]
lr = 2e-3
warmup = 0.1

[objectives.labels]
"""


class Made(NamedTuple):
    """A world, and what is made of it once."""

    world: World
    kb: Path
    alias: Path
    tokenizer: Path
    recipe: Path
    steps: int


def prepare(folder: Path, seed: int, steps: int) -> Made:
    """Make a world."""
    world = World(seed, many=1500, namesakes=1, telling=True)
    kb = world.build(folder)
    recipe = folder / "kbert.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    return Made(world, kb, folder / "alias", vocabulary(folder, world), recipe, steps)


def arm(name: str, made: Made, folder: Path, seed: int) -> dict[str, float]:
    """Grow trees, make shards of them, train, look at dev."""
    folder.mkdir()
    facts = name if name in CONTROLS else "none"
    rows = [
        {"id": id_, "text": text.format(one.name) + behind(name, one), "label": one.label}
        for id_, one, text in made.world.sentences()
    ]
    corpus = lines(folder / "corpus.jsonl", rows)
    api.tree(
        corpus, folder / "trees", kbs=[made.kb], alias=made.alias, tokenizer=made.tokenizer, max_length=64,
        overrides=[f"choice.facts={facts}", f"choice.seed={seed}", "sentences=whole"],
    )  # fmt: skip
    api.shard(
        folder / "trees", folder / "shards", model="kbert", tokenizer=made.tokenizer, kbs=[],
        overrides=["max_length=64", f"dev={DEV}"],
    )  # fmt: skip
    seen = experiment.trained(
        made.recipe, folder / "run", folder / "shards", seed=seed, overrides=[f"run.steps={made.steps}"]
    )
    return {"right": seen["labels.right"]}


def main() -> None:
    """Train all arms."""
    told = experiment.asked(__doc__ or "", ARMS, steps=300)
    arms = {name: (lambda made, folder, seed, name=name: arm(name, made, folder, seed)) for name in told.arms}
    experiment.run("K-BERT", lambda folder, seed: prepare(folder, seed, told.steps), arms, told)


if __name__ == "__main__":
    main()
