"""What vectors of entities are worth: the class of a mention's work, which lies in its vector alone.

    python -m benchmarks.knowledge.ernie_thu [--first-seed 2] [--seeds 5] [--steps 300] [--arms none,true,...]

TransE learns vectors from all facts of the knowledge base (work and home; the class itself is no fact). A
linker says by priors whom a name means. An entity is in one sentence, and those of dev in none of training:
chance is a third, and two thirds for who has read of types alone (`swap`).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks.knowledge import experiment
from benchmarks.knowledge.experiment import ARMS, CONTROLS, encoder
from benchmarks.knowledge.world import World, behind, lines, vocabulary
from kbtools import api, linkers

TEXTS = ("", "bert_text", "bert_longer")
DEV, DIM = 0.3, 32
SHARDS = """
[common]
max_length = 48

[corpus]
layout = "labelled"

[corpus.views.entities]
overlap = "best"
columns = ["gold", "best", "eids"]
"""
RECIPE = f"""
[model]
name = "ernie_thu"

{encoder(layers=3)}
[model.settings]
layers = ["sim", "mix", "norm"]
width = {DIM}
heads = 2

[run]
batch = 32

[optimiser]
lr = 2e-3
warmup = 0.1

[objectives.labels]
"""


class Made(NamedTuple):
    """A world, and what is made of it once."""

    kb: Path
    vectors: Path
    shards: dict[str, Path]  # by what is written behind the sentences
    recipe: Path
    steps: int


def prepare(folder: Path, seed: int, steps: int) -> Made:
    """Make a world, vectors, and shards of linked sentences."""
    world = World(seed, many=1500, namesakes=1, telling=True)
    kb, tokenizer = world.build(folder), vocabulary(folder, world)
    vectors = world.vectors(kb, folder / "vectors", DIM)
    recipe, preset = folder / "ernie.toml", folder / "shards.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    preset.write_text(SHARDS, encoding="utf-8")
    shards = {}
    for text in TEXTS:
        name = text or "plain"
        rows = [
            {"id": id_, "text": told.format(one.name) + behind(text, one), "label": one.label}
            for id_, one, told in world.sentences()
        ]
        corpus = lines(folder / f"{name}.jsonl", rows)
        linkers.link(corpus, folder / f"linked-{name}", alias=folder / "alias", kbs=[kb], linker="prior")
        shards[text] = folder / f"shards-{name}"
        api.shard(
            folder / f"linked-{name}", shards[text], model=str(preset), tokenizer=tokenizer, kbs=[kb],
            overrides=[f"dev={DEV}"],
        )  # fmt: skip
    return Made(kb, vectors, shards, recipe, steps)


def arm(name: str, made: Made, folder: Path, seed: int) -> dict[str, float]:
    """Train, and look at dev."""
    which = name if name in CONTROLS else "none"
    seen = experiment.trained(
        made.recipe, folder, made.shards[name if name in TEXTS else ""], seed=seed,
        vectors=[made.vectors], kbs=[made.kb],
        overrides=[f"run.steps={made.steps}", f"run.entities={which}"],
    )  # fmt: skip
    return {"right": seen["labels.right"]}


def main() -> None:
    """Train all arms."""
    told = experiment.asked(__doc__ or "", ARMS, steps=300)
    arms = {name: (lambda made, folder, seed, name=name: arm(name, made, folder, seed)) for name in told.arms}
    experiment.run("ERNIE", lambda folder, seed: prepare(folder, seed, told.steps), arms, told)


if __name__ == "__main__":
    main()
