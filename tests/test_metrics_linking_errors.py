"""Each annotation gets one class: what went wrong with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from kbtools.metrics import linking
from kbtools.metrics.linking import NIL, Hints
from tests import oracle_linking as oracle
from tests.oracle_linking import Said, laid

NAMES = list(linking.CLASSES)


def classes(gold, system, hints=None, judge=linking.a2kb):
    ours, theirs = laid(gold), laid(system)
    found = linking.classify(ours, theirs, judge(ours, theirs), hints)
    return [[NAMES[code] for code in codes] for codes in found]


def at(entity, **more):
    return Said(0, 0, 5, entity, **more)


@pytest.mark.parametrize(
    ("gold", "said", "expected"),
    [
        (at(7), at(7), "right"),
        (at(NIL), at(NIL), "right"),
        (at(NIL), at(8), "NIL not told"),
        (at(7), at(NIL), "NIL told"),
        (at(7), at(8, candidates=(8, 9)), "no candidate"),
        (at(7), at(8, candidates=(8, 7)), "wrong candidate"),
        (at(7, others=(9,)), at(8, candidates=(8, 9)), "wrong candidate"),
        (at(7), at(8), "wrong entity"),
        (at(7), Said(0, 2, 9, 7), "wrong span"),
    ],
)
def test_one_and_its_answer_share_a_class(gold, said, expected):
    assert classes([gold], [said]) == [[expected], [expected]]


def test_what_is_missed_and_what_is_made_up():
    assert classes([at(7)], [Said(0, 20, 22, 7)]) == [["missed"], ["spurious"]]
    assert classes([at(NIL)], []) == [["NIL left alone"], []]
    hints = Hints(gold_lower=np.array([True]), system_lower=np.array([True]))
    assert classes([at(NIL)], [Said(0, 20, 22, 7)], hints)[0] == ["NIL left alone"]
    assert classes([at(7)], [Said(0, 20, 22, 7)], hints) == [["missed, lower case"], ["spurious, lower case"]]


def test_said_twice():
    assert classes([at(7)], [at(7), at(7), at(8)]) == [["right"], ["right", "twice", "twice"]]


def test_beside_a_right_answer_a_wrong_span_is_one():
    gold, system = [at(7), Said(0, 6, 9, 8)], [at(7), Said(0, 4, 9, 8)]
    assert classes(gold, system) == [["right", "wrong span"], ["right", "wrong span"]]


def test_a_right_answer_nearby_does_not_make_a_wrong_span():
    gold, system = [Said(0, 0, 9, 7), Said(0, 4, 9, 8)], [Said(0, 4, 9, 8)]
    assert classes(gold, system) == [["missed", "right"], ["right"]]


def test_what_knowledge_bases_tell():
    gold, system = [at(7)], [at(8, candidates=(8, 7))]
    yes, no = np.array([True]), np.array([False])
    assert classes(gold, system, Hints(popular=np.array([8])))[0] == ["rare"]
    assert classes(gold, system, Hints(popular=np.array([7])))[0] == ["wrong candidate"]
    assert classes(gold, system, Hints(popular=np.array([8]), gold_partial=yes))[0] == ["partial name"]
    metonymy = Hints(popular=np.array([8]), gold_partial=yes, gold_placelike=no, system_place=yes)
    assert classes(gold, system, metonymy)[0] == ["other kind"]
    assert classes(gold, system, metonymy._replace(gold_placelike=yes))[0] == ["partial name"]
    assert classes(gold, [at(8, candidates=(8,))], metonymy)[0] == ["no candidate"]


def test_what_need_not_be_found():
    gold, system = (
        [at(7, optional=True), Said(0, 9, 12, NIL)],
        [at(7), Said(0, 9, 12, 8), Said(0, 20, 22, NIL)],
    )
    assert classes(gold, system, judge=linking.elevant) == [
        ["not asked", "not asked"], ["not asked", "NIL not told", "not asked"],
    ]  # fmt: skip


@given(oracle.golds(), oracle.systems())
def test_classes_agree_with_the_counts(gold, system):
    ours, theirs = laid(gold), laid(system)
    for outcome in (
        linking.a2kb(ours, theirs), linking.a2kb(ours, theirs, weak=True), linking.elevant(ours, theirs),
    ):  # fmt: skip
        found = linking.classify(ours, theirs, outcome)
        right, not_asked = NAMES.index("right"), NAMES.index("not asked")
        assert ((found.gold == right) == outcome.found).all()
        assert ((found.gold == not_asked) == ~(outcome.found | outcome.missed)).all()
        assert (np.isin(found.system, [right, not_asked]) == ~outcome.wrong).all()
        if len({one[:3] for one in gold}) == len(gold):  # ELEVANT lets one answer serve several labels
            assert (found.system == right).sum() == outcome.found.sum()
