"""Relatedness by shared neighbours: the formula by sets and dicts, samples without bias, pairs in windows."""

from __future__ import annotations

from math import log
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.linkers import graph
from kbtools.linkers.graph import edges, nodes_of, others, parts
from kbtools.linkers.index.profile.csr import drawn
from kbtools.linkers.relatedness import Neighbours, between
from tests.linked_candidates import Mention, line, mentions_of, neighbours_of

tables = st.lists(st.sets(st.integers(0, 9)), min_size=10, max_size=10)


def slowly(sets: list[set[int]], a: int, b: int, entities: int, *, direct: float, same: float) -> float:
    if a < 0 or b < 0:
        return 0.0
    if a == b:
        return same
    one, two, found = sets[a], sets[b], 0.0
    if len(one & two) >= 2:
        above = log(max(len(one), len(two))) - log(len(one & two))
        below = log(entities) - log(min(len(one), len(two)))
        found = max(0.0, 1 - above / below) if below > 0 else float(above == 0)
    return 1 - (1 - found) * (1 - direct) if b in one or a in two else found


def pair(neighbours: Neighbours, a: int, b: int, *, direct: float = 0.0) -> float:
    return float(between(neighbours, np.array([a]), np.array([b]), direct=direct)[0])


def test_by_hand():
    sets = [{2, 3, 4, 5}, {3, 4, 5, 6, 7, 8, 9, 10}, set(), {1}]
    neighbours = neighbours_of(sets, entities=64)
    assert pair(neighbours, 0, 1) == pytest.approx(1 - log(8 / 3) / log(64 / 4))
    assert pair(neighbours, 1, 0) == pair(neighbours, 0, 1)
    assert pair(neighbours, 0, 2) == 0
    assert pair(neighbours, 2, 2) == 1
    assert pair(neighbours, -1, -1) == 0
    assert pair(neighbours, 3, 1, direct=0.25) == 0.25
    assert pair(neighbours, 1, 3, direct=0.25) == 0.25


def test_two_shared_neighbours_are_the_least():
    neighbours = neighbours_of([{4, 5, 6}, {6, 7, 8}, {5, 6, 9}], entities=100)
    assert pair(neighbours, 0, 1) == 0
    assert pair(neighbours, 0, 2) == pytest.approx(1 - log(3 / 2) / log(100 / 3))


def test_the_last_neighbour_counts():
    """TAGME's merge of two lists of in-links ends before the last of each."""
    neighbours = neighbours_of([{2, 99}, {3, 99}, {98, 99}, {98, 99}], entities=100)
    assert pair(neighbours, 0, 1) == 0
    assert pair(neighbours, 2, 3) == 1


def test_pairs_by_the_million():
    rng = np.random.default_rng(3)
    degree = rng.integers(1, 30, 20_000)
    values = rng.integers(0, 20_000, degree.sum())
    offsets = np.concatenate([[0], np.cumsum(degree)])
    order = np.lexsort((values, np.repeat(np.arange(20_000), degree)))
    neighbours = Neighbours(offsets, values[order].astype(np.uint32), degree, 20_000)
    a, b = rng.integers(0, 20_000, (2, 300_000))
    begin = perf_counter()
    found = between(neighbours, a, b)
    assert perf_counter() - begin < 5
    assert len(found) == 300_000
    assert ((found >= 0) & (found <= 1)).all()


