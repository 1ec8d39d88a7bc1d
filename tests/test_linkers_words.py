"""Words of running text: hand-made cases, a slow oracle, pieces of long texts."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.alias import hashing
from kbtools.linkers import words
from kbtools.linkers.words import words_of
from kbtools.text import FOLDED, normalise_with_offsets

APART = words._APART


def expected(text):
    """Read a text letter by letter."""
    folded = normalise_with_offsets(text, FOLDED)
    kinds = [
        "single" if APART.match(letter) else "letter" if unicodedata.category(letter)[0] in "LNM" else ""
        for letter in folded.text
    ]
    found, at = [], 0
    while at < len(kinds):
        end = at
        while end < len(kinds) and kinds[end] == kinds[at]:
            end += 1
        if kinds[at] == "letter" or (kinds[at] == "single" and end == at + 1):
            found.append((at, end))
        elif kinds[at] == "single":
            found += [(place, place + 2) for place in range(at, end - 1)]
        at = end
    return [
        (int(folded.starts[low]), int(folded.ends[high - 1]), folded.text[low:high]) for low, high in found
    ]


def check(texts):
    found = words_of(texts)
    wanted = [(number, *one) for number, text in enumerate(texts) for one in expected(text)]
    hashes = hashing.of_strings(pa.array([word for *_, word in wanted], pa.string()))
    assert list(zip(found.text.tolist(), found.start.tolist(), found.end.tolist(), strict=True)) == [
        one[:3] for one in wanted
    ]
    assert found.term.tolist() == hashes.tolist()


TEXTS = [
    "", "The U.S. Army's base, 1984.", "L’Île  de\u00a0la Cité", "萬里 長城 iPhone手机 𠮷", "  ", "\n\n",
    "ﬁn e\u0301a", "大", "a大b", "東京タワー、日本", "สวัสดี ครับ", "서울 특별시", "co\u00adop", "😀 x",
    "\ud800a", "straße\x85ẞ", "a_b-c", "№ ㍿",
]  # fmt: skip


def test_words_of_many_scripts_are_those_of_the_slow_oracle():
    check(TEXTS)


def test_hand_made_words():
    found = words_of(["Köln-Süd, 萬里長 y"])
    assert list(zip(found.start.tolist(), found.end.tolist(), strict=True)) == [
        (0, 4), (5, 8), (10, 12), (11, 13), (14, 15),
    ]  # fmt: skip
    assert found.term.tolist() == words_of(["koln SUD 万里 里长 y"]).term[[0, 1, 2, 4, 5]].tolist()


def test_no_texts_have_no_words():
    assert [len(column) for column in words_of([])] == [0, 0, 0, 0]
    assert [len(column) for column in words_of(["", "…"])] == [0, 0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(alphabet=st.sampled_from("aB1 ßé\u0301萬里か゛\n.’-ﬁ㍿\u200b\x01서ไท"), max_size=20),
        max_size=6,
    )
)
def test_any_texts_are_read_as_the_slow_oracle_reads_them(texts):
    check(texts)


@pytest.mark.parametrize("unit", ["one two3 ", "Ünder wäre ", "萬里 長城。大人 ", "word", "界"])
def test_long_texts_are_cut_where_nothing_is_lost(unit, monkeypatch):
    text = str(unit) * 40
    whole = words_of([text])
    monkeypatch.setattr(words, "BLOCK", 16)
    cut = words_of(["x y", text, "z"])
    mine = cut.text == 1
    assert np.array_equal(cut.start[mine], whole.start)
    assert np.array_equal(cut.end[mine], whole.end)
    assert np.array_equal(cut.term[mine], whole.term)
    assert cut.text[[0, -1]].tolist() == [0, 2]


def test_a_text_has_the_same_words_wherever_it_stands():
    together = words_of(TEXTS)
    for number, text in enumerate(TEXTS):
        alone, rows = words_of([text]), together.text == number
        assert np.array_equal(alone.term, together.term[rows])
        assert np.array_equal(alone.start, together.start[rows])
