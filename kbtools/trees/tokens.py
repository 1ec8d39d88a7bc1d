"""Sentences and branches as tokens: of a tokenizer, or characters, or words.

With the policy `reference` every character is a token whatever the script, [CLS] and the like are one, and
numbers are looked up in the vocabulary as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.kb.schema import STR
from kbtools.text.words import words
from kbtools.tokens.tokenizer import Tokenizer
from kbtools.trees.base import I64, Bools, Tokens
from kbtools.trees.settings import Settings
from kbtools.trees.strings import Joined

WHOLE = re.compile(r"\[(?:PAD|UNK|CLS|SEP|MASK|ENT|SUB|PRE|OBJ)\]")  # never split by the published code


class Specials(NamedTuple):
    """What stands around sentences: places in `strings`."""

    strings: pa.StringArray
    ids: list[int] | None
    begin: list[int]
    between: list[int]  # after the first of a pair
    end: list[int]  # after the last


class Tokenising:
    """How texts become tokens."""

    def __init__(self, settings: Settings, tokenizer: Tokenizer | None) -> None:
        self.settings, self.tokenizer = settings, tokenizer

    def trunks(self, texts: list[str], langs: Sequence[str | None]) -> Tokens:
        """Make tokens of sentences."""
        return self._tokens(texts, langs, spaces=False)

    def branches(self, texts: list[str], langs: Sequence[str | None] | None = None) -> Tokens:
        """Make tokens of branches; the published code keeps white space in them."""
        return self._tokens(texts, langs, spaces=self.settings.policy == "reference")

    def _tokens(self, texts: list[str], langs: Sequence[str | None] | None, *, spaces: bool) -> Tokens:
        if self.tokenizer is None or self.settings.characters:
            made = characters(texts, spaces=spaces) if self.settings.characters else by_words(texts)
            ids = None if self.tokenizer is None else self.tokenizer.ids_of(made.strings)
            return made._replace(ids=ids)
        stream = self.tokenizer.encode(texts, langs)
        strings = self.tokenizer.words(stream.ids)
        return Tokens(strings, stream.ids, stream.start, stream.end, stream.word, stream.begins)

    def specials(self) -> Specials:
        """Say what stands around sentences."""
        ends = self.settings.ends
        if self.tokenizer is None:
            return Specials(pa.array(["[CLS]", "[SEP]"], STR), None, [0], [1], [1] if ends else [])
        special = self.tokenizer.special
        cls, sep = special.cls, special.sep
        between = list(self.tokenizer.between)
        ids = [cls, sep, *between]
        strings = self.tokenizer.words(np.array([max(one, 0) for one in ids], np.int32)).cast(STR)
        return Specials(
            strings,
            ids,
            [0] if cls >= 0 else [],
            list(range(2, 2 + len(between))),
            [1] if ends and sep >= 0 else [],
        )


def characters(texts: list[str], *, spaces: bool = False) -> Tokens:
    """Make a token of each character; white space is none, unless it is asked for."""
    joined = Joined(texts)
    kept = np.ones(len(joined.codes), np.bool_) if spaces else ~_white()[np.minimum(joined.codes, _LAST)]
    kept[joined.begins[1:] - 1] = False
    begins = kept.copy()
    if "[" in joined.text:
        for found in WHOLE.finditer(joined.text):
            begins[found.start() + 1 : found.end()] = False
    start = np.flatnonzero(begins)
    solid = np.flatnonzero(kept)
    last = np.searchsorted(solid, start[1:]) - 1  # of tokens: the last character before the next one
    end = solid[np.append(last, len(solid) - 1)] + 1 if len(start) else start
    return _tokens(joined, start, end)


def by_words(texts: list[str]) -> Tokens:
    """Make a token of each word, number, symbol and Chinese character."""
    joined = Joined(texts)
    spans = words(joined.text).astype(np.int64)
    return _tokens(joined, spans[:, 0], spans[:, 1])


def _tokens(joined: Joined, start: I64, end: I64) -> Tokens:
    owner = joined.owner(start)
    first = joined.begins[owner]
    return Tokens(
        joined.strings(start, end),
        None,
        (start - first).astype(np.int32),
        (end - first).astype(np.int32),
        np.ones(len(start), np.bool_),
        np.searchsorted(start, joined.begins).astype(np.int64),
    )


_LAST = 0x3001  # no white space from here on


@cache
def _white() -> Bools:
    return np.array([chr(code).isspace() for code in range(_LAST + 1)], np.bool_)
