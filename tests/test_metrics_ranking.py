"""Metrics of ranks against hand-computed cases, slow loops and a plain resampling."""

from __future__ import annotations

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.metrics import ranking

RANKS = st.lists(st.integers(0, 120), max_size=60)


def test_examples_of_the_docstrings():
    assert doctest.testmod(ranking).failed == 0


def test_recall_and_mrr_by_hand():
    ranks = [1, 2, 0, 10, 31]
    assert [ranking.recall_at(ranks, k) for k in (1, 5, 10, 30, 100)] == [0.2, 0.4, 0.6, 0.6, 0.8]
    assert ranking.mrr(ranks) == pytest.approx((1 + 1 / 2 + 1 / 10 + 1 / 31) / 5)


@given(RANKS, st.integers(1, 120))
def test_hits_equal_a_loop(ranks, k):
    assert ranking.hits_at(ranks, k).tolist() == [float(0 < rank <= k) for rank in ranks]
    assert ranking.reciprocal(ranks).tolist() == [1 / rank if rank else 0.0 for rank in ranks]


@given(RANKS)
def test_recall_grows_with_k(ranks):
    recalls = [ranking.mean(ranking.hits_at(ranks, k)) for k in range(1, 121)]
    assert not ranks or recalls == sorted(recalls)


def test_of_nothing_everything_is_unknown():
    assert np.isnan(ranking.mrr([]))
    assert all(np.isnan(value) for value in ranking.bootstrap([]))
    assert all(np.isnan(value) for value in ranking.compare([], []))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(-1, 4)), max_size=40))
def test_grouped_means_equal_a_loop(rows):
    values, groups = [row[0] for row in rows], [row[1] for row in rows]
    means, sizes = ranking.grouped_means(values, groups, 5)
    for group in range(5):
        inside = [value for value, at in rows if at == group]
        assert sizes[group] == len(inside)
        assert means[group] == pytest.approx(np.mean(inside)) if inside else np.isnan(means[group])


def test_interval_is_that_of_a_plain_resampling():
    values = np.random.default_rng(5).choice([0.0, 0.25, 1.0], size=400, p=[0.3, 0.3, 0.4])
    ours = ranking.bootstrap(values, resamples=20_000)
    drawn = np.random.default_rng(7).integers(0, 400, size=(20_000, 400))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    assert ours.mean == pytest.approx(values.mean())
    assert ours.low == pytest.approx(low, abs=0.002)
    assert ours.high == pytest.approx(high, abs=0.002)


def test_an_interval_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(11)
    covered = 0
    for seed in range(300):
        low, high = ranking.bootstrap(generator.random(200) < 0.7, seed=seed)[1:]
        covered += low <= 0.7 <= high
    assert 0.90 <= covered / 300 <= 0.99


def test_the_seed_decides():
    values = np.arange(50) % 3
    assert ranking.bootstrap(values, seed=1) == ranking.bootstrap(values, seed=1)
    assert ranking.bootstrap(values, seed=1) != ranking.bootstrap(values, seed=2)


def test_permutation_test_equals_trying_all_swaps():
    ours, theirs = np.array([1, 1, 1, 0.5, 0, 1, 1, 0.25]), np.array([0, 1, 0, 0.25, 0, 0.5, 0, 0.5])
    gaps = ours - theirs
    signs = np.array(list(itertools.product([-1, 1], repeat=8)))
    exact = (np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-9).mean()
    found = ranking.compare(ours, theirs, resamples=20_000)
    assert found.mean == pytest.approx(gaps.mean())
    assert found.p == pytest.approx(exact, abs=0.01)


def test_a_clear_difference_is_seen_and_none_is_not():
    generator = np.random.default_rng(3)
    theirs = (generator.random(1000) < 0.5).astype(float)
    better = np.maximum(theirs, generator.random(1000) < 0.1)
    found = ranking.compare(better, theirs)
    assert found.low > 0
    assert found.p < 0.01
    assert ranking.compare(theirs, np.roll(theirs, 1)).p > 0.05


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(ValueError, match="3 values cannot be paired with 2"):
        ranking.compare([1, 2, 3], [1, 2])
