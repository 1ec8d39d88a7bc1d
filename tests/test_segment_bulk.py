"""Sentences of many texts at once: what one text after another gives, and what a corpus tells of them."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.text import lines, segment
from kbtools.text.segment import sentences, sentences_of
from kbtools.text.stops import plain
from tests.oracle_segment import slow_sentences

PARTS = [
    *" \n\r\t.!?…。！？；\"'”’“)(*-[]1aA中é\u0301\u200d\ufe0f👩👍🏽🇩\u2029\x0c\x85\u3000@:/—",
    " He said", "Mr", " the", " The", ". ", '." ', "他说", "。”", "Inc", "''", " said", "  ", "1)", "iPhone",
    "www.", "U.S", "\n\n", "- ", "abcdefgh ijklmnop qrstuvw xyz abcdef ghijklm nopqr\n", "Ⅷ", "ⓐ", "𝒜", "𠀀",
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PARTS), max_size=40).map("".join)


def of_each(texts, langs=None, metas=None):
    offsets, spans = sentences_of(texts, langs, metas)
    assert spans.dtype == np.int32
    assert len(offsets) == len(texts) + 1
    return [list(map(tuple, spans[a:b].tolist())) for a, b in pairwise(offsets)]


@given(st.lists(st.one_of(TEXT, st.text()), max_size=6), st.sampled_from([None, "de", "en"]))
def test_many_texts_have_the_sentences_of_each(texts, lang):
    expected = [slow_sentences(text, lang) for text in texts]
    assert of_each(texts, [lang] * len(texts)) == expected
    assert [list(map(tuple, sentences(text, lang).tolist())) for text in texts] == expected


def test_real_texts_have_the_sentences_that_a_slow_reader_finds(realdata):
    for name in ("wikitext-2/valid.txt", "zh/CLUECorpusSmall_sampled.txt"):
        texts = (realdata / "text" / name).read_text()[:300_000].split("\n")
        assert of_each(texts) == [slow_sentences(text) for text in texts]


def test_texts_are_looked_at_in_groups(monkeypatch):
    texts = ["Is it? Yes.", "", "他来了。她走了。", " ", "No stop", "A 3. Mai ist da."] * 3
    expected = of_each(texts, [None, "de"] * 9)
    for size in (1, 12, 30):
        monkeypatch.setattr(segment, "TOGETHER", size)
        assert of_each(texts, [None, "de"] * 9) == expected
    assert expected[0] == [(0, 6), (7, 11)]
    assert expected[1] == expected[3] == []


def test_what_stands_in_the_next_text_says_nothing():
    for one, two in [
        ('He left. "No." (', "he said"),
        ("“好。”他说", "，他走了"),
        ("A line that is as long as a wrapped line is here\n-", " x"),
        ("x", ". He came."),
    ]:
        assert of_each([one, two]) == [slow_sentences(one), slow_sentences(two)]
    assert of_each(["“好。”他说", "，他走了"])[0] == [(0, 6)]  # the text ends there: it is told who said it


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([[0, 7], [8, 15]], [(0, 7), (8, 15)]),
        ([[0, 3]], [(0, 3)]),  # the corpus may leave out a heading
        ([], None),
        (None, None),
        ([[0, 99]], None),  # not of this text
        ([[8, 15], [0, 7]], None),
        ([[5, 5]], None),
        ([[-1, 5]], None),
        ([[0, 1 << 70]], None),
        ([["a", 5]], None),
        ("all", None),
    ],
)
def test_sentences_that_a_corpus_tells_count(told, expected):
    text = "One. It is two."
    found = of_each(
        ["A. B.", text, "Who? Me."], None, [None, json.dumps({"sentences": told, "x": 1}), '{"sentences'],
    )  # fmt: skip
    own = [(0, 4), (5, 15)]
    assert found == [[(0, 5)], expected or own, [(0, 4), (5, 8)]]


def test_no_texts_have_no_sentences():
    offsets, spans = sentences_of([])
    assert offsets.tolist() == [0]
    assert spans.shape == (0, 2)


def test_kinds_do_not_depend_on_how_wide_characters_are():
    for text in ("A b.\n", "é b.\n"):
        narrow = lines.laid([text]).kinds
        assert lines.laid([text + "中"]).kinds[: len(text)].tolist() == narrow[: len(text)].tolist()
        assert lines.laid([text + "𠀀"]).kinds[: len(text)].tolist() == narrow[: len(text)].tolist()


@pytest.mark.parametrize(("word", "is_plain"), [
    ("here", True),
    ('"here', True), ("Dr", False), ("no", False), ("Inc", False), ("A", False), ("vi", False),
    ("3", False), ("U.S", False), ("", False), ("here—there", False), ("北京", False),
])  # fmt: skip
def test_a_plain_word_is_none_written_short(word, is_plain):
    assert plain(word) is is_plain
