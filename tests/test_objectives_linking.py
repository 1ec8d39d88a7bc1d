"""Losses of linking, by hand; what is a target, what is measured."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ConfigError
from kbtools.models.batch import Output
from kbtools.models.draws import Draws
from kbtools.models.objectives import linking
from kbtools.models.objectives.base import Here, MissingColumnError
from kbtools.models.parts.kar import NOBODY, Linked

HERE = Here(size=50, special={})
KB = "entities.wiki"
NONE, NIL = -1, -2


def objective(**told):
    return linking.OBJECTIVE(linking.Settings(**told), HERE)


def batch(eids, gold, *, priors=None, there=None, kb="wiki"):
    """One text: candidates of each mention, and who is meant; −1 is no candidate."""
    eids, gold = torch.tensor([eids]), torch.tensor([gold])
    name = f"entities.{kb}"
    return {
        f"{name}.spans": torch.tensor([[[0, 1]] * eids.shape[1]]),
        f"{name}.spans.mask": torch.ones(gold.shape, dtype=torch.bool) if there is None else there,
        f"{name}.eids": eids,
        f"{name}.eids.mask": eids >= 0,
        f"{name}.priors": torch.zeros(eids.shape) if priors is None else torch.tensor([priors]),
        f"{name}.gold": gold,
    }


def said(some, scores, kb="wiki"):
    """Return what a body says that scores so."""
    eids = some[f"entities.{kb}.eids"]
    found = torch.tensor([scores]).masked_fill(eids < 0, NOBODY).requires_grad_()
    return Linked(eids, found, some[f"entities.{kb}.spans"], some[f"entities.{kb}.spans.mask"])


def judged(one, some, scores):
    many = one.corrupt(some, Draws({"batch.rows": torch.zeros(1, dtype=torch.long)}, 0))
    linked = said(some, scores)
    return many, one.loss(None, Output(parts={"knowbert": {"wiki": linked}}), some), linked.scores


def test_the_margin_by_hand():
    some = batch([[7, 8, 9]], [7])
    many, loss, _ = judged(objective(), some, [[0.5, -0.1, 0.3]])
    assert many == 3
    assert loss.total.item() / many == pytest.approx((0 + 0.1 + 0.5) / 3)


def test_somebody_below_the_margin_is_drawn_up():
    many, loss, _ = judged(objective(margin=0.3), batch([[7, 8]], [8]), [[-1.0, 0.1]])
    assert (many, loss.total.item()) == (2, pytest.approx(0.2))


def test_by_the_margin_nobody_pushes_all_candidates_down():
    many, loss, _ = judged(objective(), batch([[7, 8, -1]], [NIL]), [[0.5, -0.5, 0.0]])
    assert many == 2
    assert loss.total.item() == pytest.approx(0.7)
    assert not loss.measures["mentions"]


def test_beside_one_that_is_told_the_others_mean_nobody():
    some = batch([[7, 8], [7, 8]], [7, NONE])
    many, loss, _ = judged(objective(), some, [[1.0, -1.0], [0.5, -0.5]])
    assert many == 4
    assert loss.total.item() == pytest.approx(0.7)
    many, loss, _ = judged(objective(), batch([[7, 8]], [NONE]), [[0.5, -0.5]])
    assert (many, loss.total.item()) == (0, 0)  # a text of which nothing is said


def test_what_nothing_is_said_of_may_be_no_target():
    told = objective(unlabelled="ignored")
    many, loss, _ = judged(told, batch([[7, 8], [7, 8]], [NONE, NIL]), [[0.5, 0.5], [0.1, 0.1]])
    assert many == 2
    assert loss.total.item() == pytest.approx(0.6)


def test_the_softmax_by_hand():
    some = batch([[7, 8, -1], [7, 8, 9], [3, 4, -1]], [8, NIL, 5])
    many, loss, _ = judged(objective(loss="softmax"), some, [[1.0, 2.0, 9.0], [0.0] * 3, [0.0] * 3])
    assert many == 1
    assert loss.total.item() == pytest.approx(-math.log(math.e**2 / (math.e + math.e**2)))
    assert (loss.measures["lost/said"].item(), loss.measures["said"].item()) == (1, 2)


def test_right_is_by_score_and_prior_by_prior():
    priors = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
    some = batch([[7, 8], [7, 8], [7, 8]], [7, 7, 8], priors=priors)
    _, loss, _ = judged(objective(), some, [[2.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
    found = {name: value.item() for name, value in loss.measures.items()}
    assert found == {"right/mentions": 2, "prior/mentions": 1, "mentions": 3, "lost/said": 0, "said": 3}


def test_padding_is_no_target():
    there = torch.tensor([[True, False]])
    many, loss, _ = judged(objective(), batch([[7], [7]], [7, 7], there=there), [[0.0], [0.0]])
    assert (many, loss.total.item()) == (1, pytest.approx(0.2))


@pytest.mark.parametrize("first", [True, False], ids=["masked first", "masked later"])
def test_hidden_mentions_are_no_targets(first):
    """0 untouched, 1 kept, 2 hidden, 3 others in the place of its candidates."""
    some, one = batch([[7, 8]] * 4, [7] * 4), objective()
    fate = torch.tensor([[0, 1, 2, 3]], dtype=torch.int8)
    some |= {"entity_masking.wiki.fate": fate} if first else {}
    many = one.corrupt(some, Draws({"batch.rows": torch.zeros(1, dtype=torch.long)}, 0))
    assert many == (4 if first else 8)
    some["entity_masking.wiki.fate"] = fate
    loss = one.loss(None, Output(parts={"knowbert": {"wiki": said(some, [[0.0, 0.0]] * 4)}}), some)
    assert loss.total.item() == pytest.approx(2 * 0.4)
    assert loss.measures["mentions"] == 2


def test_a_candidate_without_a_vector_costs_nothing():
    some = batch([[7, 8]], [8])
    one = objective()
    one.corrupt(some, Draws({"batch.rows": torch.zeros(1, dtype=torch.long)}, 0))
    linked = said(some, [[0.1, 0.0]])
    gone = linked._replace(
        eids=torch.tensor([[[7, -1]]]), scores=linked.scores.masked_fill(linked.eids == 8, NOBODY)
    )
    loss = one.loss(None, Output(parts={"knowbert": {"wiki": gone}}), some)
    assert loss.total.item() == pytest.approx(0.3)
    assert loss.measures["lost/said"] == 1


def test_each_knowledge_base_has_its_loss():
    one = objective(losses={"words": "softmax"})
    some = batch([[7, 8]], [7]) | batch([[3, 4]], [4], kb="words")
    many = one.corrupt(some, Draws({"batch.rows": torch.zeros(1, dtype=torch.long)}, 0))
    parts = {kb: said(some, [[0.0, 0.0]], kb) for kb in ("wiki", "words")}
    loss = one.loss(None, Output(parts={"knowbert": parts}), some)
    assert many == 2 + 1
    assert loss.total.item() == pytest.approx(0.4 + math.log(2))


@given(
    scores=st.lists(st.lists(st.floats(-3, 3, width=32), min_size=3, max_size=3), min_size=1, max_size=4),
    data=st.data(),
)
def test_against_loops(scores, data):
    eids = [
        data.draw(st.lists(st.sampled_from([-1, 3, 4, 5, 6]), min_size=3, max_size=3, unique=True))
        for _ in scores
    ]
    gold = [data.draw(st.sampled_from([NONE, NIL, 3, 5, 9])) for _ in scores]
    many, loss, _ = judged(objective(), batch(eids, gold), scores)
    costs = [
        max(0.0, 0.2 - score if eid == answer else 0.2 + score)
        for row, known, answer in zip(scores, eids, gold, strict=True)
        for score, eid in zip(row, known, strict=True)
        if eid != -1 and {*gold} != {NONE}
    ]
    assert many == len(costs)
    assert loss.total.item() == pytest.approx(sum(costs), abs=1e-4)


def test_what_it_cannot_do_is_said():
    some = batch([[7]], [7])
    one = objective()
    one.corrupt(some, Draws({"batch.rows": torch.zeros(1, dtype=torch.long)}, 0))
    with pytest.raises(ConfigError, match=r"no part of the model links 'wiki' \(there are: none\)"):
        one.loss(None, Output(), some)
    with pytest.raises(ConfigError, match="margin is -1"):
        objective(margin=-1)
    with pytest.raises(MissingColumnError, match="no links of 'other'"):
        linking.OBJECTIVE(linking.Settings(kbs=("other",)), Here(50, {}, columns=("entities.wiki.gold",)))


def test_of_candidates_that_are_alike_none_comes_first():
    one, some = objective(), batch([[7, 8, 9], [7, 8, -1], [7, 8, -1]], [9, 8, 5])
    one.corrupt(some, Draws({"batch.rows": torch.zeros(1, dtype=torch.long)}, 0))
    linked = said(some, [[0.5, 0.5, 0.5], [0.1, 0.3, 0.0], [0.2, 0.2, 0.0]])
    (told,) = one.answers(
        None, Output(parts={"knowbert": {"wiki": linked}}), some | {"input_ids": torch.ones(1, 4)}
    )
    assert told.columns["rank"].tolist() == [2.0, 1.0, 0.0]
