"""Classes, sets of classes, numbers and answers to questions, scored: by hand, and by slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.metrics import classes, matching, numbers
from kbtools.metrics.linking.counts import micro
from kbtools.metrics.resampling import intervals

GOLD, SAID = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 0])


def test_classes_by_hand():
    table = classes.confusion(GOLD, SAID, 4)
    assert table.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    found = classes.by_class(table)
    assert found.gold.tolist() == [3, 2, 1, 0]
    assert found.answered.tolist() == [4, 2, 0, 0]
    np.testing.assert_allclose(found.scores[:3, 2], [4 / 7, 1 / 2, 0])


def test_macro_f1_is_of_classes_that_are_there():
    found = classes.macro_f1(GOLD, SAID, 4)
    assert found.mean == pytest.approx((4 / 7 + 1 / 2 + 0) / 3)
    assert found.low <= found.mean <= found.high
    assert classes.macro_f1(GOLD, SAID, 4, negative=0).mean == pytest.approx((1 / 2 + 0) / 2)
    assert math.isnan(classes.macro_f1(GOLD[:0], SAID[:0], 4).mean)


def test_a_negative_class_is_no_answer():
    found = micro(classes.without(GOLD, SAID, negative=0))  # 1 right; 1 wrong among those said; 2 missed
    assert found.precision == pytest.approx(1 / 2)
    assert found.recall == pytest.approx(1 / 3)
    assert found.f1 == pytest.approx(2 / 5)
    assert micro(classes.without(GOLD, SAID)).f1 == pytest.approx(3 / 6)  # else it is accuracy


def test_sets_by_hand():
    gold = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 0]], bool)
    said = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0]], bool)
    counts = classes.sets(gold, said)
    assert [one.tolist() for one in counts] == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert micro(counts).precision == pytest.approx(2 / 3)
    assert micro(counts).recall == pytest.approx(2 / 4)
    precision, recall, f1 = (one.mean for one in classes.macro_sets(counts))
    assert precision == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert recall == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_numbers_by_hand():
    found = numbers.nearness([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 6.0])
    assert found.mse.mean == pytest.approx((0 + 1 + 1 + 4) / 4)
    assert found.pearson.mean == pytest.approx(np.corrcoef([1, 2, 3, 4], [1, 3, 2, 6])[0, 1])
    assert found.spearman.mean == pytest.approx(0.8)  # 1 − 6 Σ d² / n (n² − 1)
    assert math.isnan(numbers.nearness([1.0, 2.0], [3.0, 3.0]).pearson.mean)
    assert numbers.nearness([], []).mse.mean == 0


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), max_size=8))
def test_ranks_are_means_of_places(values):
    ordered = sorted(values)
    expected = [np.mean([at + 1 for at, one in enumerate(ordered) if one == value]) for value in values]
    assert numbers.ranks(np.array(values)).tolist() == pytest.approx(expected)


def test_matching_by_hand():
    score = np.array([0.9, 0.8, 0.1, 0.5, 0.5, 0.3, 0.99])
    right = np.array([0, 1, 1, 1, 0, 0, 1], bool)
    group = np.array([0, 0, 0, 1, 1, 2, -1])
    found = matching.first_right(score, right, group)
    assert found.group.tolist() == [0, 1]  # in the third nothing is right, the last is in none
    assert found.rank.tolist() == [2, 1.5]  # ties: in the middle of those that are wrong
    mrr, first = matching.mrr_and_first(found)
    assert mrr.mean == pytest.approx((1 / 2 + 1 / 1.5) / 2)
    assert first.mean == 0


rows = st.tuples(st.integers(-1, 3), st.booleans(), st.sampled_from([0.1, 0.2, 0.3, 0.4]))


@given(st.lists(rows, max_size=20))
def test_matching_as_a_loop_has_it(some):
    expected = {}
    for group in sorted({one[0] for one in some if one[0] >= 0 and one[1]}):
        mine = [one for one in some if one[0] == group]
        best = max(score for _, right, score in mine if right)
        above = sum(score > best for _, right, score in mine if not right)
        beside = sum(score == best for _, right, score in mine if not right)
        expected[group] = 1 + above + beside / 2
    columns = (np.array([one[at] for one in some]) for at in (2, 1, 0))
    score, right, group = columns
    found = matching.first_right(score.astype(float), right.astype(bool), group.astype(np.int64))
    assert dict(zip(found.group.tolist(), found.rank.tolist(), strict=True)) == expected


def test_intervals_hold_the_score_and_narrow_with_examples():
    def spread(many):
        rows = np.stack([np.arange(many) % 2, np.ones(many)], axis=1)
        (found,) = intervals(rows, lambda sums: sums[..., :1] / sums[..., 1:])
        assert found.low < found.mean == 0.5 < found.high
        return found.high - found.low

    assert spread(1000) < spread(10)
    (nothing,) = intervals(np.zeros((0, 1)), lambda sums: sums)
    assert math.isnan(nothing.low)
