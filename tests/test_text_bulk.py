"""Normalising a block of texts gives what normalising each of them gives, offsets too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.text import FORMS, normalise_with_offsets
from kbtools.text.bulk import ASCII_WALL, WALL, normalise_block

PIECES = [
    *"aZé ßæﬁŁ½…㍿.,;!?-'’\"\t\n\r\0#@%",
    *"中国長萬发髮北 、。がぱカｶﾞ한글각각",
    *"कि्अनุกิำ่ลาวمحمّدـ",
    *"\u0301\u0308\u0323\u200b\u200d\u200c\ufe0f\u00ad\u3099\u0345İ👍🏽😀\ud800\udc00\U0010ffff\ufffd",
    "e\u0301", "a\u0323\u0301", "  ", " . ", "中 国", "U.S.", "　",
]  # fmt: skip
texts = st.lists(st.lists(st.sampled_from(PIECES) | st.characters(), max_size=12).map("".join), max_size=6)
plain = st.lists(st.text(alphabet="aB .,'-\t\n\r\0#\x7f", max_size=12), max_size=6)


def block_of(some, wall=WALL, dtype=np.uint32):
    codes = []
    for text in some:
        codes += [*(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).tolist()), wall]
    return np.array(codes[:-1], dtype=dtype)


def parts(block, some, wall):
    """Cut a normalised block at its walls: the text, starts and ends of each."""
    ends = [int(block.end(np.array([at]))[0]) for at in range(len(block.codes))]
    found, begin, at = [], 0, 0
    for text in some:
        codes, first, last = [], [], []
        while at < len(block.codes) and block.codes[at] != wall:
            codes.append(chr(block.codes[at]))
            first.append(int(block.starts[at]) - begin)
            last.append(ends[at] - begin)
            at += 1
        at += 1
        begin += len(text) + 1
        found.append(("".join(codes), first, last))
    return found


def check(some, form, wall, dtype):
    block = normalise_block(block_of(some, wall, dtype), FORMS[form])
    for (text, starts, ends), original in zip(parts(block, some, wall), some, strict=True):
        one = normalise_with_offsets(original, FORMS[form])
        assert text == one.text
        assert starts == one.starts.tolist()
        inside = [at for at, char in enumerate(text) if char != " "]
        assert [ends[at] for at in inside] == [int(one.ends[at]) for at in inside]


@pytest.mark.parametrize("form", FORMS)
@given(some=texts)
@settings(max_examples=150, deadline=None)
def test_a_block_is_normalised_as_each_text_is(form, some):
    check(some, form, WALL, np.uint32)


@pytest.mark.parametrize("form", FORMS)
@given(some=plain)
@settings(max_examples=100, deadline=None)
def test_a_block_of_ascii_is_normalised_as_each_text_is(form, some):
    check(some, form, ASCII_WALL, np.uint8)


def test_an_empty_block_stays_empty():
    for dtype in (np.uint8, np.uint32):
        assert len(normalise_block(np.empty(0, dtype=dtype), FORMS["bare"]).codes) == 0
