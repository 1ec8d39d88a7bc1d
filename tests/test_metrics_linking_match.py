"""Which annotations count as right: strong and weak, spans alone, sets of entities, NIL, doubles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from kbtools.metrics import linking
from kbtools.metrics.linking import ANY, NIL
from tests import oracle_linking as oracle
from tests.oracle_linking import Said, laid


def tables(outcome, gold, system, documents=3):
    return outcome.counts(gold, system, documents).rows.tolist()


def a2kb(gold, system, *, weak=False, documents=3):
    ours, theirs = laid(gold), laid(system)
    return tables(linking.a2kb(ours, theirs, weak=weak), ours, theirs, documents)


GOLD = [Said(0, 0, 5, 7), Said(0, 10, 14, NIL), Said(1, 3, 6, 8)]


def test_the_same_again_is_right_everywhere():
    assert a2kb(GOLD, GOLD) == [[2, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert a2kb(GOLD, GOLD, weak=True) == [[2, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_a_shift_by_one_character_leaves_nothing_right_but_weakly():
    shifted = [one._replace(start=one.start + 1, end=one.end + 1) for one in GOLD]
    assert a2kb(GOLD, shifted) == [[0, 2, 2], [0, 1, 1], [0, 0, 0]]
    assert a2kb(GOLD, shifted, weak=True) == [[2, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_another_document_is_another_place():
    moved = [one._replace(doc=2) for one in GOLD]
    assert a2kb(GOLD, moved, weak=True) == [[0, 0, 2], [0, 0, 1], [0, 3, 0]]


def test_touching_is_not_overlapping():
    assert a2kb([Said(0, 0, 5, 7)], [Said(0, 5, 9, 7)], weak=True, documents=1) == [[0, 1, 1]]


def test_what_is_said_twice_is_wrong_once():
    assert a2kb([Said(0, 0, 5, 7)], [Said(0, 0, 5, 7)] * 2, documents=1) == [[1, 1, 0]]
    assert a2kb([Said(0, 0, 5, 7)] * 2, [Said(0, 0, 5, 7)], documents=1) == [[1, 0, 1]]


def test_one_long_answer_is_right_about_one_of_two():
    gold = [Said(0, 0, 3, 7), Said(0, 4, 8, 7)]
    assert a2kb(gold, [Said(0, 0, 8, 7)], weak=True, documents=1) == [[1, 0, 1]]


@pytest.mark.parametrize(
    ("said", "right", "expected"),
    [(NIL, NIL, [1, 0, 0]), (NIL, 7, [0, 1, 1]), (7, NIL, [0, 1, 1]), (NIL, ANY, [1, 0, 0])],
)
def test_nil_is_right_where_nothing_is_known(said, right, expected):
    assert a2kb([Said(0, 0, 5, right)], [Said(0, 0, 5, said)], documents=1) == [expected]


def test_any_of_several_right_entities_will_do():
    gold = [Said(0, 0, 5, 7, others=(8, 9))]
    assert a2kb(gold, [Said(0, 0, 5, 9)], documents=1) == [[1, 0, 0]]
    assert a2kb(gold, [Said(0, 0, 5, 6)], documents=1) == [[0, 1, 1]]


def test_spans_alone():
    gold, system = laid([Said(0, 0, 5, 7), Said(0, 0, 5, 8)]), laid([Said(0, 0, 5, 1), Said(0, 6, 8, 1)])
    gold, system = gold.take(linking.spans(gold)), system.take(linking.spans(system))
    assert len(gold) == 1
    assert tables(linking.erec(gold, system), gold, system, 1) == [[1, 1, 0]]


def test_sets_of_entities():
    gold = laid([Said(0, 0, 5, 7), Said(0, 9, 12, 7), Said(0, 20, 22, 8, others=(5,)), Said(0, 30, 31, NIL)])
    system = laid(
        [Said(0, 50, 51, 7), Said(0, 1, 2, 5), Said(0, 2, 3, 5), Said(0, 3, 4, 6), Said(0, 4, 5, NIL)]
    )
    gold, system = gold.take(linking.entities(gold)), system.take(linking.entities(system))
    assert (len(gold), len(system)) == (2, 3)
    assert tables(linking.c2kb(gold, system), gold, system, 1) == [[2, 1, 0]]


def test_gold_spans_given():
    gold = laid([Said(0, 0, 5, 7), Said(0, 9, 12, NIL)])
    system = laid([Said(0, 0, 5, 6), Said(0, 0, 5, 7), Said(0, 9, 12, 3), Said(0, 20, 22, 7)])
    assert linking.on_gold_spans(gold, system).tolist() == [True, False, True, False]
    assert linking.gs_in_kb(gold, system).tolist() == [True, True, False, False]


def test_nothing_at_all():
    none = laid([])
    for outcome in (
        linking.a2kb(none, none), linking.a2kb(none, none, weak=True), linking.c2kb(none, none),
        linking.erec(none, none), linking.elevant(none, none),
    ):  # fmt: skip
        assert tables(outcome, none, none, 1) == [[0, 0, 0]]


def test_rows_can_be_taken_with_all_that_belongs_to_them():
    nested = laid(
        [
            Said(0, 0, 9, 1),
            Said(0, 0, 2, 2, parent=0, others=(3, 4)),
            Said(0, 3, 5, 5, parent=0, candidates=(6,)),
        ]
    )
    kept = nested.take([2, 0])
    assert (kept.entity.tolist(), kept.parent.tolist()) == ([5, 1], [1, -1])
    assert kept.candidates.values.tolist() == [6]
    assert nested.take([False, True, False]).parent.tolist() == [-1]
    assert nested.take([1]).others.values.tolist() == [3, 4]
    with pytest.raises(ValueError, match="different lengths"):
        linking.annotate([0], [0], [1, 2], [0])


@given(oracle.golds(), oracle.systems())
def test_pairing_is_that_of_loops(gold, system):
    ours, theirs = laid(gold), laid(system)
    for weak, place in ((False, oracle.same), (True, oracle.overlap)):
        used = oracle.greedy(gold, system, lambda one, two, at=place: at(one, two) and oracle.agree(one, two))
        outcome = linking.a2kb(ours, theirs, weak=weak)
        assert tables(outcome, ours, theirs) == oracle.counts(gold, system, used, 3)
        assert {row: int(outcome.answer[row]) for row in np.flatnonzero(outcome.found)} == used
        spans = oracle.greedy(gold, system, place)
        assert tables(linking.erec(ours, theirs, weak=weak), ours, theirs) == oracle.counts(
            gold, system, spans, 3
        )
    back = oracle.greedy(system, gold, oracle.same)
    assert set(np.flatnonzero(linking.on_gold_spans(ours, theirs)).tolist()) == set(back)


@given(oracle.golds(), oracle.systems())
def test_sets_are_those_of_loops(gold, system):
    def distinct(said):
        first: dict[tuple[int, int], Said] = {}
        for one in said:
            if one.entity >= 0:
                first.setdefault((one.doc, one.entity), one)
        return list(first.values())

    ours, theirs = laid(gold), laid(system)
    ours, theirs = ours.take(linking.entities(ours)), theirs.take(linking.entities(theirs))
    gold, system = distinct(gold), distinct(system)
    used = oracle.greedy(gold, system, lambda one, two: one.doc == two.doc and oracle.agree(one, two))
    assert tables(linking.c2kb(ours, theirs), ours, theirs) == oracle.counts(gold, system, used, 3)


@given(oracle.golds())
def test_gold_given_back_is_all_right(gold):
    ours = laid(gold)
    for weak in (False, True):
        outcome = linking.a2kb(ours, ours, weak=weak)
        if not weak:  # overlapping gold may be answered by its neighbour
            assert outcome.found.all()
            assert not outcome.wrong.any()
    assert linking.erec(ours, ours).found.all()


def test_a_long_run_of_overlaps_takes_linear_time():
    many = 100_000
    starts = np.arange(many)
    gold = linking.annotate(np.zeros(many), starts, starts + 2, np.zeros(many))
    outcome = linking.a2kb(gold, gold, weak=True)
    assert outcome.found.all()
