"""Which entity stood at a token: who is asked for, what is done to the input, what a wrong answer costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ConfigError
from kbtools.models.draws import Draws
from kbtools.models.masking.mentions import HIDDEN
from kbtools.models.objectives.dea import Dea, Settings
from tests import slow_ernie
from tests.tiny_objectives import HERE, MENTIONS, SPECIAL, Tiny, batch, corrupted, objective, packed

NUMBERS = (3, 8, 5, 11, 7, 2, 4, 9)
ENTITY = f"{MENTIONS}.entity"
WIDE = 64


def large(rows, seed=0, many=20, entities=40):
    """Rows of `WIDE` tokens with mentions at each third of them, each of an entity or of none."""
    rng = np.random.default_rng(seed)
    first = np.tile(np.arange(many) * 3 + 1, (rows, 1))
    gold = rng.integers(-2, entities, (rows, many))
    told = {
        "input_ids": np.full((rows, WIDE), 7), "attention_mask": np.ones((rows, WIDE), bool),
        f"{MENTIONS}.spans": np.stack([first, first + 2], 2), f"{MENTIONS}.spans.mask": gold > -9,
        f"{MENTIONS}.gold": gold, "batch.rows": np.arange(rows) + 1000 * seed,
    }  # fmt: skip
    return {name: torch.from_numpy(value) for name, value in told.items()}


def costs(one, model, some):
    return one.loss(model, model(some), some)


def slow(model, some, *, sequence=False, zero=False, more=()):
    """Work out the cost from what was said of mentions before anything was changed, token by token."""
    length = some["input_ids"].shape[1]
    labels = [-1] * some["input_ids"].numel()
    there, gold, spans = (some[f"{MENTIONS}.{name}"].tolist() for name in ("spans.mask", "gold", "spans"))
    for row, mentions in enumerate(spans):
        for at, (first, _) in reversed([*enumerate(mentions)]):
            if there[row][at] and gold[row][at] >= 0:
                labels[row * length + first] = gold[row][at]
    rows = [number // length for number in range(len(labels))]
    table = model.tables["wikidata"](torch.arange(80)).double().numpy()
    weights = {name: one.double().numpy() for name, one in model.heads["dea"].state_dict().items()}
    states = model(some).hidden.flatten(0, 1).double().numpy()
    return slow_ernie.dea(
        states, labels, table, weights, sequence=rows if sequence else None, zero=zero, more=more
    )


@pytest.mark.parametrize(
    "told", [{}, {"candidates": "sequence"}, {"exact_reference": True}], ids=["batch", "sequence", "zero"]
)
def test_it_costs_what_a_slow_version_says(told):
    one, some = objective("dea", **told), batch(NUMBERS)
    model = Tiny(one.heads)
    with torch.no_grad():
        total, right = slow(model, some, sequence="candidates" in told, zero="exact_reference" in told)
        corrupted(one, some)
        found = costs(one, model, some)
    assert found.total.item() == pytest.approx(total, rel=1e-5)
    assert found.measures["right"] == right


def test_others_may_be_candidates_too():
    one, some = objective("dea", candidates="batch+random", random=30), batch(NUMBERS)
    model = Tiny(one.heads)
    table = model.tables["wikidata"]
    table.eids = torch.arange(60)
    corrupted(one, some)
    more = (some["dea.random"] * 60).long().tolist()
    assert len({*more}) > 10
    with torch.no_grad():
        total, _ = slow(model, some, more=more)
        assert costs(one, model, some).total.item() == pytest.approx(total, rel=1e-5)
    turned = batch(NUMBERS[::-1])
    corrupted(one, turned)
    assert torch.equal(turned["dea.random"], some["dea.random"])


def test_shares_of_what_is_done_are_those_of_the_paper():
    some = large(6000)
    before = some[f"{MENTIONS}.gold"].clamp(min=-1)
    many = corrupted(objective("dea"), some)
    seen = some[ENTITY]
    asked = before >= 0
    assert many == asked.sum() > 1e5
    removed = (seen < 0) & asked
    other = (seen >= 0) & (seen != before)
    same_by_chance = 1 / 40
    assert removed.sum() / many == pytest.approx(0.15, abs=0.01)
    assert other.sum() / many == pytest.approx(0.05 * (1 - same_by_chance), abs=0.01)
    assert not ((seen >= 0) & ~asked).any()
    assert {*seen[other].tolist()} == {*range(40)}
    assert torch.equal(some["dea.targets"], before[asked])  # labels are those from before


def test_all_can_be_removed_and_all_replaced():
    some = large(50)
    gold = some[f"{MENTIONS}.gold"]
    corrupted(objective("dea", corrupt=(0.0, 1.0, 0.0)), some)
    assert (some[ENTITY] < 0).all()
    some = large(50)
    corrupted(objective("dea", corrupt=(1.0, 0.0, 0.0), candidates="sequence"), some)
    seen = some[ENTITY]
    assert torch.equal(seen >= 0, gold >= 0)
    assert all({*one[one >= 0].tolist()} <= {*other.tolist()} for one, other in zip(seen, gold, strict=True))
    some = large(50)
    corrupted(objective("dea", corrupt=(0.0, 0.0, 1.0)), some)
    assert torch.equal(some[ENTITY].clamp(min=-1), gold.clamp(min=-1))


@given(st.permutations(NUMBERS), st.sampled_from(["batch", "sequence"]))
@settings(max_examples=15, deadline=None)
def test_the_order_of_examples_changes_nothing(order, candidates):
    one = objective("dea", candidates=candidates)
    model = Tiny(one.heads)
    first, second = batch(NUMBERS), batch(order)
    corrupted(one, first)
    corrupted(one, second)
    with torch.no_grad():
        torch.testing.assert_close(costs(one, model, first).total, costs(one, model, second).total)
    seen = [some[ENTITY][[*order_of].index(8)] for some, order_of in ((first, NUMBERS), (second, order))]
    assert torch.equal(*seen)


def test_packing_puts_the_same_entities_in():
    one = objective("dea")
    alone, rows = batch(NUMBERS), packed([NUMBERS[:3], NUMBERS[3:]])
    corrupted(one, alone)
    corrupted(one, rows)
    found = [some[ENTITY][some[f"{MENTIONS}.spans.mask"]] for some in (alone, rows)]
    assert torch.equal(*found)


def test_of_mentions_that_begin_together_the_first_is_asked_for():
    some = large(1, many=2)
    some[f"{MENTIONS}.spans"][0] = torch.tensor([[4, 5], [4, 9]])
    some[f"{MENTIONS}.gold"][0] = torch.tensor([12, 13])
    assert corrupted(objective("dea", corrupt=(0.0, 0.0, 1.0)), some) == 1
    assert some["dea.targets"].tolist() == [12]
    assert some[ENTITY].tolist() == [[12, -1]]
    some = large(1, many=2)
    some[f"{MENTIONS}.spans"][0] = torch.tensor([[4, 5], [4, 9]])
    some[f"{MENTIONS}.gold"][0] = torch.tensor([-2, 13])  # the first means nobody
    assert corrupted(objective("dea", corrupt=(0.0, 0.0, 1.0)), some) == 1
    assert some["dea.targets"].tolist() == [13]


def test_what_is_hidden_is_not_asked_for():
    some = large(1, many=2)
    some[f"{MENTIONS}.gold"][:] = -1
    some[f"{MENTIONS}.best"] = torch.tensor([[HIDDEN, 5]])
    assert corrupted(objective("dea"), some) == 1
    assert some["dea.targets"].tolist() == [5]


@pytest.mark.parametrize(
    "told", [{}, {"candidates": "sequence"}, {"candidates": "batch+random", "random": 3}]
)
def test_without_any_entity_it_costs_nothing(told):
    one, some = objective("dea", **told), batch(NUMBERS)
    some[f"{MENTIONS}.gold"][:] = -1
    model = Tiny(one.heads)
    assert corrupted(one, some) == 0
    loss = costs(one, model, some).total
    loss.backward()
    assert loss == 0
    assert all(torch.equal(one.grad, torch.zeros_like(one)) for one in model.heads.parameters())


def test_a_batch_without_a_mention_costs_nothing():
    one, some = objective("dea"), batch(NUMBERS)
    some |= {name: column[:, :0] for name, column in some.items() if name.startswith(MENTIONS)}
    assert corrupted(one, some) == 0
    assert costs(one, Tiny(one.heads), some).total == 0


def test_entities_without_a_vector_cost_nothing_and_are_no_candidates():
    one, some = objective("dea"), batch(NUMBERS)
    model = Tiny(one.heads)
    before = some[f"{MENTIONS}.gold"].clone()
    corrupted(one, some)
    unknown = int(some["dea.targets"][0])
    model.tables["wikidata"]._rows[unknown] = 0
    with torch.no_grad():
        found = costs(one, model, some).total
        known = batch(NUMBERS)
        known[f"{MENTIONS}.gold"] = before.masked_fill(before == unknown, -1)
        corrupted(one, known)
        wanted = costs(one, model, known).total
    torch.testing.assert_close(found, wanted)


def test_no_gradient_reaches_the_vectors():
    one, some = objective("dea"), batch(NUMBERS)
    model = Tiny(one.heads)
    model.tables["wikidata"]._rows.requires_grad_()
    corrupted(one, some)
    costs(one, model, some).total.backward()
    assert model.tables["wikidata"]._rows.grad is None
    assert model.heads["dea"].dense.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"corrupt": (0.5, 0.5, 0.5)}, "1 in sum"),
        ({"corrupt": (-0.5, 1.0, 0.5)}, "0 at least"),
        ({"random": 3}, r"above 0 with batch\+random"),
        ({"candidates": "batch+random"}, "dea.random is 0"),
        ({"kb": "umls"}, "entities.umls.spans"),
    ],
)
def test_settings_that_cannot_be_are_refused(told: dict[str, Any], said):
    with pytest.raises(ConfigError, match=said):
        objective("dea", **told)


def test_what_it_lacks_is_told():
    here = HERE.__class__(size=40, special=SPECIAL, columns=("input_ids",))
    with pytest.raises(ConfigError, match="no mentions"):
        Dea(Settings(), here)
    two = HERE.__class__(size=40, special=SPECIAL, columns=("entities.a.spans", "entities.b.spans"))
    with pytest.raises(ConfigError, match=r"mentions of a, b; say which with dea\.kb"):
        Dea(Settings(), two)
    one, some = objective("dea", width=9), batch(NUMBERS)
    model = Tiny(one.heads)
    one.corrupt(some, Draws(some, 0))
    with pytest.raises(ConfigError, match=r"dea\.width is 9, vectors of wikidata have 100"):
        costs(one, model, some)
    model.tables = {"umls": model.tables["wikidata"]}
    with pytest.raises(ConfigError, match="no vectors of wikidata; it has those of umls"):
        costs(one, model, some)
