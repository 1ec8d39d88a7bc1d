"""Short forms: which definitions are found in a text, and which mentions come of them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.linkers.base import KINDS, Block
from kbtools.linkers.mentions import abbreviations
from kbtools.linkers.mentions._definitions import aligned
from tests.named_mentions import mentions_of, shown


def found(text: str) -> list[tuple[str, str]]:
    return [(text[slice(*pair.short)], text[slice(*pair.long)]) for pair in abbreviations.pairs(text)]


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("The World Health Organization (WHO) said", "WHO", "World Health Organization"),
        ("WHO (World Health Organization) said", "WHO", "World Health Organization"),
        ("the heat shock transcription factor (HSF)", "HSF", "heat shock transcription factor"),
        ("HSF (heat shock transcription factor)", "HSF", "heat shock transcription factor"),
        ("ate. Interleukin-2 (IL-2) is", "IL-2", "Interleukin-2"),
        ("gas chromatography–mass spectrometry (GC-MS)", "GC-MS", "gas chromatography–mass spectrometry"),
        ("cut 1,2-dichloroethane (1,2-DCE)", "1,2-DCE", "1,2-dichloroethane"),
        ("the National Health Service (hereafter “NHS”)", "NHS", "National Health Service"),
        ("immune deficiency syndrome (IDS, once GRID)", "IDS", "immune deficiency syndrome"),
        ("the U.S. Environmental Protection Agency (EPA)", "EPA", "Environmental Protection Agency"),
        ("in NY (New York)", "NY", "New York"),
        ("İstanbul Teknik Üniversitesi (İTÜ)", "İTÜ", "İstanbul Teknik Üniversitesi"),
        ("北京大学（北大）", "北大", "北京大学"),
        ("北京大学（以下简称“北大”）", "北大", "北京大学"),
        ("北大（北京大学）", "北大", "北京大学"),
        ("世界卫生组织（World Health Organization，WHO）", "WHO", "World Health Organization"),
        ("（英语：World Health Organization，缩写：WHO）", "WHO", "World Health Organization"),
    ],
)  # fmt: skip
def test_definitions(text, short, long):
    assert found(text) == [(short, long)]


@pytest.mark.parametrize(
    "text",
    [
        "a test (a)",  # one character
        "an unrelated word (WHO)",
        "an experiment (see Figure 1)",
        "it was built in the year (1998)",  # no letter
        "the World Bank. Health Organization (WHO)",  # in another sentence
        "We have Horses and Oxen and cows and sheep and goats and pigs and hens (WHO)",  # too many words
        "the WHO and others (WHO)",  # it is its own long form
        "a mutation (aku)/Hgd (aku)",
        "brackets (that (nest (deeply) and) break",
        "()（）((((",
        "",
    ],
)
def test_no_definitions(text):
    assert found(text) == []


def test_the_shortest_long_form_counts():
    assert found("high flow and high fat (HF)") == [("HF", "high fat")]


def slow(short: str, before: str) -> int | None:
    """Try each beginning of a word, from the right, as the paper's loop would end up there."""
    letters = [letter for letter in short.lower() if letter.isalnum()]
    low = before.lower()
    places: list[int] = []
    at = len(low)
    for letter in reversed(letters[1:]):
        at -= 1
        while at >= 0 and low[at] != letter:
            at -= 1
        if at < 0:
            return None
        places.append(at)
    starts = [i for i in range(at) if low[i] == letters[0] and (i == 0 or not low[i - 1].isalnum())]
    if not starts:
        return None
    begin = max(starts)
    while begin > 0 and not low[begin - 1].isspace():
        begin -= 1
    long = before[begin:]
    words = len(re.findall(r"[^\s-]+", long))
    n = len(letters)
    fits = len(long) > len(short) and words <= min(n + 5, 2 * n) and short not in long.split()
    return begin if fits else None


@given(st.text("AB", min_size=2, max_size=4), st.text("abc -", max_size=24))
def test_letters_are_aligned_as_the_paper_says(short, before):
    before = before.strip()
    assert aligned(short, before) == slow(short, before)


