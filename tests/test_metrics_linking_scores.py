"""Counts become scores: micro, macro, empty documents, intervals over documents, tests of differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.metrics import linking
from kbtools.metrics.linking import Counts
from tests import oracle_linking as oracle


def counted(*rows):
    return Counts(*np.array(rows, np.int64).reshape(-1, 3).T)


def test_micro_sums_and_macro_takes_means():
    counts = counted((3, 1, 0), (0, 2, 2), (0, 0, 0))
    assert linking.micro(counts) == pytest.approx((3 / 6, 3 / 5, 6 / 11))
    assert linking.macro(counts) == pytest.approx(((3 / 4 + 0 + 1) / 3, 2 / 3, (6 / 7 + 0 + 1) / 3))


@pytest.mark.parametrize(
    ("row", "expected"),
    [((0, 0, 0), 1.0), ((0, 1, 0), 0.0), ((0, 0, 1), 0.0), ((0, 3, 2), 0.0), ((2, 0, 0), 1.0)],
)
def test_a_document_where_nothing_is_right(row, expected):
    assert linking.micro(counted(row)) == (expected,) * 3
    assert linking.macro(counted(row)) == (expected,) * 3


def test_no_document():
    assert linking.micro(counted()) == (1.0, 1.0, 1.0)
    assert all(map(math.isnan, linking.macro(counted())))
    assert all(math.isnan(value) for one in linking.micro_intervals(counted()) for value in one)
    assert all(map(math.isnan, linking.compare(counted(), counted())))


@given(st.lists(st.tuples(*(st.integers(0, 5),) * 3), min_size=1, max_size=20))
def test_scores_are_those_of_loops(rows):
    counts = counted(*rows)
    assert linking.micro(counts) == pytest.approx(oracle.scores(*map(sum, zip(*rows, strict=True))))
    each = [oracle.scores(*row) for row in rows]
    assert linking.macro(counts) == pytest.approx(tuple(sum(c) / len(rows) for c in zip(*each, strict=True)))


ROWS = [(8, 2, 1), (3, 0, 4), (5, 5, 5), (0, 1, 2), (9, 1, 0), (2, 2, 2), (7, 0, 1), (1, 4, 3)]


def test_intervals_hold_the_value_and_come_again():
    counts = counted(*ROWS)
    for made, values in (
        (linking.micro_intervals(counts, seed=3), linking.micro(counts)),
        (linking.macro_intervals(counts, seed=3), linking.macro(counts)),
    ):
        for one, value in zip(made, values, strict=True):
            assert one.mean == pytest.approx(value)
            assert one.low <= one.mean <= one.high
    assert linking.micro_intervals(counts, seed=3) == linking.micro_intervals(counts, seed=3)


def test_intervals_are_those_of_drawn_documents():
    counts = counted(*ROWS)
    drawn = np.random.default_rng(0).integers(0, len(ROWS), (20_000, len(ROWS)))
    values = linking.measured(counts.rows[drawn].sum(axis=1))
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    made = linking.micro_intervals(counts, resamples=20_000)
    assert [one.low for one in made] == pytest.approx(low, abs=0.01)
    assert [one.high for one in made] == pytest.approx(high, abs=0.01)


def test_documents_are_drawn_and_not_annotations():
    alike = counted(*[(5, 5, 5)] * 20)
    assert linking.micro_intervals(alike).f1 == (0.5, 0.5, 0.5)
    apart = counted(*[(10, 0, 0)] * 10, *[(0, 10, 10)] * 10)
    f1 = linking.micro_intervals(apart).f1
    assert f1.mean == 0.5
    assert (f1.low, f1.high) == pytest.approx((0.28, 0.72), abs=0.05)  # of 20 drawn, not of 200


def test_a_system_does_not_differ_from_itself():
    counts = counted(*ROWS)
    assert linking.compare(counts, counts) == (0.0, 0.0, 0.0, 1.0)


def test_the_test_is_that_of_all_swaps():
    ours, theirs = counted(*ROWS), counted(*[(tp, fp + 1, fn) for tp, fp, fn in ROWS])
    swaps = (np.arange(2 ** len(ROWS))[:, None] >> np.arange(len(ROWS))) & 1 == 1
    one = np.where(swaps[:, :, None], theirs.rows, ours.rows).sum(axis=1)
    other = np.where(swaps[:, :, None], ours.rows, theirs.rows).sum(axis=1)
    gaps = linking.measured(one)[:, 2] - linking.measured(other)[:, 2]
    exact = (np.abs(gaps) >= abs(gaps[0]) - 1e-12).mean()
    found = linking.compare(ours, theirs, resamples=20_000)
    assert found.mean == pytest.approx(linking.micro(ours).f1 - linking.micro(theirs).f1)
    assert found.p == pytest.approx(exact, abs=0.005)
    assert found.low <= found.mean <= found.high


def test_a_clear_difference_and_macro():
    better, worse = counted(*[(9, 1, 1)] * 30), counted(*[(5, 5, 5)] * 30)
    for macro in (False, True):
        found = linking.compare(better, worse, macro=macro)
        assert found.mean == pytest.approx(0.4)
        assert found.p < 0.01
        assert linking.compare(worse, better, macro=macro).mean == pytest.approx(-0.4)
    assert linking.compare(better, worse, metric="recall").mean == pytest.approx(0.4)
    with pytest.raises(ValueError, match="cannot be paired"):
        linking.compare(better, counted((1, 1, 1)))


def test_many_documents_take_little_memory():
    rows = np.random.default_rng(0).integers(0, 200, (20_000, 3))
    made = linking.micro_intervals(Counts(*rows.T), resamples=300)
    assert made.f1.high - made.f1.low < 0.02
