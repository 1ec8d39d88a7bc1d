"""Words with capitals side by side: which they are, names written on to their end, and what form tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.alias.schema import LEVELS
from kbtools.errors import ConfigError
from kbtools.linkers import capitals
from kbtools.linkers.base import KINDS, Block, no_mentions
from kbtools.linkers.features import form, popularity
from kbtools.linkers.mentions import runs
from tests.named_mentions import mentions_of
from tests.some_mentions import Said
from tests.some_mentions import mentions_of as said_of

NOBODY: Any = SimpleNamespace()


def found(*texts):
    block = Block(list(texts))
    made, whole = capitals.runs(block), "".join(texts)
    return [
        whole[made.begin[first] : made.end[last]] for first, last in zip(made.first, made.last, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("In Paris, and then in New York City.", ["Paris", "New York City"]),
        ("President Ronald Reagan met Sen. John Kerry.", ["Ronald Reagan", "John Kerry"]),
        ("The President spoke.", ["President"]),
        ("John L. Clendenin, W. Va and J. R. R. Tolkien", ["John L. Clendenin", "W. Va", "J. R. R. Tolkien"]),
        ("the University of Ulm and the Bank of the West", ["University of Ulm", "Bank", "West"]),
        ("O’Donnell's shop near London's Heathrow Airport", ["O’Donnell", "London", "Heathrow Airport"]),
        ("Procter & Gamble, AT&T Inc.", ["Procter & Gamble", "AT&T Inc"]),
        ("Jean-Paul Sartre Jr.", ["Jean-Paul Sartre Jr"]),
        ("He's here. I'll go. It didn't. They've left U.S. soil.", ["U.S"]),
        ("Yes. No. Paris. Rome", ["Paris", "Rome"]),
        ("in small letters, 1990, 中国人在这里", []),
        ("中国人 IBM 公司", ["IBM"]),
        ("", []),
    ],
)  # fmt: skip
def test_runs(text, wanted):
    assert found(text) == wanted


def test_runs_do_not_go_from_one_text_to_the_next():
    assert found("New", "York", "", "City Hall") == ["New", "York", "City Hall"]
    assert found("New ", "York") == ["New", "York"]


WORDS = st.sampled_from(
    ["Ann ", "of ", "U.S. ", "O'Brien ", "x ", "The ", "& ", "-", "Mr. ", "中", "\n", "A"]
)


@given(st.lists(st.lists(WORDS, max_size=12).map("".join), max_size=3))
def test_runs_are_in_order_and_begin_with_capitals(texts):
    block = Block(texts)
    made = capitals.runs(block)
    assert (made.first <= made.last).all()
    assert (made.last[:-1] < made.first[1:]).all()
    assert (made.begin < made.end).all()
    assert (np.diff(made.begin) > 0).all()  # of Chinese, neighbouring pairs overlap
    assert (np.diff(made.end) > 0).all()
    whole = "".join(texts)
    assert all(whole[at].isupper() for at in made.begin[made.first].tolist())
    around = capitals.inside(made, made.begin[made.first], made.end[made.last])
    assert not around.left.any()
    assert not around.right.any()
    assert around.run.tolist() == list(range(len(made.first)))


def names(text, known, **settings):
    block, mentions = mentions_of([text], {one: [(1, 1.0)] for one in known})
    made = runs.make(NOBODY, runs.Settings(**settings))(block, mentions)
    return [
        (text[start:end], int(count))
        for start, end, count in zip(made.start, made.end, made.lengths, strict=True)
    ]


def test_names_go_on_to_their_end():
    known, alone = ["Home Depot", "U.S", "Fruehauf"], {"unknown": False}
    text = "Home Depot Inc. left the U.S. and Fruehauf Corp, not Home Depot."
    wanted = [("Home Depot Inc.", 1), ("Home Depot", 1), ("U.S.", 1), ("U.S", 1), ("Fruehauf Corp", 1)]
    assert names(text, known, **alone) == [*wanted, ("Fruehauf", 1), ("Home Depot", 1)]
    assert names(text, known, dots=False, endings=False, **alone) == [
        (one, 1) for one in (*known, "Home Depot")
    ]
    assert names("the U.S", ["U.S"], **alone) == [("U.S", 1)]
    assert names("Fruehauf Corp", ["Fruehauf"], **alone) == [("Fruehauf Corp", 1), ("Fruehauf", 1)]


def test_parts_of_runs_are_left_out():
    text = "First Boston Corp is not in Boston. President Bush is."
    known, settings = ["Boston", "Bush"], {"unknown": False, "endings": False}
    assert names(text, known, **settings) == [("Boston", 1), ("Boston", 1), ("Bush", 1)]
    assert names(text, known, inside=False, **settings) == [("Boston", 1), ("Bush", 1)]


def test_runs_that_nobody_knows():
    text = "Kissinger met Bob Dylan, Boston and A, B, Big Red Blue Green Black Dog."
    assert names(text, ["Boston"]) == [("Kissinger", 0), ("Bob Dylan", 0), ("Boston", 1)]
    assert names(text, ["Boston"], most_words=1) == [("Kissinger", 0), ("Boston", 1)]
    made = runs.make(NOBODY, runs.Settings())(Block(["", "Bob"]), no_mentions())
    assert (made.text.tolist(), made.start.tolist(), made.end.tolist()) == ([1], [0], [3])
    assert made.kind.tolist() == [KINDS.index("dictionary")]
    assert not len(runs.make(NOBODY, runs.Settings())(Block([]), no_mentions()))


def doubts(text, *said, kind="dictionary", **settings):
    block = Block([text])
    mentions = said_of(block, said)
    mentions = mentions._replace(kind=np.full(len(said), KINDS.index(kind), np.uint8))
    return form.make(NOBODY, form.Settings(**settings))(block, mentions, {}).tolist()


def test_form_counts_each_doubt_for_all_candidates():
    text = "Officials said First Boston went home to Boston with beans. 中国"
    two = [(1, 0.5), (2, 0.5)]
    said = [
        Said(0, "Officials", two, level=LEVELS.index("case")),
        Said(0, "Boston", two), Said(0, "Boston", two, nth=1),
        Said(0, "beans", two, level=LEVELS.index("inflected")), Said(0, "中国", two),
    ]  # fmt: skip
    worth = {"inside": 4.0, "case": 2.0, "plural": 1.0, "small": 0.5, "first": 0.25}
    assert doubts(text, *said, **worth) == [-2.25, -2.25, -4, -4, 0, 0, -1.5, -1.5, 0, 0]
    assert doubts(text, *said, kind="gold", **worth) == [0] * 10


def test_popularity_is_a_logarithm_of_neighbours():
    degrees = np.array([0, 9, 99], np.uint32)
    profile = SimpleNamespace(
        degrees=degrees, rows=lambda _, eid: np.where(eid < 3, eid.astype(np.int64), -1)
    )
    knowledge: Any = SimpleNamespace(need_profile=lambda _: profile)
    block = Block(["a"])
    mentions = said_of(block, [Said(0, "a", [(0, 1.0), (1, 0.0), (2, 0.0), (7, 0.0)])])
    made = popularity.make(knowledge, popularity.Settings())(block, mentions, {})
    assert made.tolist() == pytest.approx([0, np.log(10), np.log(100), 0])
    made = popularity.make(knowledge, popularity.Settings(most=9))(block, mentions, {})
    assert made.tolist() == pytest.approx([0, np.log(10), np.log(10), 0])
    with pytest.raises(ConfigError, match="most"):
        popularity.Settings(most=0)
