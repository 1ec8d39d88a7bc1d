"""Buckets of triples, and categories of relations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.models.kge import categories, edges
from kbtools.models.kge.edges import Buckets


def drawn(count, rows, seed=0, relations=3):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, most, count) for most in (rows, relations, rows)], 1).astype(np.int32)


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(edges, "AT_ONCE", 7)


@pytest.mark.usefixtures("small_pieces")
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=5).map(lambda sizes: [0, *np.cumsum(sizes).tolist()]),
    st.integers(0, 60),
    st.integers(0, 2**32),
)
def test_each_triple_is_in_its_bucket_in_order(tmp_path_factory, ends, count, seed):
    triples = drawn(count, ends[-1], seed)
    made = Buckets(tmp_path_factory.mktemp("b"), triples, ends)
    number = len(ends) - 1
    assert made.number == number
    assert made.sizes.sum() == count
    for i in range(number):
        for j in range(number):
            head, tail = triples[:, 0], triples[:, 2]
            mine = (head >= ends[i]) & (head < ends[i + 1]) & (tail >= ends[j]) & (tail < ends[j + 1])
            np.testing.assert_array_equal(made.bucket(i, j), triples[mine])
            assert made.sizes[i, j] == mine.sum()


def test_one_partition_costs_nothing(tmp_path):
    triples = drawn(10, 5)
    made = Buckets(tmp_path / "none", triples, [0, 5])
    assert np.shares_memory(made.bucket(0, 0), triples)
    assert len(made.bucket(0, 0)) == 10
    assert not (tmp_path / "none").exists()


def test_buckets_are_on_disk_and_nothing_else_is_left(tmp_path):
    triples = drawn(50, 10)
    first = Buckets(tmp_path, triples, [0, 4, 4, 10])  # the second partition is empty
    again = Buckets(tmp_path, triples[::-1], [0, 4, 4, 10])
    assert [path.name for path in tmp_path.iterdir()] == [edges.FILE]
    assert (tmp_path / edges.FILE).stat().st_size == triples.nbytes
    assert first.sizes[1].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(first.bucket(0, 2), again.bucket(0, 2)[::-1])  # each keeps what it wrote
    assert not first.bucket(0, 2).flags.writeable


def test_there_may_be_no_triples(tmp_path):
    made = Buckets(tmp_path, drawn(0, 5), [0, 2, 5])
    assert made.bucket(1, 1).shape == (0, 3)


def test_rows_beyond_all_partitions_and_other_buckets_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"0 \.\. 4"):
        Buckets(tmp_path, drawn(50, 10), [0, 2, 4])
    with pytest.raises(IndexError, match="2 × 2"):
        Buckets(tmp_path, drawn(5, 4), [0, 2, 4]).bucket(2, 0)


def test_categories_by_hand():
    triples = np.array(
        [
            (0, 0, 1), (2, 0, 3),  # one to one
            (0, 1, 1), (0, 1, 2), (0, 1, 3),  # a head, three tails
            (1, 2, 0), (2, 2, 0), (3, 2, 4), (5, 2, 4),  # two heads for each tail
            (0, 3, 1), (0, 3, 2), (1, 3, 1), (1, 3, 2),  # both
            (0, 5, 1), (0, 5, 2), (3, 5, 4),  # 3 triples, 2 heads: 1.5 is many
        ],
        np.int32,
    )  # fmt: skip
    shape = categories.shape(triples, 6)
    assert [categories.NAMES[one] for one in shape.category] == ["1-1", "1-N", "N-1", "N-N", "unseen", "1-N"]
    np.testing.assert_allclose(shape.tails_per_head, [1, 3, 1, 2, np.nan, 1.5])
    np.testing.assert_allclose(shape.heads_per_tail, [1, 1, 2, 2, np.nan, 1])
    np.testing.assert_allclose(shape.to_head, [0.5, 0.75, 1 / 3, 0.5, 0.5, 0.6], rtol=1e-6)
    assert categories.shape(triples[:0], 2).category.tolist() == [categories.UNSEEN] * 2


@given(st.integers(1, 80), st.integers(0, 2**32))
def test_categories_are_what_sets_say(count, seed):
    triples = np.unique(drawn(count, 6, seed), axis=0)
    shape = categories.shape(triples, 4)
    for relation in range(4):
        mine = [(h, t) for h, r, t in triples.tolist() if r == relation]
        if mine:
            assert shape.tails_per_head[relation] == np.float32(len(mine) / len({h for h, _ in mine}))
            assert shape.heads_per_tail[relation] == np.float32(len(mine) / len({t for _, t in mine}))
