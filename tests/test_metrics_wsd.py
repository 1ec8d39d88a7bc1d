"""Word senses scored by hand, and the accuracy of the first sense on real data, which is known exactly."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import corpus
from kbtools.metrics import wsd

KEYS = st.lists(st.sampled_from("abcd"), max_size=3)
PAIRS = st.lists(st.tuples(KEYS, KEYS), min_size=1, max_size=30)


def test_precision_is_of_the_answers_and_recall_of_all_instances():
    gold = [["a"], ["b"], ["c"], ["d"], ["e", "f"]]
    answers = [["a"], ["x"], [], ["d"], ["f"]]
    found = wsd.score(gold, answers)
    assert found.precision.mean == 3 / 4
    assert found.recall.mean == 3 / 5
    assert found.f1.mean == pytest.approx(2 * (3 / 4) * (3 / 5) / (3 / 4 + 3 / 5))
    assert (found.instances, found.answered, found.unscored) == (5, 4, 0)


def test_several_senses_share_the_credit():
    told = wsd.earned([["a", "b"], ["c"], ["d"]], [["a", "b"], ["c", "x"], ["d", "d"]])
    assert told.credit.tolist() == [1, 0.5, 1]


def test_what_has_no_gold_is_not_counted():
    found = wsd.score([["a"], []], [["a"], ["b"]])
    assert (found.f1.mean, found.instances, found.answered, found.unscored) == (1, 1, 1, 1)


def test_no_answer_at_all_and_no_instance_at_all():
    found = wsd.score([["a"], ["b"]], [[], []])
    assert math.isnan(found.precision.mean)
    assert (found.recall.mean, found.f1.mean) == (0, 0)
    found = wsd.score([], [])
    assert (found.instances, found.unscored) == (0, 0)
    assert math.isnan(found.f1.mean)


def test_groups_add_up_and_keep_their_names():
    gold = [["a%1:00:00::"], ["b%2:00:00::"], ["c%5:00:00::"], []]
    pos = ["NOUN", "VERB", "ADJ", ""]
    found = wsd.by_group(gold, [["a%1:00:00::"], ["x"], [], ["y"]], pos)
    assert {name: (one.f1.mean, one.instances, one.unscored) for name, one in found.items() if name} == {
        "ADJ": (0, 1, 0), "NOUN": (1, 1, 0), "VERB": (0, 1, 0),
    }  # fmt: skip
    assert (found[""].instances, found[""].unscored) == (0, 1)


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="1 answers to 2 instances"):
        wsd.score([["a"], ["b"]], [["a"]])
    with pytest.raises(ValueError, match="1 groups of 2"):
        wsd.by_group([["a"], ["b"]], [["a"], ["b"]], ["NOUN"])
    with pytest.raises(ValueError, match="different instances"):
        wsd.compare(wsd.earned([["a"], []], [["a"], []]), wsd.earned([[], ["a"]], [[], ["a"]]))


@given(PAIRS)
def test_gold_as_the_answer_is_right_and_scores_are_those_of_a_plain_loop(pairs):
    gold, answers = [one for one, _ in pairs], [one for _, one in pairs]
    same = wsd.score(gold, gold, resamples=20)
    assert not same.instances or same.precision.mean == same.recall.mean == same.f1.mean == 1
    right, tried, size = 0.0, 0, 0
    for one, told in pairs:
        size += bool(one)
        if one and told:
            tried += 1
            right += sum(key in one for key in set(told)) / len(set(told))
    found = wsd.score(gold, answers, resamples=20)
    assert (found.instances, found.answered) == (size, tried)
    if size:
        assert found.recall.mean == pytest.approx(right / size)
        assert found.f1.low <= found.f1.high
    if tried:
        assert found.precision.mean == pytest.approx(right / tried)


def test_intervals_hold_the_mean_and_narrow_with_more_instances():
    few = wsd.score([["a"]] * 40, [["a"], ["x"]] * 20)
    many = wsd.score([["a"]] * 4000, [["a"], ["x"]] * 2000)
    assert few.f1.low < 0.5 < few.f1.high
    assert many.f1.high - many.f1.low < (few.f1.high - few.f1.low) / 5
    # of a share of 1/2 among 4000: 1.96 standard errors to both sides
    assert many.f1.high - many.f1.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(4000), rel=0.15)


def test_systems_are_compared_on_the_same_instances():
    gold = [["a"]] * 200
    good = wsd.earned(gold, [["a"]] * 150 + [[]] * 50)
    bad = wsd.earned(gold, [["a"]] * 100 + [["x"]] * 100)
    gap = wsd.compare(good, bad)
    assert gap.mean == pytest.approx(2 * 150 / 350 - 100 / 200)
    assert gap.low < gap.mean < gap.high
    assert gap.p < 0.01
    back = wsd.compare(bad, good)
    assert back.mean == pytest.approx(-gap.mean)
    assert back.p == gap.p
    assert wsd.compare(good, good).p == 1


def test_the_first_sense_scores_what_is_published(realdata):
    first: dict[str, str] = {}
    for line in next(realdata.glob("wordnet/princeton-3.0/**/index.sense")).read_text().splitlines():
        key, _, number, _ = line.split()
        lemma, _, kind = key.partition("%")
        if number == "1":
            first[lemma + "%" + kind[0].replace("5", "3")] = key
    digits = {"NOUN": "1", "VERB": "2", "ADJ": "3", "ADV": "4"}
    scores = {}
    for name in ("senseval2", "semeval2007"):
        gold, answers = [], []
        path = realdata / f"wsd/raganato/{name}/{name}.data.xml"
        for batch in corpus.documents(f"raganato:{path}"):
            for link in (link for links in batch["links"].to_pylist() for link in links):
                gold.append([link["id"], *(link["others"] or [])])
                lemma = json.loads(link["extra"])["lemma"].lower()
                answer = first.get(f"{lemma}%{digits[link['type']]}")
                answers.append([answer] if answer else [])
        assert Counter(map(bool, gold)) == {True: len(gold)}
        scores[name] = np.round(100 * wsd.score(gold, answers).f1.mean, 1)
    assert scores == {"senseval2": 66.8, "semeval2007": 55.2}
