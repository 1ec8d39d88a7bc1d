"""Scores of a system's answers: thresholds, the area without one, calibration; ranks of candidates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from kbtools.metrics import linking
from tests import oracle_linking as oracle
from tests.oracle_linking import Said, laid

SCORE = np.array([0.9, 0.8, 0.8, 0.3])
RIGHT = np.array([True, False, True, True])


def test_counts_at_every_threshold():
    swept = linking.sweep(SCORE, RIGHT, 5)
    assert swept.threshold.tolist() == [0.9, 0.8, 0.3]
    assert swept.counts.tolist() == [[1, 0, 4], [2, 1, 3], [3, 1, 2]]


def test_area_under_the_curve():
    assert linking.average_precision(linking.sweep(SCORE, RIGHT, 5), 5) == pytest.approx(
        0.2 * 1 + 0.2 * 2 / 3 + 0.2 * 3 / 4
    )
    everything = linking.sweep(np.array([0.5, 0.4]), np.array([True, True]), 2)
    assert linking.average_precision(everything, 2) == 1.0
    assert linking.average_precision(linking.sweep(SCORE[:0], RIGHT[:0], 3), 3) == 0.0
    assert math.isnan(linking.average_precision(linking.sweep(SCORE, ~RIGHT, 0), 0))


def test_the_best_threshold_is_the_highest_of_equals():
    assert linking.best(linking.sweep(SCORE, RIGHT, 5)) == 0.3
    assert linking.best(linking.sweep(np.array([0.9, 0.2]), np.array([True, False]), 1)) == 0.9
    assert linking.best(linking.sweep(np.array([0.9, 0.2]), np.array([False, False]), 1)) == 0.9
    assert linking.best(linking.sweep(SCORE[:0], RIGHT[:0], 1)) == linking.ALL


@given(oracle.golds(), oracle.systems())
def test_a_sweep_is_an_evaluation_at_each_threshold(gold, system):
    ours, theirs = laid(gold), laid(system)
    for weak, place in ((False, oracle.same), (True, oracle.overlap)):
        right = linking.right_by_score(ours, theirs, weak=weak)

        def fits(one, two, at=place):
            return at(one, two) and oracle.agree(one, two)

        assert right.tolist() == oracle.right_by_score(gold, system, fits)
        swept = linking.sweep(theirs.score, right, len(gold))
        for threshold, counted in zip(swept.threshold, swept.counts.tolist(), strict=True):
            kept = [one for one in system if one.score >= threshold]
            tp = sum(oracle.right_by_score(gold, kept, fits))
            assert counted == [tp, len(kept) - tp, len(gold) - tp]
            above = linking.counts_above(ours, theirs, right, float(threshold), 3)
            assert above.rows.sum(axis=0).tolist() == counted


def test_no_document_picks_its_own_threshold():
    fold = np.array([0, 1])
    gold = laid([Said(0, 0, 1, 7), Said(1, 0, 1, 7)])
    system = laid(
        [Said(0, 0, 1, 7, 0.9), Said(0, 5, 6, 7, 0.4), Said(1, 0, 1, 7, 0.4), Said(1, 5, 6, 7, 0.3)]
    )
    right = linking.right_by_score(gold, system)
    assert right.tolist() == [True, False, True, False]
    assert linking.picked(gold, system, right, fold).tolist() == [0.4, 0.9]
    each = linking.picked(gold, system, right, fold)[fold[system.doc]]
    assert linking.counts_above(gold, system, right, each, 2).rows.tolist() == [[1, 1, 0], [0, 0, 1]]
    oracle_counts = linking.counts_above(gold, system, right, 0.4, 2)
    assert linking.micro(oracle_counts).f1 == pytest.approx(0.8)  # the best that any one threshold gives


def test_folds_are_of_one_size_and_come_again():
    fold = linking.folds(10, 4, seed=1)
    assert sorted(np.bincount(fold).tolist()) == [2, 2, 3, 3]
    assert fold.tolist() == linking.folds(10, 4, seed=1).tolist()
    assert linking.folds(0, 4).size == 0


def test_calibration_by_hand():
    bins = linking.reliability(np.array([0.0, 0.1, 0.55, 0.95, 1.0]), np.array([0, 1, 1, 1, 0]) > 0, 2)
    assert bins.said.tolist() == pytest.approx([0.05, 2.5 / 3])
    assert bins.right.tolist() == pytest.approx([0.5, 2 / 3])
    assert bins.n.tolist() == [2, 3]
    assert linking.calibration_error(bins) == pytest.approx((2 * 0.45 + 3 * (2.5 / 3 - 2 / 3)) / 5)
    perfect = linking.reliability(np.array([1.0, 1.0, 0.0]), np.array([True, True, False]))
    assert linking.calibration_error(perfect) == 0.0
    assert math.isnan(linking.calibration_error(linking.reliability(SCORE[:0], RIGHT[:0])))


def test_ranks_of_candidates_by_hand():
    gold = laid([Said(0, 0, 5, 7), Said(0, 9, 12, 8, others=(6,)), Said(0, 20, 22, 7), Said(0, 30, 31, -1)])
    system = laid(
        [
            Said(0, 0, 5, 9, candidates=(9, 5, 7)),
            Said(0, 0, 5, 9, candidates=(9, 7)),
            Said(0, 9, 12, 5, candidates=(5, 6, 8)),
            Said(0, 20, 23, 7, candidates=(7,)),
            Said(0, 30, 31, 2, candidates=(2,)),
        ]
    )
    assert linking.candidate_ranks(gold, system).tolist() == [2, 2, 0, 0]


@given(oracle.golds(), oracle.systems())
def test_ranks_of_candidates_are_those_of_loops(gold, system):
    expected = [oracle.candidate_rank(one, system) for one in gold]
    assert linking.candidate_ranks(laid(gold), laid(system)).tolist() == expected
