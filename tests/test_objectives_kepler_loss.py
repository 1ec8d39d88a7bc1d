"""What triples cost: by hand, by the authors' code, by one triple after the other."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from kbtools.models.objectives import _translating
from kbtools.models.objectives._translating import Triples, Wrong
from tests import slow_kepler

FILES = ("ke_loss_gamma4", "ke_loss_gamma12_reldesc")


def everywhere(distance):
    return Wrong(distance, torch.ones_like(distance, dtype=torch.bool))


@pytest.mark.parametrize(("half", "wanted"), [(False, 0.533357), (True, 0.266678)])
def test_cost_by_hand(half, wanted):
    found = _translating.cost(torch.tensor([3.0]), everywhere(torch.tensor([[5.0, 6.0]])), 4.0, half=half)
    assert found.item() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", FILES)
def test_the_authors_code_says_the_same(golden, name):
    told = load_file(golden / "06_kepler" / f"{name}.safetensors")
    given_ = {
        one.removeprefix("in."): value.clone().requires_grad_(value.is_floating_point())
        for one, value in told.items()
        if one.startswith("in.")
    }
    table = told["w.relation_emb.weight"].clone().requires_grad_()
    relation = given_["relation_desc"][:, 0] if "relation_desc" in given_ else table[given_["relation_ids"]]
    ends = (given_[one][:, 0] for one in ("tails", "heads_r", "tails_r"))
    some = Triples(given_["heads"][:, 0], relation, *ends)
    gamma, many = told["w.gamma"].item(), len(relation)
    heads, tails = (given_[one][:, 0].view(many, -1, relation.shape[1]) for one in ("neg_heads", "neg_tails"))

    near, far = _translating.true(some, 2), _translating.replaced(some, heads, tails, p=2)
    torch.testing.assert_close(gamma - near, told["out.pos_scores"][:, 0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gamma - far, told["out.neg_scores"], atol=1e-5, rtol=1e-5)

    loss = _translating.cost(near, everywhere(far), gamma, half=True) / many
    torch.testing.assert_close(loss, told["out.ke_loss"], atol=1e-6, rtol=1e-6)
    loss.backward()
    wanted = {one.removeprefix("grad."): value for one, value in told.items() if one.startswith("grad.")}
    for one, value in wanted.items():
        found = table.grad if one == "relation_emb" else given_[one].grad
        torch.testing.assert_close(found, value, atol=1e-6, rtol=1e-5, msg=one)
    reach = (gamma + 2) / relation.shape[1]
    assert told["w.emb_range"].item() == pytest.approx(reach)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000), p=st.sampled_from([1, 2]), half=st.booleans(), conditioned=st.booleans(),
    gamma=st.floats(0.5, 12),
)  # fmt: skip
def test_one_after_the_other_costs_the_same(seed, p, half, conditioned, gamma):
    draw = torch.Generator().manual_seed(seed)
    text = torch.randn(6, 4, generator=draw, dtype=torch.float64)
    relations = torch.randn(2, 4, generator=draw, dtype=torch.float64)
    read = torch.randn(6, 2, 4, generator=draw, dtype=torch.float64) if conditioned else None
    rows = torch.stack([torch.randint(most, (3,), generator=draw) for most in (6, 2, 6)], 1)
    heads, tails = (torch.randint(6, (3, 2), generator=draw) for _ in range(2))
    h, r, t = rows.unbind(1)
    ends = (text[h], text[t]) if read is None else (read[h, r], read[t, r])
    some = Triples(text[h], relations[r], text[t], *ends)
    far = _translating.replaced(some, text[heads], text[tails], p)
    found = _translating.cost(_translating.true(some, p), everywhere(far), gamma, half=half)
    corrupted = [
        [("head", one) for one in mine] + [("tail", one) for one in others]
        for mine, others in zip(heads.tolist(), tails.tolist(), strict=True)
    ]
    told = None if read is None else {(e, by): read[e, by].tolist() for e in range(6) for by in range(2)}
    wanted = slow_kepler.triples(
        rows.tolist(),
        corrupted,
        text.tolist(),
        relations.tolist(),
        gamma=gamma,
        p=p,
        half=half,
        conditioned=told,
    )
    assert found.item() == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("p", [1, 2])
def test_candidates_of_all_are_as_if_drawn(p):
    draw = torch.Generator().manual_seed(1)
    some = Triples(*(torch.randn(3, 4, generator=draw) for _ in range(5)))
    heads, tails = torch.randn(6, 4, generator=draw), torch.randn(5, 4, generator=draw)
    found = _translating.compared(some, heads, tails, p)
    one = _translating.replaced(some, heads.expand(3, 6, 4), heads.expand(3, 6, 4), p)[:, :6]
    other = _translating.replaced(some, tails.expand(3, 5, 4), tails.expand(3, 5, 4), p)[:, 5:]
    torch.testing.assert_close(found, torch.cat([one, other], 1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("gamma", [1.0, 4.0, 9.0])
def test_what_is_exactly_true_costs_least(gamma):
    head, relation = torch.randn(2, 1, 4).unbind()
    nothing = Wrong(torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.bool))

    def costs(tail):
        some = Triples(head, relation, tail, head, tail)
        return _translating.cost(_translating.true(some, 2), nothing, gamma, half=False).item()

    exact = costs(head + relation)
    assert exact == pytest.approx(math.log1p(math.exp(-gamma)), rel=1e-5)
    assert exact < costs(head + relation + 0.1) < costs(head + relation + 1.0)


def test_what_is_known_to_be_true_does_not_count():
    near, far = torch.tensor([3.0, 3.0]), torch.tensor([[5.0, 0.1], [5.0, 6.0]])
    some = Wrong(far, torch.tensor([[True, False], [True, False]]))
    alone = everywhere(far[:, :1])
    assert _translating.cost(near, some, 4.0, half=False) == _translating.cost(near, alone, 4.0, half=False)
    nobody = Wrong(far, torch.zeros(2, 2, dtype=torch.bool))
    assert _translating.cost(near, nobody, 4.0, half=False).item() == pytest.approx(
        2 * math.log1p(math.exp(-1))
    )


def test_gradient_where_a_distance_is_0():
    head = torch.zeros(1, 4, requires_grad=True)
    some = Triples(head, torch.zeros(1, 4), head, head, head)
    for p in (1, 2):
        _translating.true(some, p).sum().backward()
        assert head.grad is not None
        assert head.grad.isfinite().all()
