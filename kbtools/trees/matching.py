"""Entities in sentences: names of the knowledge base, the longest first, from left to right.

A name means its most likely entity. One whose entity nothing is said of is no name here: a longer name
without facts does not hide a shorter one that has some.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import Alias
from kbtools.alias.scanning.scan import Spans
from kbtools.linked.overlap import leftmost_longest
from kbtools.text.stop_words import stop_words
from kbtools.tokens.touching import touched
from kbtools.trees.base import F32, I64, Mentions, Tokens
from kbtools.trees.facts import Facts
from kbtools.trees.settings import Settings
from kbtools.trees.strings import Joined

EXACT = 0  # a place in alias/schema.py LEVELS


class Found(NamedTuple):
    """Entities at places of sentences, in order of (sentence, start)."""

    sentence: I64
    start: I64  # code points of the sentence
    end: I64
    eid: I64
    p: F32

    def take(self, rows: NDArray[Any] | slice) -> Found:
        """Keep some of them."""
        parts: list[Any] = [part[rows] for part in self]
        return Found(*parts)


class Names:
    """The names of one knowledge base in a table of names."""

    def __init__(self, alias: Alias, kb: int, facts: Facts, settings: Settings) -> None:
        self.alias, self.kb, self.facts = alias, kb, facts
        self.exact, self.least = settings.exact, settings.least
        self.stops = alias.lookup(stop_words()).norm if settings.stops else np.zeros(0, np.int64)

    def find(self, texts: list[str]) -> Found:
        """Find the names in running text, longest first, left to right."""
        spans = self.alias.scan(texts, self.least)
        kept = spans.length > 0
        if self.exact:
            kept &= spans.level == EXACT
        stop = np.isin(spans.norm, self.stops)
        doubtful = np.flatnonzero(kept & (stop | (spans.level != EXACT)))
        if len(doubtful):
            big, small = _cased(texts, spans.take(doubtful))
            shouted = (small == 0) & (big > 1)
            kept[doubtful] = np.where(stop[doubtful], shouted, (big > 0) | (small == 0) | self.exact)
        spans = spans.take(np.flatnonzero(kept))
        eid, p = self.alias.likeliest(spans, self.kb)
        told = np.flatnonzero(self.facts.counts(eid) > 0)
        text, start, end = (part[told].astype(np.int64) for part in (spans.text, spans.start, spans.end))
        found = Found(text, start, end, eid[told], p[told])
        return found.take(longest(found.sentence, found.start, found.end))

    def look_up(self, words: list[str], sentence: I64, start: I64, end: I64) -> Found:
        """Look words up as they are; their places are told."""
        slices = self.alias.lookup(words)
        known = slices.length > 0
        if self.exact:
            known &= slices.level == EXACT
        eid, p = self.alias.likeliest(slices, self.kb)
        kept = np.flatnonzero(known & (self.facts.counts(eid) > 0))
        return Found(sentence[kept], start[kept], end[kept], eid[kept], p[kept])


def longest(sentence: I64, start: I64, end: I64) -> I64:
    """Choose from left to right, of those that begin at one place the longest."""
    return leftmost_longest(sentence, start, end, np.zeros(len(start), np.int8))


def aligned(found: Found, tokens: Tokens) -> Mentions:
    """Find the tokens of entities: all that they touch; of two that share one, the first stays."""
    first, stop = touched(tokens, found.sentence, found.start, found.end)
    rows = np.flatnonzero(first < stop)
    rows = rows[longest(found.sentence[rows], first[rows], stop[rows])]
    return Mentions(
        found.sentence[rows],
        first[rows].astype(np.int64),
        stop[rows].astype(np.int64),
        found.eid[rows],
        found.p[rows],
        found.start[rows].astype(np.int32),
        found.end[rows].astype(np.int32),
    )


def _cased(texts: list[str], spans: Spans) -> tuple[I64, I64]:
    """Count capitals and small letters of places: `it` is not IT, and `no` is not NO."""
    used, text = np.unique(spans.text, return_inverse=True)
    joined = Joined([texts[at] for at in used.tolist()])
    cases = _cases()[np.minimum(joined.codes, len(_cases()) - 1)]
    low, high = (joined.begins[text] + place for place in (spans.start, spans.end))
    big, small = (np.concatenate([[0], np.cumsum(cases == kind)]) for kind in (2, 1))
    return big[high] - big[low], small[high] - small[low]


@cache
def _cases() -> NDArray[np.uint8]:
    """Tell small letters (1) and capitals (2) from all else."""
    cases = np.zeros(0x1E945, np.uint8)
    for code in range(len(cases) - 1):
        cases[code] = {"Ll": 1, "Lu": 2, "Lt": 2}.get(unicodedata.category(chr(code)), 0)
    return cases
