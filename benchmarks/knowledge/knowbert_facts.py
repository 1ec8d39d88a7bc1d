"""What vectors of entities are worth to a masked language model: the hidden word is what somebody works at.

    python -m benchmarks.knowledge.knowbert_facts [--first-seed 2] [--seeds 5] [--steps 300] [--arms none,...]

A sentence names somebody, and says what they work at; that word alone is hidden, as a mention too
(`masked_works`, an `entity_masking` of such words; 12 of them). What somebody works at is told by their
vector alone (TransE, of all facts), and a name means two who work at other things, of whom the likelier is
meant. Names of dev are in no sentence of training: who knows nothing has an MRR of .259 at best, the mean of
1/1 … 1/12. Links are learned beside. All arms are one model, with the same words hidden.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks.knowledge import experiment, masked_works
from benchmarks.knowledge.experiment import ARMS, CONTROLS, encoder
from benchmarks.knowledge.world import NAME, World, behind, lines, vocabulary
from kbtools import api, linkers
from kbtools.models import evaluate

TEXTS = ("", "bert_text", "bert_longer")
DEV, DIM = 0.3, 32
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
mode = "softmax"

[run]
batch = 32

[optimiser]
lr = 4e-3
warmup = 0.1

[objectives.{masked_works.NAME}]
shares = [1.0, 0.0, 0.0]
candidates = [1.0, 0.0, 0.0]  # a hidden word's own would tell it

[objectives.linking]
loss = "softmax"
"""


class Made(NamedTuple):
    """A world, and what is made of it once."""

    kb: Path
    vectors: Path
    shards: dict[str, Path]  # by what is written behind the sentences
    recipe: Path
    steps: int


def prepare(folder: Path, seed: int, steps: int) -> Made:
    """Make a world, vectors, and shards of sentences with links."""
    world = World(seed, many=1500, namesakes=1, apart=True)
    kb, tokenizer = world.build(folder), vocabulary(folder, world)
    vectors = world.vectors(kb, folder / "vectors", DIM)
    recipe = folder / "knowbert.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    shards = {}
    for text in TEXTS:
        name = text or "plain"
        corpus = lines(folder / f"{name}.jsonl", _sentences(world, text))
        linkers.link(
            corpus, folder / f"linked-{name}", alias=folder / "alias", kbs=[kb], linker="knowbert-wiki-gold"
        )
        shards[text] = folder / f"shards-{name}"
        api.shard(
            folder / f"linked-{name}", shards[text], model="knowbert_linking", tokenizer=tokenizer, kbs=[kb],
            overrides=[f"dev={DEV}", "max_length=48"],
        )  # fmt: skip
    return Made(kb, vectors, shards, recipe, steps)


def _sentences(world: World, text: str) -> list[dict[str, object]]:
    rows = list[dict[str, object]]()
    for id_, one, told in world.sentences():
        before, after = told.split("{}")
        name = {"start": len(before), "end": len(before) + len(one.name), "ids": {NAME: one.id}}
        written = f"{before}{one.name} the {one.work}{after}{behind(text, one)}"
        rows.append({"id": id_, "text": written, "mentions": [name]})
    return rows


def arm(name: str, made: Made, folder: Path, seed: int) -> dict[str, float]:
    """Train, and ask for the words of dev among all of the vocabulary."""
    which = name if name in CONTROLS else "none"
    shards = made.shards[name if name in TEXTS else ""]
    experiment.trained(
        made.recipe, folder, shards, seed=seed, vectors=[made.vectors], kbs=[made.kb],
        overrides=[f"run.steps={made.steps}", f"run.entities={which}"],
    )  # fmt: skip
    seen = evaluate(
        folder, shards, "dev", kbs=[made.kb], overrides=[f'objectives=["{masked_works.NAME}"]']
    ).numbers
    return {"MRR": seen[f"{masked_works.NAME} MRR"]}


def main() -> None:
    """Train all arms."""
    told = experiment.asked(__doc__ or "", ARMS, steps=300)
    arms = {name: (lambda made, folder, seed, name=name: arm(name, made, folder, seed)) for name in told.arms}
    with masked_works.added():
        experiment.run("KnowBert, facts", lambda folder, seed: prepare(folder, seed, told.steps), arms, told)


if __name__ == "__main__":
    main()
