"""Training of vectors: the fast trainer beside a slow and obvious one, and what partitions change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from kbtools import vectors
from kbtools.models import embed
from kbtools.models.kge import graph, recipes
from kbtools.models.kge.known import Known
from kbtools.models.kge.sampling import Sampler, pools
from kbtools.models.kge.trained import Trained
from tests import kge_worlds

SMALL = (
    "dim=6", "epochs=3", "batch=8", "negatives.number=5", "negatives.share=4", "scorer.gamma=4",
    "judge.triples=8",
)  # fmt: skip


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return kge_worlds.ingested(tmp_path_factory.mktemp("ring"), **kge_worlds.ring())


def learned(kb, out, *overrides, model="transe", **options):
    embed(kb, out, model=model, overrides=[*SMALL, *overrides], quiet=True, **options)
    return out


def numbers(out):
    """Return what was learned, by eid: partitions have rows in another order."""
    opened = vectors.Vectors(out)
    entities = np.zeros_like(opened.array)
    entities[np.argsort(np.argsort(opened.eids()))] = opened.array
    return {"entities": entities, **opened.relations()}


def plainly(kb, out, overrides):
    """Train TransE as a textbook would: whole tables, dense gradients, torch's own optimiser."""
    recipe = recipes.load("transe", [*SMALL, *overrides])
    found = graph.read(graph.opened([kb]), recipe.triples, out, shuffled=None, seed=0)
    before = Trained.open(learned(kb, out / "before", *overrides, "optimiser.lr=1e-30"))
    entities = torch.nn.Parameter(torch.from_numpy(before.entities.folder.array.copy()))
    relations = torch.nn.Parameter(before.relations.clone())
    plain = torch.optim.SGD if recipe.optimiser.kind == "sgd" else torch.optim.Adagrad
    optimiser = plain([entities, relations], lr=recipe.optimiser.lr)
    known = Known([found.train], found.rows, found.relations)
    sampler = Sampler(recipe, found.relations, known, None, torch.device("cpu"))
    for epoch in range(recipe.epochs):
        for block in sampler.epoch(found.train, epoch, (0, 0), pools((0, 0), (0, found.rows))):
            for batch in block:
                total, weights = torch.zeros(()), 0.0
                for chunk in range(len(batch.anchor)):
                    for place in range(batch.anchor.shape[1]):
                        if batch.weight is not None and not batch.weight[chunk, place]:
                            continue
                        head, tail = batch.anchor[chunk, place], batch.answer[chunk, place]
                        asks_head = bool(batch.heads[chunk, place])
                        relation = relations[batch.relation[chunk, place]]

                        def score(other, head=head, relation=relation, asks_head=asks_head):
                            ends = (entities[other], entities[head])
                            first, second = ends if asks_head else ends[::-1]
                            return 4.0 - (first + relation - second).abs().sum()

                        assert batch.candidates is not None
                        wrong = [
                            score(other)
                            for at, other in enumerate(batch.candidates[chunk])
                            if batch.kept is None or batch.kept[chunk, place, at]
                        ]
                        loss = -logsigmoid(score(tail))
                        if wrong:
                            scores = torch.stack(wrong)
                            shares = torch.softmax(scores.detach() * recipe.loss.temperature, 0)
                            loss = loss - (shares * logsigmoid(-scores)).sum()
                        total, weights = total + loss / 2, weights + 1.0
                optimiser.zero_grad()
                (total / weights).backward()
                optimiser.step()
    return entities.detach().numpy(), relations.detach().numpy()


@pytest.mark.parametrize(("kind", "lr"), [("sgd", 0.5), ("adagrad", 0.1)])
def test_one_partition_is_the_plain_trainer(kb, tmp_path, kind, lr):
    told = (f"optimiser.kind={kind}", f"optimiser.lr={lr}")
    found = numbers(learned(kb, tmp_path / "fast", *told))
    entities, relations = plainly(kb, tmp_path, told)
    np.testing.assert_allclose(found["entities"], entities, atol=2e-5)
    np.testing.assert_allclose(found["relations"], relations, atol=2e-5)
