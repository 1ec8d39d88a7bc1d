"""What each criterion gives a fact, by hand; and their weighted sum."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kbtools import plugins
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.reader import gather
from kbtools.linkers.index.dense.hashing_encoder import HashingEncoder
from kbtools.trees import choosing
from kbtools.trees.choosing import Settings
from tests import tiny_linked
from tests.chosen_facts import chosen, facts_of, sentences, settings, told
from tests.letter_vectors import Letters

CITIES = [
    ("Rome", "is a", "city"),
    ("Rome", "country", "Italy"),
    ("Rome", "founder", "Romulus"),
    ("Pisa", "is a", "city"),
    ("Pisa", "country", "Italy"),
    ("Oslo", "is a", "city"),
]


def parts_of(facts, block, name, **more):
    """Score the facts of a block by one criterion; by relation and object."""
    asked = settings(by=(name,), **more)
    choosing.prepare(facts, asked, kb="tiny")
    found = choosing.scored(block, facts, asked)
    rows = told(facts, found.considered)
    return {
        (one[0], *one[1:3]): pytest.approx(score, abs=1e-6)
        for one, score in zip(rows, found.parts[name].tolist(), strict=True)
    }


def test_order_counts_from_the_first_fact(tmp_path):
    facts = facts_of(tmp_path, CITIES)
    block = sentences(facts, ("Rome", ["Rome"]))
    assert parts_of(facts, block, "order") == {
        (0, "is a", "city"): 1.0,
        (0, "country", "Italy"): 0.5,
        (0, "founder", "Romulus"): 1 / 3,
    }
    assert chosen(facts, block, settings()) == [(0, "is a", "city"), (0, "country", "Italy")]


def test_informativeness_by_hand(tmp_path):
    facts = facts_of(tmp_path, CITIES)  # 6 facts
    found = parts_of(facts, sentences(facts, ("Rome", ["Rome"])), "informativeness")
    assert found == {
        (0, "is a", "city"): 2 * math.log(6 / 3) / (2 * math.log(6)),
        (0, "country", "Italy"): 2 * math.log(6 / 2) / (2 * math.log(6)),
        (0, "founder", "Romulus"): 1.0,
    }


def test_values_that_are_no_entities_are_counted_by_their_text(tmp_path):
    facts = facts_of(tmp_path, CITIES[:2], [("Rome", "motto", "yes"), ("Italy", "motto", "yes")])
    found = parts_of(facts, sentences(facts, ("Rome", ["Rome"])), "informativeness")
    assert found[0, "motto", "yes"] == math.log(4 / 2) / math.log(4)


def test_preferred_goes_before_best_before_others(tmp_path):
    old, new, other = (("Rome", "mayor", name) for name in ("Ann", "Bob", "Cy"))
    facts = facts_of(tmp_path, [old, new, other], rank={new: 1}, best={old: False})
    found = parts_of(facts, sentences(facts, ("Rome", ["Rome"])), "rank")
    assert found == {(0, "mayor", "Ann"): 0.0, (0, "mayor", "Bob"): 1.0, (0, "mayor", "Cy"): 0.5}


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Rome, a CITY", 0.5),
        ("Rome is an old-city!", 0.0),
        ("Rome", 1.0),
        ("", 1.0),
        ("罗马的门", 1.0),
        ("cityold", 1.0),
    ],
)
def test_novelty_is_the_share_of_words_that_are_new(tmp_path, text, score):
    facts = facts_of(tmp_path, [("Rome", "is a", "old Cïty")])
    found = parts_of(facts, sentences(facts, ("old city", []), (text, ["Rome"])), "novelty")
    assert [*found.values()] == [score]


def test_novelty_of_chinese_is_by_character(tmp_path):
    facts = facts_of(tmp_path, [("天安门", "位于", "北京市"), ("天安门", "类型", "城门")])
    found = parts_of(facts, sentences(facts, ("天安門在北京。", ["天安门"]), ("他", ["天安门"])), "novelty")
    assert found == {
        (0, "位于", "北京市"): 1 / 3,
        (0, "类型", "城门"): 0.5,
        (1, "位于", "北京市"): 1.0,
        (1, "类型", "城门"): 1.0,
    }


def test_similarity_is_a_cosine(tmp_path):
    facts = facts_of(tmp_path, [("Rome", "fed", "a a b"), ("Rome", "fed", "c"), ("Rome", "fed", "")])
    asked = settings(by=("similarity",), predicate=False)
    choosing.prepare(facts, asked)
    block = sentences(facts, ("a b b", ["Rome"]))
    found = choosing.scored(block, facts, asked, Letters())
    scores = dict(
        zip(
            [one[2] for one in told(facts, found.considered)], found.parts["similarity"].tolist(), strict=True
        )
    )
    assert scores["a a b"] == pytest.approx(4 / 5)
    assert scores["c"] == 0


def test_our_own_encoder_will_do(tmp_path):
    facts = facts_of(tmp_path, [("Rome", "is a", "city"), ("Rome", "food", "pasta and pizza")])
    block = sentences(facts, ("in Rome they cook good pasta", ["Rome"]), ("Rome, the old city", ["Rome"]))
    asked = settings(1, by=("similarity",))
    assert chosen(facts, block, asked, encode=HashingEncoder()) == [
        (0, "food", "pasta and pizza"),
        (1, "is a", "city"),
    ]


def test_unexpectedness_is_what_text_does_not_tell(tmp_path):
    facts = facts_of(
        tmp_path,
        [("天安门", "位于", "北京"), ("天安门", "建于", "明朝"), ("天安门", "类型", "城门")],
        [("天安门", "高", "34米")],
    )
    names = facts.names(np.arange(4)).to_pylist()
    texts = ["天安门在北京", "北京天安门", "北京的明朝和天安门", "明朝", "城门", "北京"]
    documents = [
        tiny_linked.document(str(at), text, [
            tiny_linked.mention(text.index(name), text.index(name) + len(name), names.index(name))
            for name in names if name in text
        ])
        for at, text in enumerate(texts)
    ]  # fmt: skip
    linked = tiny_linked.write(tmp_path / "linked", [tmp_path / "kb"], documents)
    block = sentences(facts, ("天安门", ["天安门"]))
    # of 6 units 3 name 天安门, 4 北京 (3 both), 2 明朝 (1 both), 1 城门 (none)
    near = math.log((3 / 6) / ((3 / 6) * (4 / 6))) / -math.log(3 / 6)
    assert parts_of(facts, block, "unexpectedness", cooccurrence=str(linked)) == {
        (0, "位于", "北京"): -near, (0, "建于", "明朝"): 0.0,
        (0, "类型", "城门"): 1.0, (0, "高", "34米"): 0.0,
    }  # fmt: skip
    asked = settings(1, by=("unexpectedness",), cooccurrence=str(linked))
    assert chosen(facts, block, asked, kb="tiny") == [(0, "类型", "城门")]
    asked = settings(cooccurrence=str(linked), common=0.4)  # 天安门 is in half of the units
    assert chosen(facts, block, asked, kb="tiny") == []
    assert [one.kind for one in choosing.inputs(asked)] == ["linked"]


def test_weights_are_summed(tmp_path):
    facts = facts_of(tmp_path, CITIES)
    asked = settings(by=("order:-1", "informativeness:2"))
    choosing.prepare(facts, asked)
    found = choosing.scored(sentences(facts, ("Rome", ["Rome"])), facts, asked)
    expected = 2 * found.parts["informativeness"] - found.parts["order"]
    assert found.considered.score == pytest.approx(expected, abs=1e-6)
    assert (np.diff(found.considered.score) <= 0).all()


def test_links_to_another_release_are_not_counted(tmp_path):
    facts = facts_of(tmp_path, [("Rome", "is a", "city")])
    documents = [tiny_linked.document("a", "Rome", [tiny_linked.mention(0, 4, 0)])]
    linked = tiny_linked.write(tmp_path / "linked", [tmp_path / "kb"], documents)
    facts_of(tmp_path / "later", [("Oslo", "is a", "city")])
    asked, (later,) = settings(cooccurrence=str(linked)), gather([tmp_path / "later" / "kb"])
    with pytest.raises(ArtefactError, match="another release"):
        choosing.prepare(facts, asked, base=later)
    choosing.prepare(facts, asked, base=later, force=True)
    choosing.prepare(facts, asked, base=gather([tmp_path / "kb"])[0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"by": ("ordr",)}, "did you mean 'order'"),
        ({"by": ("order:much",)}, "write NAME or NAME:WEIGHT, such as order:0.5"),
        ({"by": ()}, "choice by nothing"),
        ({"by": ("unexpectedness",)}, "--cooccurrence"),
        ({"common": 0.5}, "--cooccurrence"),
        ({"per_relation": -1}, "per_relation is -1"),
        ({"considered": 0}, "considered is 0"),
    ],
)
def test_settings_that_do_not_fit(given, message):
    with pytest.raises(ConfigError, match=message):
        Settings(**given)


def test_similarity_needs_an_encoder(tmp_path):
    facts = facts_of(tmp_path, CITIES)
    asked = settings(by=("similarity",))
    choosing.prepare(facts, asked)
    with pytest.raises(ConfigError, match="--encoder"):
        choosing.choose(sentences(facts, ("Rome", ["Rome"])), facts, asked)


@pytest.mark.parametrize("name", plugins.names("kbtools.trees.choosing"))
def test_every_criterion_says_what_it_does(name):
    assert plugins.summary("kbtools.trees.choosing", name).endswith((".", ":"))
    found = plugins.load("kbtools.trees.choosing", name).CRITERION
    assert isinstance(found.of_sentence, bool)
