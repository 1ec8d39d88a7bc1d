"""Candidate lists of several sources become one: by hand, and against slow loops over dictionaries."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ConfigError
from kbtools.linkers.index import fusion
from kbtools.linkers.index.base import Hits
from kbtools.linkers.index.fusion import Rows, Settings


def rows(*found: tuple[int, int, int, float]) -> Rows:
    columns = list(zip(*found, strict=True)) or [(), (), (), ()]
    types = (np.int64, np.uint8, np.uint32, np.float32)
    return Rows(*(np.array(column, kind) for column, kind in zip(columns, types, strict=True)))


def listed(lists: fusion.Lists) -> dict[tuple[int, int], list[int]]:
    found: dict[tuple[int, int], list[int]] = {}
    for query, kb, eid in zip(lists.query.tolist(), lists.kb.tolist(), lists.eid.tolist(), strict=True):
        found.setdefault((query, kb), []).append(eid)
    return found


ALIAS = rows((0, 0, 7, 0.9), (0, 0, 8, 0.1), (2, 0, 5, 1.0), (2, 1, 5, 1.0))
FUZZY = rows((0, 0, 8, 1.0), (0, 0, 9, 0.8), (1, 0, 3, 0.7))


def test_reciprocal_rank_by_hand():
    pool = fusion.pool([ALIAS, FUZZY])
    lists = fusion.arrange(pool, fusion.reciprocal_rank(pool))
    assert listed(lists) == {(0, 0): [8, 7, 9], (1, 0): [3], (2, 0): [5], (2, 1): [5]}
    assert lists.score[:3] == pytest.approx([1 / 61 + 1 / 62, 1 / 61, 1 / 62])
    assert lists.place.tolist() == [1, 2, 3, 1, 1, 1]


def test_weights_of_sources():
    pool = fusion.pool([ALIAS, FUZZY])
    lists = fusion.arrange(pool, fusion.reciprocal_rank(pool, weights=(10, 1)))
    assert listed(lists)[0, 0] == [8, 7, 9]
    lists = fusion.arrange(pool, fusion.reciprocal_rank(pool, weights=(1, 0)))
    assert listed(lists)[0, 0] == [7, 8, 9]
    with pytest.raises(ConfigError, match="1 source_weights for 2 sources"):
        fusion.reciprocal_rank(pool, weights=(1,))


def test_weights_by_kind_unless_they_are_given():
    assert fusion.weights_of((), ["alias", "fuzzy", "dense", "fuzzy 2", "dense 2"]) == [1, 1, 0.03, 1, 0.03]
    assert fusion.weights_of((1, 2), ["alias", "dense"]) == [1, 2]
    with pytest.raises(ConfigError, match="1 source_weights for 2 sources"):
        fusion.weights_of((1,), ["alias", "dense"])


def test_vectors_do_not_change_the_order_of_names():
    """Whatever ranks vectors have, the first five of two sources that agree stay where they are."""
    names = rows(*((0, 0, eid, 1 / eid) for eid in range(1, 6)))
    vectors = rows(*((0, 0, eid, 1 / place) for place, eid in enumerate((5, 9, 4, 3, 2, 8), start=1)))
    pool = fusion.pool([names, names, vectors])
    weights = fusion.weights_of((), ["alias", "fuzzy", "dense"])
    found = listed(fusion.arrange(pool, fusion.reciprocal_rank(pool, weights=weights)))
    assert found == {(0, 0): [1, 2, 3, 4, 5, 9, 8]}
    assert listed(fusion.arrange(pool, fusion.reciprocal_rank(pool)))[0, 0][0] != 1


def test_ties_are_decided_by_the_first_source_and_then_by_eid():
    first, second, third = (
        rows((0, 0, 9, 1), (0, 0, 4, 1)),
        rows((0, 0, 4, 1), (0, 0, 9, 1)),
        rows((0, 0, 1, 1)),
    )
    pool = fusion.pool([first, second, third])
    score = fusion.reciprocal_rank(pool)
    assert score[1] == score[2]
    assert listed(fusion.arrange(pool, score)) == {(0, 0): [9, 4, 1]}
    others = fusion.pool([rows(), first, second])
    assert listed(fusion.arrange(others, fusion.reciprocal_rank(others))) == {(0, 0): [4, 9]}


def test_a_candidate_named_twice_by_a_source_counts_once():
    pool = fusion.pool([rows((0, 0, 3, 0.9), (0, 0, 4, 0.5), (0, 0, 3, 0.2)), rows()])
    assert pool.eid.tolist() == [3, 4]
    assert pool.rank.tolist() == [[1, 0], [2, 0]]
    assert pool.score[:, 0] == pytest.approx([0.9, 0.5])


def test_no_candidates_at_all():
    pool = fusion.pool([rows(), rows()])
    lists = fusion.arrange(pool, fusion.reciprocal_rank(pool))
    assert pool.lists == 0
    assert lists.eid.size == fusion.cut(lists, fusion.depths(pool, Settings())).eid.size == 0
    nobody = np.array([0]), np.array([0], np.uint8), np.array([5], np.uint32)
    assert fusion.places_of(lists, *nobody).tolist() == [0]
    assert fusion.ranks_of(pool, *nobody).tolist() == [[0, 0]]


def test_what_look_ups_and_indexes_return():
    hits = Hits(np.array([0, 2, 2, 3]), *rows((0, 0, 7, 0.9), (0, 0, 8, 0.1), (0, 1, 9, 1.0))[1:])
    assert fusion.from_hits(hits).query.tolist() == [0, 0, 2]
    table = pa.table(
        {
            "query": pa.array([0, 3]),
            "kb": pa.array([0, 1], pa.uint8()),
            "eid": pa.array([1, 4_294_967_295], pa.uint32()),
            "prior": pa.array([0.5, 1], pa.float32()),
        }
    )
    found = fusion.from_alias(table)
    assert found.eid.tolist() == [1, 4_294_967_295]
    assert fusion.pool([found]).eid.tolist() == [1, 4_294_967_295]


def test_too_many_queries_at_once_are_refused():
    with pytest.raises(ValueError, match="at a time"):
        fusion.pool([rows((1 << 24, 0, 1, 1.0))])


@pytest.mark.parametrize(
    ("prior", "kept"),
    [
        ([1.0], 2),  # 0 bits: 2 × 1
        ([0.5, 0.5], 4),  # 1 bit
        ([1 / 3] * 3, 6),  # log2(3) bits
        ([0.25] * 4, 8),
        ([0.9, 0.1], 3),  # .469 bits: 2 × 1.384
        ([0.05] * 20, 20),  # 40, but no more than `most`
    ],
)
def test_how_long_a_list_is(prior, kept):
    pool = fusion.pool([rows(*((0, 0, eid, p) for eid, p in enumerate(prior)))])
    assert fusion.depths(pool, Settings(spread=2, least=2, most=20)).tolist() == [kept]


def test_unknown_names_keep_most_and_sure_ones_least():
    fuzzy = rows(*((query, 0, eid, 1 / (eid + 1)) for query in (0, 1) for eid in range(40)))
    pool = fusion.pool([rows((0, 0, 3, 1.0)), fuzzy])
    depth = fusion.depths(pool, Settings(spread=1, least=3, most=25))
    assert depth.tolist() == [3, 25]
    kept = fusion.cut(fusion.arrange(pool, fusion.reciprocal_rank(pool)), depth)
    assert np.bincount(kept.query).tolist() == [3, 25]
    assert kept.place.max() == 25


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"spread": 0.0}, "spread is 0.0"),
        ({"least": 5, "most": 4}, "least is 5 and most 4"),
        ({"constant": float("nan")}, "constant is nan"),
        ({"source_weights": (1.0, -1.0)}, "each is 0 or more"),
    ],
)
def test_settings_that_make_no_sense(wrong, told):
    with pytest.raises(ConfigError, match=told):
        Settings(**wrong)


FOUND = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 9), st.floats(0, 1, width=32)), max_size=40
)


@given(st.lists(FOUND, min_size=1, max_size=4))
def test_fusion_equals_a_slow_one(sources):
    ranks: dict[tuple[int, int, int], dict[int, int]] = {}
    for source, found in enumerate(sources):
        counted: dict[tuple[int, int], int] = {}
        for query, kb, eid, _ in found:
            counted[query, kb] = counted.get((query, kb), 0) + 1
            ranks.setdefault((query, kb, eid), {}).setdefault(source, counted[query, kb])
    scores = {
        key: np.float32(sum(sorted(1 / (60 + rank) for rank in found.values())))
        for key, found in ranks.items()
    }
    expected: dict[tuple[int, int], list[int]] = {}
    for query, kb, eid in sorted(
        scores, key=lambda key: (*key[:2], -scores[key], ranks[key].get(0, math.inf), key[2])
    ):
        expected.setdefault((query, kb), []).append(eid)

    pool = fusion.pool([rows(*found) for found in sources])
    lists = fusion.arrange(pool, fusion.reciprocal_rank(pool))
    assert listed(lists) == expected
    wanted = [(q, kb, eid) for q in range(6) for kb in range(3) for eid in range(10)]
    columns = [np.array(column) for column in zip(*wanted, strict=True)]
    asked = columns[0], columns[1].astype(np.uint8), columns[2].astype(np.uint32)
    told = fusion.ranks_of(pool, *asked)
    places = fusion.places_of(lists, *asked)
    for at, key in enumerate(wanted):
        assert told[at].tolist() == [ranks.get(key, {}).get(source, 0) for source in range(len(sources))]
        inside = expected.get(key[:2], [])
        assert places[at] == (inside.index(key[2]) + 1 if key[2] in inside else 0)


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=30), st.floats(0.5, 10))
def test_depth_equals_the_formula(weights, spread):
    prior = [np.float32(weight / sum(weights)) for weight in weights]
    pool = fusion.pool([rows(*((0, 0, eid, float(p)) for eid, p in enumerate(prior)))])
    total = math.fsum(prior)
    entropy = -math.fsum(p / total * math.log2(p / total) for p in map(float, prior))
    found = fusion.depths(pool, Settings(spread=spread, least=1, most=200))[0]
    assert abs(found - spread * 2**entropy) < 1 + 1e-5


@given(st.permutations(range(4)), FOUND)
def test_order_of_queries_does_not_matter(order, found):
    alone = fusion.pool([rows(*found)])
    lists = listed(fusion.arrange(alone, fusion.reciprocal_rank(alone)))
    moved = [(order[query] if query < 4 else query, *rest) for query, *rest in found]
    pool = fusion.pool([rows(*moved)])
    for (query, kb), eids in listed(fusion.arrange(pool, fusion.reciprocal_rank(pool))).items():
        back = order.index(query) if query < 4 else query
        assert lists[back, kb] == eids