def test_time_grows_with_the_text():
    for text in ("(" * 300_000, "a (b c " * 60_000, "（" * 300_000, "(a" * 150_000):
        assert found(text) == []


WHO = {"World Health Organization": [(1, 1.0)], "WHO": [(2, 0.9), (1, 0.1)], "the Who": [(2, 1.0)]}


def step(**settings: Any):
    nothing: Any = None  # this step asks for no knowledge
    return abbreviations.make(nothing, abbreviations.Settings(**settings))


def test_later_and_earlier_ones_mean_the_long_form():
    text = "WHO? The World Health Organization (WHO) of WHOs, not who or WHOLE: WHO."
    block, before = mentions_of([text, "WHO"], WHO)
    after = step()(block, before)
    kinds = [KINDS[kind] for kind in after.kind]
    assert shown(block, after) == [
        (0, 0, "WHO", [1]), (0, 9, "World Health Organization", [1]), (0, 36, "WHO", [1]),
        (0, 44, "WHO", [1]), (0, 68, "WHO", [1]), (1, 0, "WHO", [2, 1]),
    ]  # fmt: skip
    assert kinds == ["abbreviation", "dictionary", *["abbreviation"] * 3, "dictionary"]
    assert after.parent.tolist() == [1, -1, 1, 1, 1, -1]
    forward = step(backward=False)(block, before)
    assert shown(block, forward)[0] == (0, 0, "WHO", [2, 1])
    known = step(only_known=True)(block, before)
    assert len(known) == len(before)  # "WHOs" is no mention


def test_the_nearest_definition_before_counts():
    names = {"Artificial Intelligence": [(1, 1.0)], "Amnesty International": [(2, 1.0)]}
    text = "AI. Artificial Intelligence (AI): AI. Amnesty International (AI): AI."
    block, before = mentions_of([text], names)
    assert [found[3] for found in shown(block, step()(block, before)) if found[2] == "AI"] == [
        [1], [1], [1], [2], [2],
    ]  # fmt: skip


def test_a_mention_may_have_an_article_but_no_half_counts():
    names = {"the United Nations": [(1, 1.0)], "Health Organization": [(5, 1.0)]}
    text = "the United Nations (UN), World Health Organization (WHO); UN, WHO"
    block, before = mentions_of([text], names)
    assert {found[2] for found in shown(block, step()(block, before))} == {*names, "UN"}


def test_chinese_names_of_other_letters():
    names = {"世界卫生组织": [(1, 1.0)], "卫生组织": [(3, 1.0)], "苹果": [(4, 1.0)], "iPhone": [(9, 1.0)]}
    text = "世界卫生组织（WHO）说，WHO认为。苹果（iPhone）。ABC（世界卫生组织），ABC。"
    block, before = mentions_of([text], names)
    after = shown(block, step()(block, before))
    assert [found[3] for found in after if found[2] in ("WHO", "ABC")] == [[1]] * 4
    assert [found[3] for found in after if found[2] == "iPhone"] == [[9]]  # it is a name of something else


def test_gold_mentions_stay_gold():
    block, before = mentions_of(["World Health Organization (WHO)"], WHO, kind="gold")
    after = step()(block, before)
    assert [KINDS[kind] for kind in after.kind] == ["gold", "gold"]
    assert shown(block, after)[1] == (0, 27, "WHO", [1])


def test_each_knowledge_base_by_itself():
    block, before = mentions_of(["World Health Organization (WHO)"], WHO, kbs=2)
    after = step()(block, before)
    assert after.kb.tolist() == [0, 1, 0, 1]
    assert after.parent.tolist() == [-1, -1, 0, 1]


def test_nothing_to_do():
    block, before = mentions_of(["no brackets", "", "(", "(WHO)"], {})
    assert len(step()(block, before)) == 0
    assert step()(Block([]), before._replace()) is not None
    assert np.array_equal(before.offsets, [0])
