"""What holds for every scorer there is, and what its formula says of each."""

import math

import pytest
import torch

from kbtools import plugins
from kbtools.models.kge import comparing

PACKAGE = "kbtools.models.kge.scorers"
NAMES = plugins.names(PACKAGE)
ROWS, RELATIONS = 7, 3


def build(name, **told):
    torch.manual_seed(0)
    made = plugins.load(PACKAGE, name).SCORER
    return made(made.Settings(**{"dim": 4, **told})).eval()


def tables(scorer, seed=1):
    """Draw rows that are not as small as the first ones."""
    drawn = torch.Generator().manual_seed(seed)
    found = torch.randn(ROWS, scorer.width, generator=drawn)
    return found, torch.randn(RELATIONS, scorer.relation_width, generator=drawn)


def one(scorer, head, relation, tail):
    return scorer.offset + comparing.one(scorer.compare, scorer.query(head, relation), tail)


def everything(scorer, anchor, relation, entities):
    """Compare some queries with all entities, [Q, w] → [Q, rows]."""
    query = scorer.query(anchor, relation)[None]
    return scorer.offset + comparing.many(scorer.compare, query, entities[None])[0]


def row(*numbers):
    return torch.tensor([numbers])


def complex_row(*numbers):
    return torch.tensor([[one.real for one in numbers] + [one.imag for one in numbers]])


