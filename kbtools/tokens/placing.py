"""Where tokens stand and where words begin, worked out for many documents at once.

A tokenizer tells spans that may hold white space ("Ġword"), repeat (bytes of one character) or be empty.
Here they become spans of a `Stream`: trimmed, one behind the other, none twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import ConfigError
from kbtools.text.segment import words
from kbtools.text.words import DIGIT, EXTENDS, KATAKANA, LETTER, kinds
from kbtools.text.words import HAN as OF_CJK
from kbtools.text.words import SPACE as BLANK
from kbtools.tokens.stream import Stream

I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

SPACE, WORD, HAN, SIGN = range(4)
HAN_RANGES = (  # what BERT takes for Chinese, each character a word: no kana
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)  # fmt: skip


class Raw(NamedTuple):
    """What a tokenizer tells of documents."""

    ids: I32  # [T]
    offsets: I32  # [T, 2] code points of each document
    counts: I64  # [D] tokens of each

    @classmethod
    def joined(cls, parts: Sequence[Raw]) -> Raw:
        """Lay the documents of several end to end."""
        if not parts:
            return cls(np.empty(0, np.int32), np.empty((0, 2), np.int32), np.empty(0, np.int64))
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))


class Laid(NamedTuple):
    """Documents laid end to end."""

    texts: Sequence[str]
    codes: NDArray[np.uint32]  # code points
    sorts: NDArray[np.uint8]  # what each is: SPACE, WORD ...
    begins: I64  # [D + 1] where each document begins

    @classmethod
    def of(cls, texts: Sequence[str]) -> Laid:
        """Lay texts end to end; there must be no halves of characters in them."""
        codes = np.frombuffer("".join(texts).encode("utf-32-le"), "<u4")
        begins = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=begins[1:])
        return cls(texts, codes, _table()[codes], begins)


class Placing:
    """How spans and words follow from what one tokenizer tells."""

    def __init__(
        self, strings: pa.Array, *, wordpiece: str | None, spaces: str, zh: Literal["characters", "jieba"]
    ) -> None:
        self.by_jieba = zh == "jieba"
        self.goes_on: Bools | None = None
        if wordpiece:
            self.goes_on = _flags(pc.starts_with(strings, wordpiece))
        bare = pc.utf8_trim(strings, spaces) if spaces else strings
        self.white = _flags(pc.equal(pc.utf8_length(bare), 0)) if spaces else None

    def stream(self, laid: Laid, raw: Raw, langs: Sequence[str | None] | None) -> Stream:
        """Make the stream of documents out of what the tokenizer tells of them."""
        codes, sorts = laid.codes, laid.sorts
        begins = np.append(0, np.cumsum(raw.counts))
        base = np.repeat(laid.begins[:-1], raw.counts)
        start, stop = raw.offsets[:, 0] + base, raw.offsets[:, 1] + base
        if len(base) and (int(stop.max()) > len(codes) or (start > stop).any() or (start < base).any()):
            raise ConfigError("a tokenizer that tells places outside of the text; save it anew as a fast one")
        white = self._trim(raw.ids, start, stop, sorts)
        behind = raw.offsets[:, 1] + base  # where white space ends that is a word with what follows
        if len(base):
            stop = np.maximum.accumulate(np.where(white, base, stop))
        before = np.maximum(np.append(0, stop[:-1])[: len(stop)], base)
        start = np.minimum(np.where(white, before, np.maximum(start, before)), stop)
        spans = Spans(start, stop, base, white)
        word = self._words(raw.ids, codes, sorts, spans, behind)
        if self.by_jieba:
            self._segment(laid, langs, spans, word)
        word[begins[:-1][raw.counts > 0]] = True
        return Stream(raw.ids, (start - base).astype(np.int32), (stop - base).astype(np.int32), word, begins)

    def _trim(self, ids: I32, start: I64, stop: I64, sorts: NDArray[np.uint8]) -> Bools:
        """Take white space off both ends of spans, in place; tell which tokens are nothing else."""
        white = start >= stop
        if self.white is not None:
            white |= self.white[ids]
        left = np.flatnonzero(~white)
        while len(left := left[sorts[start[left]] == SPACE]):
            start[left] += 1
            white[left] = start[left] == stop[left]
            left = left[~white[left]]
        right = np.flatnonzero(~white)
        while len(right := right[sorts[stop[right] - 1] == SPACE]):
            stop[right] -= 1
        return white

    def _words(
        self, ids: I32, codes: NDArray[np.uint32], sorts: NDArray[np.uint8], spans: Spans, behind: I64
    ) -> Bools:
        """Tell which tokens begin a word.

        The vocabulary tells (##ing goes on), or else the text: white space before it, another sort of
        character, another sign. A Chinese character always does. A token of a space is a word with what
        follows, another of white space is one by itself.
        """
        full = np.flatnonzero(spans.start < spans.stop)
        first = spans.start[full]
        if self.goes_on is not None:
            begins = ~self.goes_on[ids[full]]
        else:
            here, last = sorts[first], sorts[first - 1]  # the first of all is corrected by the caller
            begins = (here != last) | ((here == SIGN) & (codes[first] != codes[first - 1]))
            begins |= first == spans.base[full]
            behind[~spans.white] = -1
            at = np.flatnonzero(first <= behind[full - 1]) if len(behind) else full
            at = at[(spans.base[full[at]] == spans.base[full[at] - 1]) & (full[at] > 0)]
            ends = np.maximum(behind[full[at] - 1], 1) - 1  # what a token of white space ends with
            begins[at[(sorts[ends] != SPACE) | (codes[ends] == ord(" "))]] = False
        word = spans.white.copy()
        word[full] = begins | (sorts[first] == HAN)
        return word

    def _segment(self, laid: Laid, langs: Sequence[str | None] | None, spans: Spans, word: Bools) -> None:
        """Take back the beginnings within Chinese words, in place."""
        sorts = laid.sorts
        inner = np.zeros(len(sorts), bool)
        for at, text in enumerate(laid.texts):
            lang = langs[at] if langs is not None else None
            low, high = laid.begins[at], laid.begins[at + 1]
            if (lang is None or lang[:2] == "zh") and (sorts[low:high] == HAN).any():
                inner[low:high] = True
                inner[low + words(text, lang, zh="jieba")[:, 0]] = False
        full = np.flatnonzero(spans.stop - spans.start == 1)
        first = spans.start[full]
        word[full[inner[first] & (sorts[first] == HAN)]] = False


class Spans(NamedTuple):
    """Spans of tokens, in code points of all documents laid end to end."""

    start: I64  # [T]
    stop: I64  # [T]
    base: I64  # [T] where the token's document begins
    white: Bools  # [T] the token is white space, which has no place


def _flags(column: pa.Array) -> Bools:
    return np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), bool)


@cache
def _table() -> NDArray[np.uint8]:
    """Return the sort of every code point."""
    known = kinds()
    sorts = np.full(len(known), SIGN, np.uint8)
    sorts[known == BLANK] = SPACE
    sorts[np.isin(known, (LETTER, DIGIT, EXTENDS, OF_CJK, KATAKANA))] = WORD
    for low, high in HAN_RANGES:
        sorts[low : high + 1] = HAN
    return sorts
