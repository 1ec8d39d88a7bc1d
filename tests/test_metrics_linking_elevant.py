"""The rules of ELEVANT: optional labels, labels of nothing known, labels inside labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from kbtools.metrics import linking
from kbtools.metrics.linking import ANY, NIL
from tests import oracle_linking as oracle
from tests.oracle_linking import Said, laid


def counts(gold, system, *, required=False):
    ours, theirs = laid(gold), laid(system)
    return linking.elevant(ours, theirs, required=required).counts(ours, theirs, 1).rows.tolist()[0]


def at(entity, **more):
    return Said(0, 0, 5, entity, **more)


TABLE = [  # label, answer, counts where NIL is ignored, where it is required
    (at(7), at(7), [1, 0, 0], [1, 0, 0]),
    (at(7), at(8), [0, 1, 1], [0, 1, 1]),
    (at(7), at(NIL), [0, 0, 1], [0, 1, 1]),
    (at(7), None, [0, 0, 1], [0, 0, 1]),
    (at(NIL), at(8), [0, 1, 0], [0, 1, 1]),
    (at(NIL), at(NIL), [0, 0, 0], [1, 0, 0]),
    (at(NIL), None, [0, 0, 0], [0, 0, 1]),
    (at(7, optional=True), at(7), [0, 0, 0], [0, 0, 0]),
    (at(7, optional=True), at(8), [0, 1, 0], [0, 1, 0]),
    (at(7, optional=True), at(NIL), [0, 0, 0], [0, 1, 0]),
    (at(7, optional=True), None, [0, 0, 0], [0, 0, 0]),
    (at(ANY), at(8), [0, 0, 0], [0, 0, 0]),
    (at(ANY), at(NIL), [0, 0, 0], [0, 1, 0]),
    (at(ANY), None, [0, 0, 0], [0, 0, 0]),
    (None, at(8), [0, 1, 0], [0, 1, 0]),
    (None, at(NIL), [0, 0, 0], [0, 0, 0]),
    (at(7, others=(8,)), at(8), [1, 0, 0], [1, 0, 0]),
]


@pytest.mark.parametrize(("label", "answer", "ignored", "required"), TABLE)
def test_one_label_and_one_answer(label, answer, ignored, required):
    gold, system = [[one] if one else [] for one in (label, answer)]
    assert counts(gold, system) == ignored
    assert counts(gold, system, required=True) == required


def test_the_surest_of_several_answers_counts_and_the_others_are_wrong():
    system = [at(8, score=0.3), at(7, score=0.9), at(9, score=0.1)]
    assert counts([at(7)], system) == [1, 2, 0]


@given(oracle.golds(documents=1), oracle.systems(documents=1))
def test_flat_labels_are_judged_as_loops_do(gold, system):
    ours, theirs = laid(gold), laid(system)
    for required in (False, True):
        outcome = linking.elevant(ours, theirs, required=required)
        found, missed, wrong = oracle.elevant(gold, system, required=required)
        assert set(np.flatnonzero(outcome.found).tolist()) == found
        assert set(np.flatnonzero(outcome.missed).tolist()) == missed
        assert set(np.flatnonzero(outcome.wrong).tolist()) == wrong


# "Louis VIII, Landgrave of Hesse": the whole, and three inside.
WHOLE = [
    Said(0, 0, 30, 1),
    Said(0, 0, 10, 1, parent=0),
    Said(0, 12, 21, 2, parent=0),
    Said(0, 25, 30, 3, parent=0),
]
NESTED = [
    ("the whole", [Said(0, 0, 30, 1)], [1, 0, 0]),
    ("the whole and a part", [Said(0, 0, 30, 1), Said(0, 12, 21, 9)], [1, 0, 0]),
    ("all parts", [Said(0, 0, 10, 1), Said(0, 12, 21, 2), Said(0, 25, 30, 3)], [1, 0, 0]),
    ("two parts of three", [Said(0, 0, 10, 1), Said(0, 12, 21, 2)], [0, 0, 1]),
    ("a part is mistaken", [Said(0, 0, 10, 1), Said(0, 12, 21, 9), Said(0, 25, 30, 3)], [0, 1, 1]),
    ("nothing", [], [0, 0, 1]),
    ("the whole is mistaken", [Said(0, 0, 30, 9)], [0, 1, 1]),
    ("elsewhere", [Said(0, 5, 12, 9)], [0, 1, 1]),
]


@pytest.mark.parametrize(("said", "expected"), [row[1:] for row in NESTED], ids=[row[0] for row in NESTED])
def test_a_label_with_others_inside_counts_once(said, expected):
    assert counts(WHOLE, said) == expected


def test_deeper_levels_and_other_labels_beside_them():
    gold = [
        Said(0, 0, 30, 1), Said(0, 0, 20, 2, parent=0), Said(0, 0, 8, 3, parent=1),
        Said(0, 21, 30, 4, parent=0), Said(0, 40, 44, 5),
    ]  # fmt: skip
    assert counts(gold, [Said(0, 0, 8, 3), Said(0, 21, 30, 4), Said(0, 40, 44, 5)]) == [2, 0, 0]
    assert counts(gold, [Said(0, 0, 20, 2), Said(0, 21, 30, 4)]) == [1, 0, 1]
    assert counts(gold, [Said(0, 0, 20, 2)]) == [0, 0, 2]


def test_nothing_known_outside_and_something_inside():
    gold = [Said(0, 0, 30, NIL), Said(0, 12, 30, 2, parent=0)]
    assert counts(gold, []) == [0, 0, 0]
    assert counts(gold, [Said(0, 12, 30, 2)]) == [1, 0, 0]
    assert counts(gold, [Said(0, 12, 30, 9)]) == [0, 1, 1]


def test_an_optional_whole_with_parts_that_are_asked_for():
    gold = [Said(0, 0, 30, 1, optional=True), Said(0, 12, 30, 2, parent=0)]
    assert counts(gold, []) == [0, 0, 1]
    assert counts([gold[0], gold[1]._replace(optional=True)], []) == [0, 0, 0]


@given(oracle.golds())
def test_gold_given_back_is_all_right(gold):
    once = {one[:3]: one for one in gold}
    ours = laid(list(once.values()))
    said = laid([one for one in once.values() if one.entity >= 0])
    outcome = linking.elevant(ours, said)
    assert not outcome.missed.any()
    assert not outcome.wrong.any()