@given(tables, st.floats(0, 1), st.floats(0, 1))
def test_as_with_sets(sets, direct, same):
    a, b = (grid.ravel() - 1 for grid in np.meshgrid(np.arange(11), np.arange(11)))
    found = between(neighbours_of(sets), a, b, direct=direct, same=same)
    expected = [
        slowly(sets, one, two, 10, direct=direct, same=same)
        for one, two in zip(a.tolist(), b.tolist(), strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def sampled(neighbours: Neighbours, most: int) -> Neighbours:
    """Keep of each entity those `most` neighbours with the smallest hashes."""
    rows = []
    for begin, end in zip(neighbours.offsets, neighbours.offsets[1:], strict=False):
        values = neighbours.values[begin:end]
        rows.append(np.sort(values[np.argsort(drawn(values))][:most]))
    offsets = np.cumsum([0, *map(len, rows)])
    return Neighbours(offsets, np.concatenate(rows), neighbours.degrees, neighbours.entities)


@pytest.mark.parametrize(("sizes", "shared"), [((400, 400), 100), ((2000, 300), 200), ((600, 80), 40)])
def test_samples_are_right_on_average(sizes, shared):
    """Of 400 pairs with the same sizes the mean of the estimated |A∩B| is near the truth."""
    rng, tries, entities = np.random.default_rng(7), 400, 100_000
    sets = []
    for _ in range(tries):
        mine = rng.choice(entities, sum(sizes) - shared, replace=False)
        sets += [mine[: sizes[0]], mine[sizes[0] - shared :]]
    full = Neighbours(
        np.cumsum([0, *map(len, sets)]),
        np.concatenate([np.sort(one) for one in sets]),
        np.array([*map(len, sets), *[0] * (entities - 2 * tries)]),
        entities,
    )
    full = full._replace(offsets=np.append(full.offsets, [full.offsets[-1]] * (entities - 2 * tries)))
    a = np.arange(0, 2 * tries, 2)
    truth = between(full, a, a + 1)[0]
    found = between(sampled(full, 64), a, a + 1)

    def count(relatedness):  # the formula turned round
        return np.exp(log(max(sizes)) - (1 - relatedness) * (log(entities) - log(min(sizes))))

    assert count(truth) == pytest.approx(shared)
    estimates = count(found)[found > 0]
    few = tries - len(estimates)
    error = 4 * estimates.std() / np.sqrt(len(estimates))
    assert abs(estimates.sum() / tries - shared) < error + few / tries * shared
    assert few < tries / 10


def test_what_is_stored_whole_is_exact_beside_a_sample():
    small, large = set(range(10, 20)), set(range(10, 500))
    full = neighbours_of([small, large], entities=1000)
    part = sampled(full, 10)
    assert part.degrees[1] == 490
    assert pair(part, 0, 0) == 1
    assert 0 <= pair(part, 0, 1) <= 1


def all_pairs(
    rows: list[Mention], sets: list[set[int]], window: int, direct: float, same: float
) -> dict[tuple[int, int], float]:
    """Candidates are numbered through; groups and windows by lists and loops."""
    numbered, number = [], 0
    for row in rows:
        numbered.append((row, [(number + i, eid) for i, (eid, _) in enumerate(row[4])]))
        number += len(row[4])
    found = {}
    for group in sorted({(row[3], row[0]) for row in rows}):
        mine = [one for one in numbered if (one[0][3], one[0][0]) == group and one[1]]
        for i, (first, ours) in enumerate(mine):
            for second, theirs in mine[i + 1 : i + 1 + window]:
                if first[1] < second[2] and second[1] < first[2]:
                    continue
                for a, one in ours:
                    for b, two in theirs:
                        value = slowly(sets, one, two, len(sets), direct=direct, same=same)
                        if value > 0:
                            found[a, b] = value
    return found


rows_of = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 8),
        st.integers(1, 3),
        st.integers(0, 1),
        st.lists(st.tuples(st.integers(0, 9), st.just(0.5)), max_size=3),
    ),
    max_size=12,
).map(lambda rows: sorted((t, s, s + n, kb, c) for t, s, n, kb, c in rows))


@given(rows_of, tables, st.integers(1, 4), st.sampled_from([1, 5, 1 << 20]))
def test_edges_are_the_related_pairs_in_reach(rows, sets, window, size):
    mentions, neighbours = mentions_of(rows), neighbours_of(sets)
    found: dict[tuple[int, int], float] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "NODES", size)
        patch.setattr(graph, "ROWS", size)
        nodes = nodes_of(mentions, np.ones(len(mentions.eid), np.bool_), mentions.eid.astype(np.int64))
        for part in parts(neighbours, nodes):
            known = edges(neighbours, part, window=window, direct=0.25, same=0.75)
            keys = zip(part.candidate[known.a].tolist(), part.candidate[known.b].tolist(), strict=True)
            found.update(zip(keys, known.value.tolist(), strict=True))
    assert found == pytest.approx(all_pairs(rows, sets, window, 0.25, 0.75))


@given(rows_of, st.integers(1, 4))
def test_how_many_mentions_are_in_reach(rows, window):
    mentions = mentions_of([(*row[:4], [(0, 1.0)]) for row in rows])
    nodes = nodes_of(mentions, np.ones(len(rows), np.bool_), mentions.eid.astype(np.int64))
    met = np.zeros(len(rows), np.int64)
    for a, b in all_pairs([(*row[:4], [(0, 1.0)]) for row in rows], [set()], window, 0, 1):
        met[[a, b]] += 1
    counted = np.zeros(len(rows), np.int64)
    counted[nodes.candidate] = others(nodes, window)
    assert counted.tolist() == met.tolist()


def test_very_long_documents_are_cut_into_pieces(monkeypatch):
    monkeypatch.setattr(graph, "PIECE", 3)
    mentions = mentions_of(line(*[[(0, 1.0)]] * 7))
    neighbours = neighbours_of([{1, 2}], entities=9)
    nodes = nodes_of(mentions, np.ones(7, np.bool_), np.zeros(7, np.int64))
    (part,) = parts(neighbours, nodes)
    known = edges(neighbours, part, window=2, same=1.0)
    assert [*zip(known.a.tolist(), known.b.tolist(), strict=True)] == [
        *[(0, 1), (0, 2), (1, 2)],
        *[(3, 4), (3, 5), (4, 5)],
    ]
