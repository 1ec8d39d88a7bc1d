"""Normalisation: cases worked out by hand, and what must hold for every text."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from dataclasses import fields
from functools import partial
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.text import (
    BARE,
    CASE,
    EXACT,
    FOLDED,
    FORMS,
    Form,
    Normalised,
    normalise,
    normalise_many,
    normalise_with_offsets,
)

SIMPLIFIED = Form(simplified=True)

# Code points that meet in unpleasant ways: marks of several classes, jamo, kana and their sound marks,
# vowel signs that compose, joiners, spaces, what grows, what vanishes, what is both.
NASTY = (
    "aAeiIıİſßẞﬁﬅǰŉøǿÆ½²㍿ﷺ…․.'´`-–_·・#＃,"
    "\u093c\U0001d165\u0300\u0301\u0304\u0306\u0307\u0308\u030c\u0315\u0323\u0327\u0328\u0331\u0338\u0344\u0345\u034f\u035c\u0360"
    "αΑΐᾳᾼᾴςΣйЙиИёїіўу҃=≠1"
    "가각ㄱ각ᆫﾡￂᅠㅤ"
    "かがｶﾞﾟはパ\u3099\u309aー々発"
    "कक़ि़\u09c7\u09be\u0dd9\u0dcf\u0ddd\u0cc6\u0cc2\u0cd5\u1025\u102e"
    "אשׁ\u05b7\u05c1בآا\u0653\u0654\u064bـﻷ"
    "萬里發髮後臺薴苧金\uf90a㑮𫝈"
    " \t\n\r\x1c\x85\u00a0\u1680\u2003\u2028\u3000\u00ad\u200b\u200c\u200d\u200e\u2060\ufeff\ufe0f\U000e0100"
    "\x00\x01\ud800\udfff\ufffd𝐀🏳️‍🌈𝅗𝅥\U000110ba\U0001d16d\U0010ffff"
)
# From code points: a strategy of `str` refuses lone surrogates.
texts = st.one_of(
    st.lists(st.sampled_from(NASTY), max_size=12).map("".join),
    st.lists(st.integers(0, 0x10FFFF).map(chr), max_size=8).map("".join),
    st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=0x7F), max_size=20),
    st.lists(st.sampled_from(NASTY) | st.characters(), max_size=12).map("".join),
)
forms = st.one_of(
    st.sampled_from(list(FORMS.values())),
    st.builds(Form, **{field.name: st.booleans() for field in fields(Form)}),
)
examples = partial(settings, deadline=None)


def parts(text: str, form: Form) -> list[str]:
    """The slice of the original that each code point of the normalised text comes from."""
    found = normalise_with_offsets(text, form)
    return [text[start:end] for start, end in zip(found.starts.tolist(), found.ends.tolist(), strict=True)]


# By hand: text, then its exact, case, folded and bare form.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["", "", "", ""]),
        ("NATO", ["NATO", "nato", "nato", "nato"]),
        (" Barack\t\u00a0 Obama\u3000", ["Barack Obama", "barack obama", "barack obama", "barack obama"]),
        ("Straße", ["Straße", "strasse", "strasse", "strasse"]),
        ("STRASSE", ["STRASSE", "strasse", "strasse", "strasse"]),
        ("İstanbul", ["İstanbul", "i\u0307stanbul", "istanbul", "istanbul"]),
        ("Iğdır", ["Iğdır", "iğdır", "igdir", "igdir"]),
        ("ﬁn²", ["ﬁn²", "fin²", "fin2", "fin2"]),
        ("Cafe\u0301", ["Café", "café", "cafe", "cafe"]),
        ("Łódź", ["Łódź", "łódź", "lodz", "lodz"]),
        ("Encyclopædia", ["Encyclopædia", "encyclopædia", "encyclopaedia", "encyclopaedia"]),
        ("ΟΔΟΣ ὁδός", ["ΟΔΟΣ ὁδός", "οδοσ ὁδόσ", "οδοσ οδοσ", "οδοσ οδοσ"]),
        ("ᾼ", ["ᾼ", "ᾳ", "α", "α"]),
        ("Толстой, Алёна", ["Толстой, Алёна", "толстой, алёна", "толстой, алена", "толстой алена"]),
        ("Київ", ["Київ", "київ", "київ", "київ"]),
        ("ＮＨＫ１", ["ＮＨＫ１", "ｎｈｋ１", "nhk1", "nhk1"]),
        ("ｶﾞﾝ", ["ｶﾞﾝ", "ｶﾞﾝ", "ガン", "ガン"]),
        ("か\u3099", ["が", "が", "が", "が"]),
        ("각", ["각", "각", "각", "각"]),
        ("\u1100\u1161\u11a8", ["각", "각", "각", "각"]),
        ("서울 대학교", ["서울 대학교"] * 4),
        ("हिन्दी", ["हिन्दी"] * 4),
        ("a ≠ b", ["a ≠ b"] * 4),
        ("萬里 長城", ["萬里 長城", "萬里 長城", "万里长城", "万里长城"]),
        ("约翰·史密斯", ["约翰·史密斯"] * 3 + ["约翰史密斯"]),
        ("㍿", ["㍿", "㍿", "株式会社", "株式会社"]),
        ("مُحَمَّد", ["مُحَمَّد", "مُحَمَّد", "محمد", "محمد"]),
        ("می\u200cخواهم", ["می\u200cخواهم", "می\u200cخواهم", "میخواهم", "میخواهم"]),
        ("co\u00adop\u200b", ["coop"] * 4),
        ("U.S.A.", ["U.S.A.", "u.s.a.", "u.s.a.", "usa"]),
        ("O’Hara, O´Hara", ["O’Hara, O´Hara", "o’hara, o´hara", "o’hara, o \u0301hara", "ohara ohara"]),
        ("Spider-Man", ["Spider-Man", "spider-man", "spider-man", "spider man"]),
        ("M*A*S*H", ["M*A*S*H", "m*a*s*h", "m*a*s*h", "mash"]),
        ("C＃ / C++", ["C＃ / C++", "c＃ / c++", "c# / c++", "c# c++"]),
        ("!!!", ["!!!", "!!!", "!!!", ""]),
        ("\ud800a", ["\ufffda"] * 4),
    ],
)
def test_ladder(text: str, expected: list[str]) -> None:
    assert [normalise(text, form) for form in FORMS.values()] == expected
    assert [normalise_with_offsets(text, form).text for form in FORMS.values()] == expected


def test_the_ladder_is_ordered_and_exact_is_the_default() -> None:
    assert list(FORMS.values()) == [EXACT, CASE, FOLDED, BARE]
    assert normalise(" É ") == normalise(" É ", EXACT) == "É"


# Offsets, by hand: the piece of the original behind each code point.
@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (CASE, "aß", ["a", "ß", "ß"]),
        (CASE, "İz", ["İ", "İ", "z"]),
        (FOLDED, "ﬁx", ["ﬁ", "ﬁ", "x"]),
        (FOLDED, "㍿", ["㍿"] * 4),
        (EXACT, "e\u0301a", ["e\u0301", "a"]),
        (FOLDED, "e\u0301a", ["e\u0301", "a"]),
        (EXACT, "q\u0301a", ["q", "\u0301", "a"]),  # nothing to compose: each its own
        (EXACT, "q\u0301\u0323", ["q\u0301\u0323"] * 3),  # the marks change places
        (EXACT, "\u1100\u1161\u11a8\u1100", ["\u1100\u1161\u11a8", "\u1100"]),
        (EXACT, "x \t\n y", ["x", " \t\n ", "y"]),
        (EXACT, "\u3000x\u00a0", ["x"]),
        (EXACT, "\u200ba\u200bb\u200b", ["a", "b"]),
        (EXACT, "a\u200b\u0301", ["a\u200b\u0301"]),
        (FOLDED, "萬 里", ["萬", "里"]),
        (BARE, "(A.B.)", ["A", "B"]),
        (BARE, "a - b", ["a", " - ", "b"]),
    ],
)
def test_offsets(form: Form, text: str, expected: list[str]) -> None:
    assert parts(text, form) == expected


def test_span_maps_back() -> None:
    text = "In der  Großen Straße (Wien), U.S."
    found = normalise_with_offsets(text, BARE)
    assert found.text == "in der grossen strasse wien us"
    where = {word: found.text.index(word) for word in ("grossen strasse", "wien", "us")}
    spans = {word: found.span(at, at + len(word)) for word, at in where.items()}
    assert {word: text[start:end] for word, (start, end) in spans.items()} == {
        "grossen strasse": "Großen Straße",
        "wien": "Wien",
        "us": "U.S",
    }


@pytest.mark.parametrize(("start", "end"), [(0, 0), (1, 1), (2, 1), (-1, 2), (0, 4)])
def test_span_refuses_what_is_no_span(start: int, end: int) -> None:
    with pytest.raises(IndexError, match="no span"):
        normalise_with_offsets("abc").span(start, end)


def test_offsets_are_int32() -> None:
    for text in ("", "abc", " é\u0301 "):
        found = normalise_with_offsets(text)
        assert isinstance(found, Normalised)
        assert found.starts.dtype == found.ends.dtype == np.int32


# Steps alone
@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (Form(width=True), "Ａ１ ｶﾞ ²\u3000ﾡ", "A1 ガ ² ㄱ"),
        (Form(compatibility=True), "Ａ１²", "A12"),
        (Form(accents=True), "ÉCOLE Ångström", "ECOLE Angstrom"),
        (Form(accents=True), "и\u0306 и\u0306\u0301 И\u0300", "й й И"),
        (Form(accents=True), "a\u093c\u0300 à\u093c", "a\u093c a\u093c"),  # a foreign mark between
        (Form(accents=True), "и\u093c\u0306 й\u093c ё\U0001d165", "й\u093c й\u093c е\U0001d165"),
        (Form(accents=True, invisible=False), "a\u034f\u0301", "a\u034f\u0301"),
        (Form(cjk_spaces=True), "中 国 a 中 ー 한 국", "中国 a 中ー 한 국"),
        (Form(spaces=False), " a\u00a0\t b ", " a\u00a0\t b "),
        (Form(invisible=False), "a\u200bb", "a\u200bb"),
        (Form(joiners=True), "❤\ufe0f", "❤"),
        (Form(punctuation=True), "Don't—stop", "Dont stop"),
    ],
)
def test_single_steps(form: Form, text: str, expected: str) -> None:
    assert normalise(text, form) == expected
    assert normalise_with_offsets(text, form).text == expected


# Traditional → simplified
@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        *["發发", "髮发", "後后", "后后", "幹干", "臺台", "裏里", "裡里", "萬万", "馬马"],
        "乾干",  # OpenCC's first choice, although 乾 stays in 乾隆: we look at no phrases
        "薴苎",  # 薴 → 苧 → 苎
        "発発",  # Japanese
    ],
)
def test_simplified(traditional: str, simplified: str) -> None:
    assert normalise(traditional, SIMPLIFIED) == simplified


def test_simplifying_keeps_the_length() -> None:
    text = "乾隆皇帝於臺灣發現頭髮，後來皇后幹了。𠁞"
    found = normalise_with_offsets(text, SIMPLIFIED)
    assert found.text == "干隆皇帝于台湾发现头发，后来皇后干了。𠀾"
    assert found.starts.tolist() == list(range(len(text)))


def test_the_table_is_one_to_one_and_small() -> None:
    raw = files("kbtools").joinpath("tables/traditional_simplified.txt").read_bytes()
    assert len(raw) <= 60_000
    old, new = (line for line in raw.decode().splitlines() if not line.startswith("#"))
    assert len(old) == len(new) == len(set(old)) > 4_000
    assert not set(old) & set(new)  # what is simplified stays
    assert unicodedata.normalize("NFKC", old + new) == old + new


# For every text
@examples(max_examples=700)
@given(texts, forms)
def test_both_ways_agree(text: str, form: Form) -> None:
    assert normalise_with_offsets(text, form).text == normalise(text, form)


@examples(max_examples=700)
@given(texts, forms)
def test_twice_is_once(text: str, form: Form) -> None:
    once = normalise(text, form)
    assert normalise(once, form) == once
    once.encode("utf-8")


@examples(max_examples=400)
@given(texts, st.sampled_from(["NFC", "NFD"]), forms)
def test_canonically_equivalent_texts_are_one(text: str, equivalent: str, form: Form) -> None:
    assert normalise(unicodedata.normalize(equivalent, text), form) == normalise(text, form)  # type: ignore[arg-type]


@examples(max_examples=400)
@given(texts)
def test_whole_text_is_nfkc(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    form = Form(invisible=False, spaces=False, compatibility=True)
    assert normalise_with_offsets(text, form).text == unicodedata.normalize("NFKC", text)
    form = Form(invisible=False, spaces=False)
    assert normalise_with_offsets(text, form).text == unicodedata.normalize("NFC", text)


@examples(max_examples=400)
@given(texts.map(lambda text: text.replace("\u0345", "")))
def test_whole_text_is_casefolded(text: str) -> None:
    text = unicodedata.normalize("NFD", text.encode("utf-8", "ignore").decode()).replace("\u0345", "")
    folded = unicodedata.normalize("NFC", text.casefold())
    assert normalise(text, Form(invisible=False, spaces=False, case=True)) == folded


@examples(max_examples=400)
@given(texts, forms)
def test_offsets_are_in_order_and_in_range(text: str, form: Form) -> None:
    found = normalise_with_offsets(text, form)
    assert len(found.starts) == len(found.ends) == len(found.text)
    assert (np.diff(found.starts) >= 0).all()
    assert (np.diff(found.ends) >= 0).all()
    assert (found.starts < found.ends).all()
    assert ((found.starts >= 0) & (found.ends <= len(text))).all()


@examples(max_examples=500)
@given(texts, forms, st.data())
def test_a_span_goes_there_and_back(text: str, form: Form, data: st.DataObject) -> None:
    """The original slice, normalised alone, holds what the span held (spaces at its ends excepted)."""
    found = normalise_with_offsets(text, form)
    if not found.text:
        return
    start = data.draw(st.integers(0, len(found.text) - 1))
    end = data.draw(st.integers(start + 1, len(found.text)))
    low, high = found.span(start, end)
    piece = normalise_with_offsets(text[low:high], form)
    assert found.text[start:end].strip(" ") in piece.text
    # A span whose edges are edges in the original too comes back as it was.
    before = found.ends[start - 1] if start else 0
    after = found.starts[end] if end < len(found.text) else len(text)
    if before <= low and high <= after:
        assert piece.text.strip(" ") == found.text[start:end].strip(" ")


@examples(max_examples=400)
@given(st.lists(texts, max_size=6), forms)
def test_many_is_one_by_one(many: list[str], form: Form) -> None:
    assert normalise_many(many, form) == [normalise(text, form) for text in many]


def test_many_with_and_without_the_separator() -> None:
    assert normalise_many([]) == []
    assert normalise_many([""]) == [""]
    assert normalise_many(["A ", " b\0 c", "", "É", " \u0301x"], CASE) == ["a", "b\0 c", "", "é", "\u0301x"]


@pytest.mark.parametrize("form", [FOLDED, BARE])
def test_every_assigned_code_point(form: Form) -> None:
    """Each alone and each before a mark: stable, and the same with offsets."""
    chars = [
        char for char in map(chr, range(0x110000)) if unicodedata.category(char) not in ("Cn", "Co", "Cs")
    ]
    for tail in ("", "\u0301"):
        # Kept apart by a letter that joins nothing and is no CJK character.
        text = "|".join(char + tail for char in chars)
        once = normalise(text, form)
        assert normalise(once, form) == once
        assert normalise_with_offsets(text, form).text == once
    marks = [char for char in chars if unicodedata.combining(char)]
    assert all(unicodedata.combining(char) for text in normalise_many(marks, form) for char in text)
    assert max(map(ord, marks)) < 0x20000  # where text.py stops looking for them


def test_importing_is_light() -> None:
    code = "import sys, kbtools.text; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"pyarrow", "duckdb", "msgspec", "torch", "hypothesis"} & set(loaded)
