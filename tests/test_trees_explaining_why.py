"""Why a sentence has the branches it has: what is told is what is made, and each reason is named."""

from __future__ import annotations

import pytest

from kbtools import api
from kbtools.errors import ConfigError
from tests import grown_trees

FACTS = [
    ("Cook", "CEO", "Apple"),
    ("Cook", "born in", "Mobile"),
    ("Cook", "studied at", "Duke"),
    ("Beijing", "capital", "China"),
    ("Beijing", "is_a", "City"),
    ("北京", "首都", "中国"),
    ("York", "river", "Ouse"),
]
SENTENCE = "Tim Cook is visiting Beijing now"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("why")


@pytest.fixture(scope="module")
def base(room):
    return grown_trees.kb(room, FACTS)


def explain(base, text=SENTENCE, **options):
    return api.explain_tree(text, kbs=[base], **options)


def told(found, surface):
    (mention,) = [one for one in found.mentions if one.surface == surface]
    return {one.text: one.number or one.why for one in mention.branches}


def test_what_is_told_is_what_is_made(room, base):
    for options in ({}, {"max_length": 12}, {"policy": "reference"}, {"max_entities": 1, "predicate": False}):
        found = explain(base, **options).tree
        (row,) = grown_trees.grow(room, SENTENCE, base, **options)
        for name in ("tokens", "soft", "branch", "word", "segment"):
            assert getattr(found, name) == row[name], (options, name)


def test_every_fact_of_every_entity(base):
    found = explain(base)
    assert told(found, "Cook") == {
        "CEO Apple": 1,
        "born in Mobile": 2,
        "studied at Duke": "over max_entities, which is 2",
    }
    assert told(found, "Beijing") == {"capital China": 3, "is_a City": 4}
    cook = found.mentions[0]
    assert (cook.entity, cook.label, cook.p, cook.word) == ("Cook", "Cook", 1.0, 2)
    first = cook.branches[0]
    assert (first.relation, first.tail, first.tail_label, first.score) == ("CEO", "Apple", "Apple", None)


def test_no_room_says_how_much_was_needed_and_left(base):
    found = explain(base, max_length=13)  # eight of the sentence; five are left
    assert told(found, "Cook") == {
        "CEO Apple": 1,
        "born in Mobile": 2,
        "studied at Duke": "over max_entities, which is 2",
    }
    assert told(found, "Beijing") == {
        "capital China": "no room (needs 2, 0 left)",
        "is_a City": "no room (needs 2, 0 left)",
    }


def test_what_the_reference_cuts_is_cut_off(base):
    found = explain(base, "北京了", policy="reference", max_length=4, tokens="characters")
    assert found.lost == 1
    assert told(found, "北京") == {"首都中国": 1}
    gone = explain(base, "去北京", policy="reference", max_length=4)
    assert told(gone, "北京") == {"首都中国": "no room (cut off)"}


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        ({"deny": ["CEO"]}, "relation denied"),
        ({"allow": ["is_a"]}, "relation not allowed"),
        ({"deny_entities": ["Cook"]}, "entity denied"),
        ({"deny_objects": ["Apple"]}, "object denied"),
        ({"by": ["informativeness"], "least": 9.0}, "score 1.00 below 9.0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reasons(base, choice, why):
    assert told(explain(base, choice=choice), "Cook")["CEO Apple"].startswith(why[:8])


def test_scores_come_with_what_they_are_made_of(base):
    found = explain(base, choice={"by": ["rank", "novelty:0.5"]})
    one = found.mentions[0].branches[0]
    assert set(one.parts) == {"rank", "novelty"}
    assert one.score == pytest.approx(one.parts["rank"] + 0.5 * one.parts["novelty"])


def test_names_without_facts_and_names_cut_off_are_told(base):
    found = explain(base, "Apple and Cook and York", max_length=6)
    why = {one.surface: one.why for one in found.mentions if not one.branches}
    assert why["Apple"] == "a name of something that the knowledge base says nothing about"
    assert why["York"] == "mention cut off"
    assert found.lost


def test_another_spelling(base):
    exact = explain(base, "COOK", match="exact")
    (one,) = exact.mentions
    assert one.why == "known in another spelling only; -o match=any takes those"
    (one,) = explain(base, "cook").mentions
    assert one.why == "known in another spelling, and without a capital letter here"


def test_pairs(base):
    found = explain(base, "Cook", second="Beijing")
    assert found.text == "Cook\nBeijing"
    assert [found.tree.segment[found.tree.tokens.index(one)] for one in ("Cook", "Beijing")] == [0, 1]


def test_a_sentence_without_anything(base):
    assert explain(base, "").mentions == []
    assert explain(base, "\ud800 nobody").tree.branch == [0] * 4


def test_the_knowledge_base_is_needed():
    with pytest.raises(ConfigError, match="--kb is missing"):
        api.explain_tree("x")