@pytest.mark.parametrize(
    ("name", "told"), [*((name, {}) for name in NAMES), ("transe", {"norm": 2})], ids=[*NAMES, "transe-2"]
)
def test_a_triple_has_one_score_however_it_is_asked_for(name, told):
    scorer = build(name, **told)
    entities, relations = tables(scorer)
    head, rid, tail = torch.cartesian_prod(*map(torch.arange, (ROWS, RELATIONS, ROWS))).T
    h, r, t = entities[head], relations[rid], entities[tail]
    scores = one(scorer, h, r, t)
    tails = everything(scorer, h, r, entities).gather(1, tail[:, None])[:, 0]
    torch.testing.assert_close(tails, scores, rtol=1e-5, atol=1e-5)
    if scorer.inverts:
        heads = everything(scorer, t, scorer.inverse(r), entities).gather(1, head[:, None])[:, 0]
        torch.testing.assert_close(heads, scores, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(scorer.inverse(scorer.inverse(r)), r)


@pytest.mark.parametrize("name", NAMES)
def test_a_scorer_is_as_wide_as_it_says(name):
    scorer = build(name)
    drawn = torch.Generator().manual_seed(3)
    entities, relations = scorer.start(50, drawn), scorer.start_relations(RELATIONS, drawn)
    assert entities.shape == (50, scorer.width)
    assert relations.shape == (RELATIONS, scorer.relation_width)
    assert entities.std() > 0
    assert torch.equal(entities, scorer.start(50, torch.Generator().manual_seed(3)))
    query = scorer.query(entities[:6].view(2, 3, -1), relations[torch.zeros(2, 3, dtype=torch.long)])
    assert comparing.many(scorer.compare, query, entities.view(2, 25, -1)).shape == (2, 3, 25)
    torch.testing.assert_close(scorer.bound(entities), entities)
    assert scorer.start(0, drawn).shape == (0, scorer.width)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_rows_and_parameters(name):
    scorer = build(name)
    entities, relations = (table.requires_grad_() for table in tables(scorer))
    one(scorer, entities[:3], relations, entities[3:6]).sum().backward()
    assert (entities.grad[:6] != 0).any(1).all()
    assert (relations.grad != 0).any(1).all()
    assert all(parameter.grad is not None for parameter in scorer.parameters())


def test_transe_by_hand():
    head, relation, tail = row(1.0, 2.0), row(0.5, -1.0), row(2.0, 0.0)
    assert one(build("transe", dim=2, gamma=12), head, relation, tail).item() == pytest.approx(10.5)
    euclidean = build("transe", dim=2, gamma=12, norm=2)
    assert one(euclidean, head, relation, tail).item() == pytest.approx(10.881966, abs=1e-6)
    assert one(build("distmult", dim=2), head, relation, tail).item() == pytest.approx(1.0)
    assert one(euclidean, head, relation, head + relation).item() == 12


def test_transe_is_never_above_gamma():
    for norm in (1, 2):
        scorer = build("transe", norm=norm, gamma=5)
        entities, relations = tables(scorer)
        assert (everything(scorer, entities, relations[:1].expand(ROWS, -1), entities) < 5).all()


def test_transe_on_the_sphere():
    scorer = build("transe", unit=True, gamma=0)
    drawn = torch.Generator().manual_seed(0)
    rows, relations = scorer.start(9, drawn), scorer.start_relations(2, drawn)
    torch.testing.assert_close(torch.cat([rows, relations]).norm(dim=1), torch.ones(11))
    torch.testing.assert_close(scorer.bound(rows * 3), rows)


def test_distmult_cannot_tell_heads_from_tails():
    scorer = build("distmult")
    entities, relations = tables(scorer)
    forth, back = (one(scorer, *some) for some in _both_ways(entities, relations))
    torch.testing.assert_close(forth, back)


@pytest.mark.parametrize("name", ["complex", "simple", "rescal", "rotate", "transe"])
def test_others_can(name):
    scorer = build(name)
    entities, relations = tables(scorer)
    forth, back = (one(scorer, *some) for some in _both_ways(entities, relations))
    assert not torch.isclose(forth, back).any()


def _both_ways(entities, relations):
    h, t = entities[:3], entities[3:6]
    return (h, relations, t), (t, relations, h)


def test_complex_by_hand():
    head, relation, tail = (
        complex_row(1 + 3j, 2 - 1j),
        complex_row(0.5 + 1j, -1 + 2j),
        complex_row(2 + 1j, 1j),
    )
    scorer = build("complex", dim=2)
    assert one(scorer, head, relation, tail).item() == pytest.approx(2.5)
    assert one(scorer, tail, relation, head).item() == pytest.approx(4.5)
    assert one(scorer, tail, scorer.inverse(relation), head).item() == pytest.approx(2.5)
    real = complex_row(0.5 + 0j, -1 + 0j)
    assert one(scorer, head, real, tail).item() == pytest.approx(one(scorer, tail, real, head).item())


def test_rotate_by_hand():
    scorer = build("rotate", dim=2, gamma=12)
    head, tail = complex_row(1 + 3j, 2 - 1j), complex_row(2 + 1j, 1j)
    relation = row(math.pi / 2, math.pi / 3) * (14 / 2 / math.pi)  # phases, times what stands for π, over π
    assert one(scorer, head, relation, tail).item() == pytest.approx(5.119602, abs=1e-5)
    assert one(scorer, tail, scorer.inverse(relation), head).item() == pytest.approx(5.119602, abs=1e-5)


def test_rotate_turns():
    scorer = build("rotate")
    entities, relations = tables(scorer)
    turned = scorer.query(entities[:3], relations)
    torch.testing.assert_close(_moduli(turned), _moduli(entities[:3]))
    torch.testing.assert_close(scorer.query(entities, torch.zeros(ROWS, 4)), entities)
    again = scorer.query(turned, relations.flip(0))
    torch.testing.assert_close(again, scorer.query(entities[:3], relations + relations.flip(0)))
    torch.testing.assert_close(scorer.query(turned, scorer.inverse(relations)), entities[:3])


def _moduli(rows):
    return torch.hypot(*rows.chunk(2, -1))


@pytest.mark.parametrize("name", ["rotate", "protate"])
def test_first_angles_are_all_as_likely(name):
    scorer = build(name, dim=8, gamma=6)
    angles = scorer.start_relations(2000, torch.Generator().manual_seed(0)) * (math.pi / ((6 + 2) / 8))
    assert angles.abs().max() <= math.pi
    assert angles.std().item() == pytest.approx(math.pi / math.sqrt(3), rel=0.02)


def test_protate_is_rotate_of_one_modulus():
    """|e^{ia} − e^{ib}| = 2 |sin((a − b) / 2)|, so sines of whole differences are chords."""
    scorer = build("protate", dim=4, gamma=6)
    reach = 8 / 4
    assert scorer.modulus.item() == pytest.approx(reach / 2)
    h, r, t = (torch.randn(5, 4, generator=torch.Generator().manual_seed(seed)) for seed in range(3))
    angle = (h + r - t) * math.pi / reach
    expected = 6 - (reach / 2) * angle.sin().abs().sum(1)
    torch.testing.assert_close(one(scorer, h, r, t), expected)


def test_simple_by_hand():
    scorer = build("simple", dim=2)
    head, tail = row(1.0, 2.0, 3.0, 4.0), row(5.0, 6.0, 7.0, 8.0)  # as heads, as tails
    relation = row(1.0, -1.0, 0.5, 2.0)  # there, back
    there, back = 1 * 7 - 2 * 8, 5 * 0.5 * 3 + 6 * 2 * 4
    assert one(scorer, head, relation, tail).item() == pytest.approx((there + back) / 2)


def test_rescal_by_hand():
    scorer = build("rescal", dim=2)
    assert one(scorer, row(1.0, 2.0), row(1.0, 2.0, 3.0, 4.0), row(5.0, -1.0)).item() == 7 * 5 - 10
    assert scorer.inverse(row(1.0, 2.0, 3.0, 4.0)).tolist() == [[1, 3, 2, 4]]


def test_tucker_by_hand():
    scorer = build("tucker", dim=3, relation_dim=2)
    entities, relations = tables(scorer)
    with torch.no_grad():
        for norm in (scorer.before, scorer.after):
            norm.eps = 0.0  # of fresh ones all else is 0 or 1
    expected = torch.einsum("bk,kij,bi,bj->b", relations, scorer.core, entities[:3], entities[3:6])
    torch.testing.assert_close(one(scorer, entities[:3], relations, entities[3:6]), expected)


def test_tucker_drops_in_training_alone():
    scorer = build("tucker", dim=3, relation_dim=2).train()
    entities, relations = tables(scorer)
    first, second = (scorer.query(entities[:3], relations) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.isfinite(scorer.query(entities[:1], relations[:1])).all()  # one row has no variance
    scorer.eval()
    assert torch.equal(*(scorer.query(entities[:3], relations) for _ in range(2)))
    kept = scorer.query(entities[:1], relations[:1])
    torch.testing.assert_close(scorer.query(entities[:3], relations)[:1], kept)


@pytest.mark.parametrize(
    ("told", "deviation"),
    [
        ({"spread": 0.2}, 0.2),
        ({"start": "uniform", "spread": 0.3}, 0.3 / math.sqrt(3)),
        ({"start": "xavier"}, 0.1),
    ],
)
def test_first_vectors_lie_as_told(told, deviation):
    rows = build("distmult", dim=40, **told).start(160, torch.Generator().manual_seed(0))
    assert rows.std().item() == pytest.approx(deviation, rel=0.05)
