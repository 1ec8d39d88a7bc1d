"""Tokens with their places: what holds for every tokenizer and text, and stretches beside whole texts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Made
from tokenizers import models, normalizers, pre_tokenizers

from kbtools.tokens.loading import Found
from kbtools.tokens.stream import Stream
from kbtools.tokens.stretches import cutting
from kbtools.tokens.tokenizer import Tokenizer
from tests import tiny_tokenizer

KINDS = ["wordpiece", "char", "bpe", "unigram"]
PIECES = [
    "a", "in", "Hello", "world", "é", "e\u0301", "İ", "Σ", "ς", " ", "  ", "\n", "\t", "\u3000", "\u00a0",
    "\u200b", "\x00", "\x1c", "\x85", "\x0c", "\ufffd", "中", "文", "他", "。", "，", "〇", "々", "の", "ア",
    "\u3099", "\u0301", "㍿", "ﬁ", "½", "´", "¨", "[MASK]", "<mask>", "[SEP]", "<s>", "don't", "'s", "...",
    "--", "3.14", "1,000", "😀", "👍🏽", "\U00020000", "\U0002b820", "豈", "한", "국", "ﷺ", "\u1fef",
    "\u2028",
    "_", "$", "▁", "##a", "Ġ", "\u180e", "\u00ad", "\ud800", "x" * 120,
]  # fmt: skip
TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=12).map("".join)
TEXTS = st.lists(TEXT, max_size=4)


def whole(tokenizer: Tokenizer, texts: list[str]) -> Stream:
    """Encode texts as the library does it, each as a whole."""
    kept, tokenizer._stretches = tokenizer._stretches, None
    try:
        return tokenizer.encode(texts)
    finally:
        tokenizer._stretches = kept


@pytest.mark.parametrize("kind", KINDS)
@given(texts=TEXTS)
@settings(max_examples=60)
def test_stretches_give_what_whole_texts_give(kind: str, texts: list[str]) -> None:
    tokenizer = tiny_tokenizer.loaded(kind)
    assert tokenizer._stretches is not None
    fast, slow = tokenizer.encode(texts), whole(tokenizer, texts)
    for column in Stream._fields:
        assert getattr(fast, column).dtype == getattr(slow, column).dtype
        assert getattr(fast, column).tolist() == getattr(slow, column).tolist()


@pytest.mark.parametrize("kind", KINDS)
@given(texts=TEXTS)
@settings(max_examples=40)
def test_what_a_stream_promises(kind: str, texts: list[str]) -> None:
    tokenizer = tiny_tokenizer.loaded(kind)
    stream = tokenizer.encode(texts)
    assert len(stream) == len(texts)
    assert [one.dtype for one in stream] == [np.int32, np.int32, np.int32, bool, np.int64]
    for at, text in enumerate(texts):
        low, high = int(stream.begins[at]), int(stream.begins[at + 1])
        if "\ud800" not in text:
            told = tokenizer.made.encode(text, add_special_tokens=False)
            assert stream.ids[low:high].tolist() == told.ids
        spans = list(zip(stream.start[low:high].tolist(), stream.end[low:high].tolist(), strict=True))
        assert all(0 <= start <= end <= len(text) for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert all(text[start:end].strip() == text[start:end] for start, end in spans)
        assert stream.word[low:high][:1].all()


@pytest.mark.parametrize("kind", KINDS)
def test_texts_do_not_know_each_other(kind: str) -> None:
    tokenizer = tiny_tokenizer.loaded(kind)
    texts = ["He lives in Geneva. ", "", " 他来了 ok", "\x0c", "can't\x0cbe", "in"]
    together = tokenizer.encode(texts)
    for at, text in enumerate(texts):
        alone = tokenizer.encode([text])
        low, high = together.begins[at], together.begins[at + 1]
        for column in ("ids", "start", "end", "word"):
            assert getattr(alone, column).tolist() == getattr(together, column)[low:high].tolist()


def test_many_texts_are_encoded_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tiny_tokenizer.loaded()
    texts = ["He lives in Geneva.", "他来了", "", "in"] * 5
    once = tokenizer.encode(texts, ["en", "zh", None, "en"] * 5)
    monkeypatch.setattr("kbtools.tokens.tokenizer.SIZE", 7)
    monkeypatch.setattr("kbtools.tokens.stretches.MOST", 3)  # all are forgotten, again and again
    again = tokenizer.encode(texts, ["en", "zh", None, "en"] * 5)
    for column in Stream._fields:
        assert getattr(once, column).tolist() == getattr(again, column).tolist()


def test_no_texts_are_no_tokens() -> None:
    stream = tiny_tokenizer.loaded().encode([])
    assert len(stream) == 0
    assert stream.begins.tolist() == [0]
    assert not len(stream.ids)


def made(normalizer: Any, cut: Any, *added: str) -> Made:
    found = Made(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    if normalizer is not None:
        found.normalizer = normalizer
    if cut is not None:
        found.pre_tokenizer = cut
    found.add_special_tokens(list(added))
    return found


def test_where_a_tokenizer_cuts_first() -> None:
    bert, bare = pre_tokenizers.BertPreTokenizer(), pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert cutting(made(normalizers.BertNormalizer(), bert)) == "characters"
    assert cutting(made(normalizers.BertNormalizer(handle_chinese_chars=False), bert)) == "words"
    assert cutting(made(normalizers.NFC(), bert)) == "words"
    assert cutting(made(None, bare)) == "spaced"
    assert cutting(made(normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()]), bare)) == "spaced"


def test_what_looks_beyond_a_stretch_is_encoded_whole() -> None:
    bert = pre_tokenizers.BertPreTokenizer()
    first = pre_tokenizers.Metaspace(prepend_scheme="first")
    assert cutting(made(None, None)) is None
    assert cutting(made(normalizers.Replace("a b", "ab"), bert)) is None
    assert cutting(made(None, pre_tokenizers.ByteLevel(add_prefix_space=True))) is None
    assert cutting(made(None, pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), first]))) is None
    assert cutting(made(normalizers.BertNormalizer(), bert, "New York")) is None
    assert cutting(made(normalizers.BertNormalizer(clean_text=False), bert)) is None


def test_a_tokenizer_that_is_encoded_whole_tells_the_same_things() -> None:
    found = made(None, pre_tokenizers.Whitespace())
    tokenizer = Tokenizer(Found(found, {}, "x"), "x")
    assert tokenizer._stretches is None
    stream = tokenizer.encode(["ab, cd", "", "ef"])
    assert stream.start.tolist() == [0, 2, 4, 0]
    assert stream.end.tolist() == [2, 3, 6, 2]
    assert stream.word.all()
