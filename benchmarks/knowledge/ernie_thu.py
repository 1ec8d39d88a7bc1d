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
from benchmarks.knowledge.experiment import ARMS, CONTROLS
from benchmarks.knowledge.world import World, behind, lines, vocabulary
from kbtools import api, linkers
from kbtools.models import embed

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

[model.text]
model_type = "bert"
hidden_size = 48
num_hidden_layers = 3
num_attention_heads = 4
intermediate_size = 96
hidden_dropout_prob = 0.0
attention_probs_dropout_prob = 0.0
max_position_embeddings = 64
type_vocab_size = 2
initializer_range = 0.1  # so narrow an encoder learns slowly from smaller weights

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
    embed(
        kb, folder / "vectors", model="transe", seed=seed, quiet=True,
        overrides=[f"dim={DIM}", "epochs=100"],
    )  # fmt: skip
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
    return Made(kb, folder / "vectors", shards, recipe, steps)


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
