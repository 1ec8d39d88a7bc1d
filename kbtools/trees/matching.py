"""Entities in sentences: names of the knowledge base, the longest first, from left to right.

A name means its most likely entity. One whose entity nothing is said of is no name here: a longer name
without facts does not hide a shorter one that has some.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import Alias
from kbtools.alias.lookup import Slices
from kbtools.alias.scanning.scan import Spans
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
        self.stops = alias.lookup(_stop_words()).norm if settings.stops else np.zeros(0, np.int64)

    def find(self, texts: list[str]) -> Found:
        """Find the names in running text, longest first, left to right."""
        spans = self.alias.scan(texts)
        kept = (spans.end - spans.start >= self.least) & (spans.length > 0)
        if self.exact:
            kept &= spans.level == EXACT
        stop = np.isin(spans.norm, self.stops)
        doubtful = np.flatnonzero(kept & (stop | (spans.level != EXACT)))
        if len(doubtful):
            big, small = _cased(texts, spans.take(doubtful))
            shouted = (small == 0) & (big > 1)
            kept[doubtful] = np.where(stop[doubtful], shouted, (big > 0) | (small == 0) | self.exact)
        spans = spans.take(np.flatnonzero(kept))
        eid, p = self._likely(spans)
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
        eid, p = self._likely(slices)
        kept = np.flatnonzero(known & (self.facts.counts(eid) > 0))
        return Found(sentence[kept], start[kept], end[kept], eid[kept], p[kept])

    def _likely(self, names: Spans | Slices) -> tuple[I64, F32]:
        """Return the most likely entity of each name; −1 if it has none in this knowledge base."""
        arrays, ends = self.alias.arrays, names.first + names.length
        row = names.first.copy()
        while "kbs" in arrays:  # candidates are ordered by knowledge base, then by prior
            going = np.flatnonzero(row < ends)
            going = going[arrays["kbs"][row[going]] != self.kb]
            if not len(going):
                break
            row[going] += 1
        known = np.flatnonzero(row < ends)
        eid, p = np.full(len(row), -1, np.int64), np.zeros(len(row), np.float32)
        eid[known], p[known] = arrays["eids"][row[known]], arrays["priors"][row[known]]
        return eid, p


def longest(sentence: I64, start: I64, end: I64) -> I64:
    """Choose from left to right, of those that begin at one place the longest; rows are ordered by start.

    All sentences go side by side: from the span that was chosen each leaps to the first that begins behind.
    """
    if not len(start):
        return np.zeros(0, np.int64)
    key = sentence << 32
    order = np.lexsort((-end, start, sentence))
    begin, stop = (key | start)[order], (key | end)[order]
    head = np.flatnonzero(np.append(True, begin[1:] != begin[:-1]))  # the longest of each place
    begin, stop = begin[head], stop[head]
    leap = np.searchsorted(begin, stop)
    chosen = np.zeros(len(begin), np.bool_)
    own = begin >> 32
    now = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
    limit = np.append(now[1:], len(begin))
    while len(now):
        chosen[now] = True
        now = leap[now]
        go = now < limit
        now, limit = now[go], limit[go]
    rows: I64 = np.sort(order[head[chosen]])
    return rows


def aligned(found: Found, tokens: Tokens) -> Mentions:
    """Find the tokens of entities: all that they touch; of two that share one, the first stays."""
    owner = np.repeat(np.arange(tokens.size), np.diff(tokens.begins)) << 32
    starts = owner | (2 * tokens.start.astype(np.int64) + (tokens.end > tokens.start))
    ends = owner | tokens.end
    place = found.sentence << 32
    first = np.searchsorted(ends, place | found.start, "right")
    stop = np.searchsorted(starts, place | (2 * found.end + 1))
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
    joined = Joined(texts)
    cases = _cases()[np.minimum(joined.codes, len(_cases()) - 1)]
    low, high = (joined.begins[spans.text] + place for place in (spans.start, spans.end))
    big, small = (np.concatenate([[0], np.cumsum(cases == kind)]) for kind in (2, 1))
    return big[high] - big[low], small[high] - small[low]


def _stop_words() -> list[str]:
    lines = files("kbtools").joinpath("tables", "stop_words.txt").read_text("utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


@cache
def _cases() -> NDArray[np.uint8]:
    """Tell small letters (1) and capitals (2) from all else."""
    cases = np.zeros(0x1E945, np.uint8)
    for code in range(len(cases) - 1):
        cases[code] = {"Ll": 1, "Lu": 2, "Lt": 2}.get(unicodedata.category(chr(code)), 0)
    return cases
