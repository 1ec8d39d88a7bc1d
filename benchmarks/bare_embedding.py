"""What the benchmarks of entity vectors share: graphs, and training below the command.

`python benchmarks/bare_embedding.py SETTINGS.json` trains by turns: the side of kbtools in `kge_pykeen.py`.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import taking_turns
import torch
from numpy.typing import NDArray

from kbtools.models.kge import recipes, setup
from kbtools.models.kge.graph import Graph
from kbtools.models.kge.known import Known
from kbtools.models.kge.live import Live
from kbtools.models.kge.ranking import Ranker
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.trainer import Trainer
from kbtools.models.training.world import World

I32 = NDArray[np.int32]
SPLITS = ("train", "valid", "test")
PEOPLE, TERMS, AROUND = 104, 25, 5  # of `kinships`
KINSHIPS = {"train": 8544, "valid": 1068, "test": 1074}
ODD = 0.1  # share of what follows no rule
SKEW = 0.75  # the n-th entity is in n^-SKEW as many triples as the first


def of(triples: I32, entities: int, relations: int, **_: float) -> Graph:
    """Make a graph of triples, all of them to be learned."""
    none = np.zeros((0, 3), np.int32)
    return Graph(np.arange(entities), relations, triples, none, none, {})


def read(folder: Path) -> Graph:
    """Read the files of a benchmark: head, relation, tail in each line."""
    entities: dict[str, int] = {}
    relations: dict[str, int] = {}
    found = []
    for split in SPLITS:
        lines = (folder / f"{split}.txt").read_text(encoding="utf-8").splitlines()
        told = [line.split("\t") for line in lines]
        numbers = [
            (entities.setdefault(head, len(entities)), relations.setdefault(relation, len(relations)),
             entities.setdefault(tail, len(entities)))
            for head, relation, tail in told
        ]  # fmt: skip
        found.append(np.array(numbers, np.int32))
    return Graph(np.arange(len(entities)), len(relations), *found, {})


def kinships(folder: Path) -> None:
    """Write a graph as large as Kinships (Kemp et al. 2006), made up.

    People stand on a ring of rings, 5 × 5. What one is to another is the way there, one of 25; for a tenth of
    all pairs it is anything. Each pair has one relation, as there.
    """
    rng = np.random.default_rng(0)
    first, second = rng.integers(AROUND, size=(2, PEOPLE))
    head, tail = np.nonzero(~np.eye(PEOPLE, dtype=bool))
    way = (first[tail] - first[head]) % AROUND * AROUND + (second[tail] - second[head]) % AROUND
    way = np.where(rng.random(len(way)) < ODD, rng.integers(TERMS, size=len(way)), way)
    drawn = rng.permutation(len(way))
    folder.mkdir()
    begin = 0
    for split, size in KINSHIPS.items():
        lines = [f"p{head[at]}\tterm{way[at]}\tp{tail[at]}\n" for at in drawn[begin : begin + size]]
        (folder / f"{split}.txt").write_text("".join(lines), encoding="utf-8")
        begin += size


def skewed(entities: int, degree: float, relations: int, seed: int = 0) -> I32:
    """Draw triples whose entities, and relations, are as unevenly frequent as words are."""
    rng = np.random.default_rng(seed)
    number = round(entities * degree / 2)
    order = rng.permutation(entities)
    ends = order[[_zipf(rng, entities, number) for _ in range(2)]]
    triples = np.stack([ends[0], _zipf(rng, relations, number), ends[1]], 1)
    return triples.astype(np.int32)


def _zipf(rng: np.random.Generator, kinds: int, number: int) -> NDArray[np.int64]:
    """Draw numbers below `kinds`; n is about n^-SKEW as frequent as the first."""
    power = 1 - SKEW
    most = float(kinds + 1) ** power
    drawn = ((most - 1) * rng.random(number) + 1) ** (1 / power)
    return np.minimum(drawn.astype(np.int64) - 1, kinds - 1)


def trainer(recipe: Recipe, graph: Graph, folder: Path, *, parts: int = 1) -> Trainer:
    """Set everything up as `kbtools embed` does, but for looks; entities are in `parts` partitions."""
    told = replace(recipe, partitions=replace(recipe.partitions, number=parts))
    made = setup.trainer(told, setup.scorer(told), graph, folder, World())
    made.look = None
    return made


def about() -> str:
    """Say when and on what this is measured."""
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return (
        f"{time.strftime('%Y-%m-%d')}, {where}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


class Watch(Live):
    """Hands over after each epoch."""

    turns: taking_turns.Turns

    def epoch(self, number: int, loss: float) -> None:
        """See whether the turn is over."""
        self.turns.ended()


def run(told: dict[str, Any]) -> None:
    """Train by turns; rank heads and tails of the test split, filtered by all splits."""
    graph = read(Path(told["splits"])) if "splits" in told else of(skewed(**told["graph"]), **told["graph"])
    recipe = recipes.load(told["recipe"], [*told["overrides"], "epochs=1000000", "judge.every=0"])
    made = trainer(recipe, graph, Path(told["folder"]), parts=told.get("parts", 1))
    small = made.small

    def rank() -> dict[str, float]:
        known = Known([graph.train, graph.valid, graph.test], graph.rows, graph.relations)
        ranker = Ranker(small.scorer, made.store, *small.split(graph.relations))
        ranks = ranker.rank(torch.from_numpy(graph.test), known)
        return {"mrr": ranks.mrr()}

    with Watch(0, recipe.epochs, quiet=True) as watch:
        watch.turns = taking_turns.Turns(rank)
        watch.turns.wait()
        made.run(watch)


def main() -> None:
    """Say what this is, then take turns."""
    told = taking_turns.settings()
    torch.set_num_threads(told["threads"])
    taking_turns.answer({"torch": torch.__version__})
    try:
        run(told)
    except taking_turns.Stop:
        return


if __name__ == "__main__":
    main()
