"""A scan finds what a look-up of every pair of boundaries finds."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.alias.scanning.scan import scan, stream
from kbtools.alias.schema import LEVELS
from tests.oracle_scan import brute_force, compiled, lookup


def found(tables, *texts):
    spans = scan(tables.arrays, texts)
    norms = list(tables.names)
    return [
        (text, start, end, norms[norm], LEVELS[level])
        for text, start, end, norm, level in zip(
            spans.text.tolist(), spans.start.tolist(), spans.end.tolist(), spans.norm.tolist(),
            spans.level.tolist(), strict=True,
        )
    ]  # fmt: skip


def names(tables, text):
    return [(text[start:end], level) for _, start, end, _, level in found(tables, text)]


WORDS = [
    "new", "New York", "york", "Left Paris", "left", "Who? Me", "who", "É", "Ile", "l'Île", "U.S.", "Obama",
    "NATO", "Nato", "North Atlantic Treaty Organization", "a b c d e f", "b c", "city", "day", "中国",
    "中国人", "人民", "長城", "东京", "トヨタ", "ガス", "삼성", "삼성 전자", "محمد", "محمد علي",
    "ไทย", "กรุงเทพ", "👍", "iPhone 手机", "株式会社", "Spider-Man", "O'Hara", "McDonald's", "½", "ﬁn",
    "Straße", "is", "bus", "s", "Yahoo!", ".NET", ".NET Core", "(a) b?", "'a' b", "!!!", "?", "「中国」",
    "b.", "…",
]  # fmt: skip
PIECES = [
    *WORDS, "cities", "days", "obama's", "O’Hara’s", "中 国", "萬里", "北京大学", "é", "e\u0301", "ー", "ｶﾞ",
    "ス", "삼", "의", "을", "ไ", "ท", "ำ", "กิ", "م\u064f", "\u200b", "\u200d", "\u0301", "🏽", "\ud800", "\0",
    "…", "㍿", "¼", "x", "buses", "  ", "\n\n", "\n \n", ". ", "'s", "’s ", "s ", " the ", "\r\n", "\r\n\r\n",
    "!!", "Yahoo", "NET", "\ufe0f", "אּ", "ُ", *" ,.;:!?'-()「」。、\n\r\t\f\u2029\u00a0　",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.sampled_from(" "), max_size=14).map("".join)
aliases = st.lists(
    st.sampled_from(WORDS) | st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join),
    max_size=12,
)


@given(some=st.lists(texts, max_size=4), surfaces=aliases)
@settings(max_examples=400, deadline=None)
def test_a_scan_is_a_look_up_of_all_spans(some, surfaces):
    tables = compiled(surfaces)
    expected = [
        (at, *match) for at, text in enumerate(some) for match in brute_force(partial(lookup, tables), text)
    ]
    assert found(tables, *some) == expected


@given(some=st.lists(texts, max_size=4), surfaces=aliases, least=st.integers(2, 4))
@settings(max_examples=200, deadline=None)
def test_without_short_names_the_others_are_the_same(some, surfaces, least):
    arrays = compiled(surfaces).arrays
    spans = scan(arrays, some)
    expected = spans.take(np.flatnonzero(spans.end - spans.start >= least))
    for mine, theirs in zip(scan(arrays, some, least), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("surfaces", "text", "expected"),
    [
        (["Left Paris"], "He left. Paris was", []),
        (["Left Paris"], "He left Paris", [("left Paris", "norm")]),
        (["Who? Me"], "WHO? ME", [("WHO? ME", "case")]),
        (["Who? Me"], "Who? Me!", [("Who? Me", "exact")]),
        (["Who? Me!"], "Who? Me!", [("Who? Me!", "exact")]),
        (["Obama", "McDonald's"], "Obama’s McDonald's", [("Obama", "exact"), ("McDonald's", "exact")]),
        (["city", "New York"], "New\nYork cities", [("New\nYork", "exact"), ("cities", "inflected")]),
        (["New York"], "New\n \nYork, new york", [("new york", "norm")]),
        (["中国", "中国人", "人民"], "中国人民", [("中国", "exact"), ("中国人", "exact"), ("人民", "exact")]),
        (["长城"], "萬里長城！", [("長城", "folded")]),
        (["삼성"], "삼성은 크다", [("삼성", "exact")]),
        (["삼성"], "삼성's", [("삼성", "exact")]),
        (["ไทย"], "เมืองไทยนี้", [("ไทย", "exact")]),
        (["U.S."], "the U.S. army", [("U.S.", "exact")]),
        (["U.S."], "in the U.s.", [("U.s.", "case")]),
        (["Apple Inc.", "Apple Inc"], "Apple Inc. is", [("Apple Inc.", "exact")]),
        (["Apple Inc."], "Apple Inc, is", [("Apple Inc", "norm")]),
        (["Yahoo!"], "Yahoo, YAHOO! Yahoo!!", [("Yahoo", "norm"), ("YAHOO!", "case"), ("Yahoo!", "exact")]),
        (["Yahoo!", "Yahoo"], "Yahoo! Yahoo", [("Yahoo!", "exact"), ("Yahoo", "exact")]),
        (["YAHOO", "Yahoo!"], "YAHOO!", [("YAHOO", "exact")]),
        ([".NET", ".NET Core"], "'.NET Core'", [(".NET", "exact"), (".NET Core", "exact")]),
        (["'Allo 'Allo!"], "\"'Allo 'Allo!\"", [("'Allo 'Allo!", "exact")]),
        (
            ["(What's the Story) Morning Glory?"] * 2,
            "(What’s the Story) Morning Glory?!",
            [("What’s the Story) Morning Glory", "norm")],
        ),
        (
            ["(What's the Story) Morning Glory?"],
            "(WHAT'S the Story) Morning Glory?!",
            [("(WHAT'S the Story) Morning Glory?", "case")],
        ),
        (["「火」"], "「火」。", [("「火」", "exact")]),
        (["city!"], "cities!", [("cities", "inflected")]),
        (["!!!", "?"], "the !!!\n?", [("!!!", "exact"), ("?", "exact")]),
        (["!!!"], "！！！", [("！！！", "folded")]),
        (["Spider-Man"], "spider man", [("spider man", "norm")]),
        (["!!!"], "wow!!!", []),
        (["ab"], "abc cab", []),
    ],
)
def test_what_is_found(surfaces, text, expected):
    assert names(compiled(surfaces), text) == expected


def test_levels_tell_spellings_apart():
    tables = compiled(["NATO", "Nato"], {"nato": ["NATO", "Nato", "nato"]})
    assert [level for _, level in names(tables, "NATO Nato nato nAtO ＮＡＴＯ")] == [
        "exact", "exact", "exact", "case", "folded",
    ]  # fmt: skip


def test_a_name_of_ten_thousand_characters_is_found():
    name = "万" * 10_000
    text = f"x {name}y"
    assert (2, 10_002) in {(start, end) for _, start, end, _, _ in found(compiled([name]), text)}
    long = " ".join(["word"] * 2_000)
    assert names(compiled([long]), f"a {long} b") == [(long, "exact")]


@given(some=st.lists(texts, max_size=3), surfaces=aliases, size=st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_the_size_of_blocks_changes_nothing(some, surfaces, size):
    tables = compiled(surfaces)
    whole = found(tables, *some)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("running", "scan"):
            patch.setattr(f"kbtools.alias.scanning.{module}.BLOCK", size)
        assert found(tables, *some) == whole


@given(text=texts, surfaces=aliases)
@settings(max_examples=100, deadline=None)
def test_another_alias_changes_nothing_else(text, surfaces):
    before, after = compiled(surfaces), compiled([*surfaces, "something else", "some"])
    added = after.names.keys() - before.names.keys()
    assert [match for match in found(after, text) if match[3] not in added] == found(before, text)


def test_texts_may_be_arrow_or_empty():
    tables = compiled(["Paris"])
    assert len(scan(tables.arrays, []).start) == 0
    assert scan(tables.arrays, pa.array(["", None, "in Paris"])).text.tolist() == [2]
    assert scan(tables.arrays, pa.chunked_array([["Paris"], ["Paris"]])).start.tolist() == [0, 0]
    assert len(scan(compiled([]).arrays, ["Paris"]).start) == 0


def test_a_stream_is_in_order_and_says_what_a_look_up_says():
    tables = compiled(["Paris", "New York"])
    parts = list(stream(tables.arrays, ["Paris " * 100_000, "New York"]))
    assert len(parts) > 2
    spans = scan(tables.arrays, ["Paris " * 100_000, "New York"])
    assert [sum(len(part.start) for part in parts), len(spans.start)] == [100_001, 100_001]
    assert spans.entry.tolist() == [1] * 100_000 + [0]
    assert spans.first.tolist()[-1] == 0
    assert spans.length.tolist()[-1] == 1
    assert spans.link.tolist()[0] == 1.0
