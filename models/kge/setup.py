"""All that training needs, put together: for `kbtools embed`, and for who wants to train without a folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kbtools.models.draws import key
from kbtools.models.kge import categories, partitions, recipes, rows
from kbtools.models.kge.crew import Crew
from kbtools.models.kge.edges import Buckets
from kbtools.models.kge.graph import Graph
from kbtools.models.kge.known import Known
from kbtools.models.kge.parts import Part
from kbtools.models.kge.ranking import Ranker
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.sampling import Sampler
from kbtools.models.kge.scorers.base import Scorer
from kbtools.models.kge.small import Small
from kbtools.models.kge.stepping import Stepper
from kbtools.models.kge.store import Store
from kbtools.models.kge.trainer import Look, Trainer
from kbtools.models.training.world import World

TRAINING, BUCKETS = "training", "buckets"  # folders
HITS = (1, 3, 10)


def scorer(recipe: Recipe) -> Scorer:
    """Build the scorer of a recipe, with first values that its seed settles."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key(recipe.seed, "scorer"))
        return recipes.scorer(recipe)


def trainer(recipe: Recipe, made: Scorer, graph: Graph, folder: Path, world: World) -> Trainer:
    """Set up training in a folder, or what is left of it there; whoever asks closes its store."""
    device, edges = world.device, partitions.edges(graph.rows, recipe.partitions.number or 1)
    known = Known([graph.train], graph.rows, graph.relations).to(device)
    store = Store(folder / TRAINING, edges, partial(_part, recipe, made, edges), device, chief=world.main)
    small = Small(recipe, made, graph.relations, device)
    drawn = recipe.negatives.corrupt == "bernoulli"
    to_head = categories.shape(graph.train, graph.relations).to_head if drawn else None
    return Trainer(
        recipe,
        Buckets(folder / BUCKETS, graph.train, edges),
        store,
        small=small,
        sampler=Sampler(recipe, graph.relations, known, to_head, device),
        stepper=Stepper(recipe, made, small, known, graph.relations),
        crew=Crew(world),
        look=_look(recipe, graph, store, small),
    )


def _part(recipe: Recipe, made: Scorer, edges: Sequence[int], number: int) -> Part:
    """Make a partition as it is before it is trained."""
    count = int(edges[number + 1] - edges[number])
    drawn = torch.Generator().manual_seed(key(recipe.seed, "entities", number))
    how = rows.make(recipe.optimiser.kind)
    return Part(made.start(count, drawn), how.state(count, made.width))


def _look(recipe: Recipe, graph: Graph, store: Store, small: Small) -> Look | None:
    """Return what ranks a sample of validation, if there is any."""
    triples = graph.valid
    if not len(triples):
        return None
    most = recipe.judge.triples or len(triples)
    drawn = np.random.default_rng(key(recipe.seed, "look")).permutation(len(triples))[:most]
    asked = torch.from_numpy(triples[np.sort(drawn)])

    @cache  # of several processes one looks
    def known() -> Known:
        return Known([graph.train, triples], graph.rows, graph.relations).to(small.relations.device)

    def look() -> dict[str, Any]:
        ranks = Ranker(small.scorer, store, *small.split(graph.relations)).rank(asked, known())
        hits = {f"hits@{most}": float((ranks.of() <= most).mean()) for most in HITS}
        return {"split": "valid", "triples": len(asked), "mrr": ranks.mrr(), **hits}

    return look
