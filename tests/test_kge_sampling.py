"""What a step learns from: every triple once an epoch, and wrong answers that are wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from kbtools.models.kge.known import Known
from kbtools.models.kge.recipe import Loss, Negatives, Recipe
from kbtools.models.kge.sampling import Sampler, pools

ROWS, RELATIONS = 12, 3
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def triples():
    rng = np.random.default_rng(1)
    drawn = np.stack([rng.integers(0, most, 90) for most in (ROWS, RELATIONS, ROWS)], 1)
    return np.unique(drawn, axis=0).astype(np.int32)


def sampler(triples, to_head=None, **changed):
    recipe = replace(Recipe(batch=12), **changed)
    return Sampler(recipe, RELATIONS, Known([triples], ROWS, RELATIONS), to_head, CPU)


def steps(made, triples, epoch=0, bucket=(0, 0), edges=(0, ROWS)):
    return [one for block in made.epoch(triples, epoch, bucket, pools(bucket, edges)) for one in block]


def learned(batches, relations=RELATIONS):
    """Return the triples that batches are made of, as often as they weigh something."""
    found: Counter[tuple[object, ...]] = Counter()
    for batch in batches:
        weight = torch.ones(batch.anchor.shape) if batch.weight is None else batch.weight
        heads = batch.heads | (batch.relation >= relations)
        columns = (batch.anchor, batch.relation % relations, batch.answer, heads, weight)
        for anchor, relation, answer, head, weighs in zip(
            *(one.flatten().tolist() for one in columns), strict=True
        ):
            if weighs:
                found[(answer, relation, anchor, "head") if head else (anchor, relation, answer, "tail")] += 1
    return found


@pytest.mark.parametrize("share", [1, 4, 12])
@pytest.mark.parametrize("corrupt", ["random", "bernoulli", "alternate"])
def test_every_triple_is_learned_once(triples, share, corrupt):
    told = Negatives(number=5, share=share, corrupt=corrupt)
    to_head = np.full(RELATIONS, 0.3, np.float32) if corrupt == "bernoulli" else None
    batches = steps(sampler(triples, to_head, negatives=told), triples)
    found = learned(batches)
    assert sorted(one[:3] for one in found.elements()) == sorted(map(tuple, triples.tolist()))
    assert sum(batch.triples for batch in batches) == len(triples)
    assert {one[3] for one in found} == {"head", "tail"}


@pytest.mark.parametrize(
    "changed", [{"reciprocal": True}, {"negatives": Negatives(number=5, share=4, corrupt="both")}]
)
def test_both_ways_are_learned(triples, changed):
    found = learned(steps(sampler(triples, **changed), triples))
    want = [(*one, side) for one in map(tuple, triples.tolist()) for side in ("tail", "head")]
    assert sorted(found.elements()) == sorted(want)


def test_reciprocal_relations_ask_for_tails_alone(triples):
    batches = steps(sampler(triples, reciprocal=True), triples)
    assert not any(bool(batch.heads.any()) for batch in batches)
    assert {int(one) for batch in batches for one in batch.relation.unique()} == set(range(2 * RELATIONS))


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("share", [1, 6])
def test_what_is_kept_is_wrong(triples, inside, known, share):
    told = Negatives(number=9, share=share, inside=inside, known=known)
    true = set(map(tuple, triples.tolist()))
    left_out = 0
    for batch in steps(sampler(triples, negatives=told), triples):
        chunks, size = batch.anchor.shape
        assert batch.candidates.shape == (chunks, 9 + inside * size)
        for chunk in range(chunks):
            for place in range(size):
                anchor, relation, answer, head = (
                    int(one[chunk, place])
                    for one in (batch.anchor, batch.relation, batch.answer, batch.heads)
                )
                for at, other in enumerate(batch.candidates[chunk].tolist()):
                    triple = (other, relation, anchor) if head else (anchor, relation, other)
                    wrong = triple not in true if known else other != answer
                    assert (batch.kept is None or bool(batch.kept[chunk, place, at])) == wrong
                    left_out += not wrong
    assert left_out


def test_the_same_is_drawn_again_and_something_else_in_another_epoch(triples):
    first, again, other = (
        steps(sampler(triples), triples, epoch) for epoch in (0, 0, 1)
    )  # fmt: skip
    for one, two in zip(first, again, strict=True):
        assert torch.equal(one.anchor, two.anchor)
        assert torch.equal(one.candidates, two.candidates)
    assert not torch.equal(first[0].anchor, other[0].anchor)
    assert not torch.equal(first[0].candidates, other[0].candidates)


def test_negatives_come_from_the_partition_of_what_is_asked_for(triples):
    edges = (0, 5, ROWS)
    here = triples[(triples[:, 0] < 5) & (triples[:, 2] >= 5)]
    for batch in steps(sampler(triples, negatives=Negatives(number=50, share=2)), here, 0, (0, 1), edges):
        heads = batch.heads[:, :1].expand_as(batch.candidates)
        assert torch.equal(batch.candidates < 5, heads)


def test_bernoulli_asks_for_heads_as_often_as_it_is_told():
    many = np.stack([np.arange(4000) % 50, np.arange(4000) % 2, np.arange(4000) // 80], 1).astype(np.int32)
    recipe = Recipe(negatives=Negatives(number=1, share=1, corrupt="bernoulli"))
    made = Sampler(recipe, 2, Known([many], 50, 2), np.array([0.9, 0.2], np.float32), CPU)
    heads: Counter[tuple[int, bool]] = Counter()
    for batch in steps(made, many, edges=(0, 50)):
        for relation, head in zip(
            batch.relation.flatten().tolist(), batch.heads.flatten().tolist(), strict=True
        ):
            heads[relation, head] += 1
    assert heads[0, True] / 2000 == pytest.approx(0.9, abs=0.03)
    assert heads[1, True] / 2000 == pytest.approx(0.2, abs=0.03)


def test_turns_are_taken_between_tails_and_heads(triples):
    told = Negatives(number=2, share=1, corrupt="alternate")
    batches = steps(sampler(triples, negatives=told, batch=4), triples)
    sides = [bool(batch.heads.all()) for batch in batches if batch.heads.all() or not batch.heads.any()]
    assert sides[:8] == [False, True] * 4


def test_rare_pairs_weigh_more():
    triples = np.array([[0, 0, 1], [0, 0, 2], [3, 0, 4]], np.int32)
    recipe = Recipe(loss=Loss(subsampling=True), negatives=Negatives(number=1, share=1))
    made = Sampler(recipe, 1, Known([triples], 5, 1), None, CPU)
    for batch in steps(made, triples, edges=(0, 5)):
        for anchor, answer, weight in zip(
            *(one.flatten().tolist() for one in (batch.anchor, batch.answer, batch.weight)), strict=True
        ):
            assert weight == pytest.approx(8**-0.5 if 3 in (anchor, answer) else 1 / 3)
