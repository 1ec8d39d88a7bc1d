"""Spans of code points to spans of tokens: by their places, against an oracle that goes token by token."""

import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.shards.spans import align
from kbtools.tokens.stream import Stream
from tests import tiny_tokenizer

WOMEN = "\U0001f469\u200d\U0001f469"  # one sign, of two and a joiner
PARTS = [
    "Jordan",
    "the Dead Sea",
    "苹果公司",
    "萬里長城",
    " ",
    "\r\n",
    "\t",
    "e\u0301",
    "ﬁ",
    "😀",
    WOMEN,
    "\u200b",
]
PARTS += ["don't", "U.S.", "Ａ１", "’", "\u3000", "한국", "ABCdef", "3.5", "\u0301", "\u0000"]
KINDS = [("wordpiece", 2000), ("bpe", 600)]


def stream(*documents: list[tuple[int, int]]) -> Stream:
    """A stream of tokens at these places."""
    places = np.array([place for one in documents for place in one], np.int32).reshape(-1, 2)
    begins = np.cumsum([0, *map(len, documents)])
    return Stream(
        np.arange(len(places), dtype=np.int32), places[:, 0], places[:, 1], np.ones(len(places), bool), begins
    )


def aligned(found: Stream, *spans: tuple[int, int, int]) -> tuple[list[list[int]], list[bool], list[bool]]:
    document, start, end = np.array(spans, np.int64).reshape(-1, 3).T
    made = align(found, document, start, end)
    return made.spans.tolist(), made.cut.tolist(), made.empty.tolist()


def test_whole_tokens_parts_of_tokens_and_nothing():
    tokens = stream([(0, 3), (3, 6), (7, 9)], [(0, 2)])
    spans, cut, empty = aligned(
        tokens,
        (0, 0, 3),
        (0, 0, 6),
        (0, 3, 9),
        (0, 1, 3),
        (0, 0, 4),
        (0, 4, 5),
        (0, 6, 7),
        (1, 0, 2),
        (1, 2, 9),
    )
    assert spans == [[0, 1], [0, 2], [1, 3], [0, 1], [0, 2], [1, 2], [2, 2], [3, 4], [4, 4]]
    assert cut == [False, False, False, True, True, True, False, False, False]
    assert empty == [False] * 6 + [True, False, True]


def test_a_span_may_be_wider_than_its_tokens():
    assert aligned(stream([(1, 3), (4, 6)]), (0, 0, 7)) == ([[0, 2]], [False], [False])


def test_bytes_of_one_character_stay_together():
    emoji = stream([(0, 1), (1, 1), (1, 1), (1, 2), (2, 3), (3, 3)])
    spans, cut, _ = aligned(emoji, (0, 0, 1), (0, 1, 2), (0, 2, 3), (0, 0, 2))
    assert spans == [[0, 3], [3, 4], [4, 6], [0, 4]]
    assert not any(cut)


def test_no_tokens_no_spans():
    assert aligned(stream([], []), (0, 0, 1), (1, 0, 1)) == ([[0, 0], [0, 0]], [False] * 2, [True] * 2)
    assert aligned(stream([(0, 1)])) == ([], [], [])
    assert aligned(stream([(0, 1)], []), (1, 0, 1), (0, 1, 1))[2] == [True, True]


def test_what_is_left_out_is_counted():
    made = align(stream([(0, 4), (5, 6)]), *np.array([(0, 0, 2), (0, 4, 5), (0, 5, 6)]).T)
    counts: Counter[str] = Counter()
    assert made.kept("drop", counts, "mentions").tolist() == [2]
    assert counts == {"mentions without tokens": 1, "mentions cut by tokens": 1}
    assert made.kept("outwards", counts, "mentions").tolist() == [0, 2]


@pytest.mark.parametrize(("kind", "size"), KINDS)
@given(
    st.lists(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=8), min_size=1, max_size=4),
    st.data(),
)
@settings(max_examples=60)
def test_like_an_oracle_that_goes_token_by_token(kind, size, parts, data):
    tokenizer = tiny_tokenizer.loaded(kind, size)
    texts = ["".join(one) for one in parts]
    found = tokenizer.encode(texts)
    at = st.integers(0, len(texts) - 1).flatmap(
        lambda d: st.tuples(st.just(d), st.integers(0, len(texts[d])), st.integers(0, len(texts[d])))
    )
    spans = [(d, min(a, b), max(a, b)) for d, a, b in data.draw(st.lists(at, max_size=6))]
    made = aligned(found, *spans)
    for (document, start, end), (low, high), cut, empty in zip(spans, *made, strict=True):
        mine = oracle(found, document, start, end)
        assert empty == (not mine)
        if not mine:
            continue
        assert list(range(low, high)) == mine
        assert cut == (found.start[mine[0]] < start or found.end[mine].max() > end)
        if not cut:
            says_the_same(tokenizer, found.ids[low:high], texts[document][start:end])


def oracle(found: Stream, document: int, start: int, end: int) -> list[int]:
    """Take tokens that share a character with the span, and those that stand for the rest of one."""
    mine: list[int] = []
    for token in range(found.begins[document], found.begins[document + 1]):
        low, high = int(found.start[token]), int(found.end[token])
        rest = low == high and mine and mine[-1] == token - 1 and high <= end
        if rest or (low < high and max(low, start) < min(high, end)):
            mine.append(token)
    return mine


def says_the_same(tokenizer, ids, surface):
    """Compare the words of tokens with the text, as the tokenizer normalises it."""
    said = tokenizer.decode(ids)
    if tokenizer.special.unk in ids.tolist() or "\ufffd" in said or "\ufffd" in surface:
        return
    normal = tokenizer.made.normalizer
    wanted = normal.normalize_str(surface) if normal is not None else surface
    assert bare(said).removeprefix("##") == bare(wanted)


def bare(text: str) -> str:
    """Leave out white space and marks: a composed letter stands where its base letter did."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(char for char in apart if not char.isspace() and not unicodedata.combining(char))
