"""Names found by a piece of them that has no typo: every name within τ edits of a query.

A name is cut into τ + 1 segments. τ edits cannot touch them all, so one of them stands in the query (Li et
al., PASS-JOIN, VLDB 2011), and where it stands is nearly known: charge each edit to the segment it falls
into, one between two to the left one. Let i be the first segment such that up to its end no more than i
edits are charged, counted from 0; then it is untouched, exactly i edits lie before it and at most τ − i
after. So for a query that is Δ longer than the name it is shifted by δ with |δ| ≤ i and |Δ − δ| ≤ τ − i.

Swapping two neighbours is one edit here. If they stand across the border of two segments, it is charged to
the left one, and the right one may begin with the wrong character: the one that precedes it in the query is
its true beginning, and so each segment but the first is looked for in that way too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.linkers.index.fuzzy.files import Arrays
from kbtools.linkers.index.fuzzy.strings import Strings, ranges

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
LONG_ENOUGH = (2, 4, 12, 18)  # characters for one edit, for two, …


def allowed(lengths: I64, edits: int) -> I64:
    """Return τ for names of these lengths: 0 for one character, 1 up to three, 2 up to eleven and so on."""
    return np.searchsorted(np.array(LONG_ENOUGH[:edits], np.int64), lengths, side="right")


def cut(lengths: I64, segment: int, edits: int) -> tuple[I64, I64]:
    """Return where a segment begins in names of these lengths, and how long it is; 0 if there is none."""
    parts = allowed(lengths, edits) + 1
    begin, end = segment * lengths // parts, (segment + 1) * lengths // parts
    return begin, np.where(segment < parts, end - begin, 0)


def of(strings: Strings, edits: int) -> Iterator[tuple[I64, U64]]:
    """Yield, for each segment, the strings that have it, and its hashes."""
    sums, lengths = hashing.prefix(strings.codes), strings.lengths
    for segment in range(edits + 1):
        begin, size = cut(lengths, segment, edits)
        mine = np.flatnonzero(size)
        starts = strings.offsets[mine] + begin[mine]
        yield mine, _finish(hashing.raw(sums, starts, starts + size[mine]), lengths[mine], segment)


def _finish(raw: U64, lengths: I64, segment: int | I64) -> U64:
    """Make equal segments of names of other lengths, or in other places, other keys."""
    salt = (lengths * 8 + segment + 1).astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    return hashing.mix(raw + salt)


@cache
def _plan(length: int, edits: int) -> I64:
    """Return where to look in queries of a length: rows of start, size, name's length, segment, swapped."""
    rows = []
    for name in range(max(1, length - edits), length + edits + 1):
        most = int(allowed(np.array([name]), edits)[0])
        longer = length - name
        for i in range(most + 1 if abs(longer) <= most else 0):
            begin, size = (int(part[0]) for part in cut(np.array([name]), i, edits))
            for shift in range(max(-i, longer - most + i), min(i, longer + most - i) + 1):
                start = begin + shift
                if start >= 0 and start + size <= length:
                    rows += [(start, size, name, i, 0)]
                    rows += [(start, size, name, i, 1)] if i and start else []
    return np.array(rows, np.int64).reshape(-1, 5)


def probes(strings: Strings, edits: int) -> tuple[I64, U64, I64]:
    """Return what to look for: whose query it is, the hash, and the edits allowed in the names it finds."""
    plans = [_plan(length, edits) for length in strings.lengths.tolist()]
    whose = np.repeat(np.arange(len(plans)), [len(plan) for plan in plans])
    start, size, name, segment, swapped = np.concatenate([np.zeros((0, 5), np.int64), *plans]).T
    starts = strings.offsets[whose] + start
    sums = hashing.prefix(strings.codes)
    raw = hashing.raw(sums, starts, starts + size)
    odd = np.flatnonzero(swapped)
    at = starts[odd]
    raw[odd] += hashing.raw(sums, at - 1, at) - hashing.raw(sums, at, at + 1)
    return whose, _finish(raw, name, segment), allowed(name, edits)


def sizes(arrays: Arrays, hashes: U64) -> I64:
    """Return how many segments have to be looked at for each hash."""
    firsts, lasts = _buckets(arrays, hashes)
    return lasts - firsts


def find(arrays: Arrays, hashes: U64) -> tuple[I64, I64]:
    """Return the probes that found something, one row for each name, and the names.

    Now and then a name is found by a hash that only begins like that of its segment.
    """
    firsts, lasts = _buckets(arrays, hashes)
    tags = (hashes >> np.uint64(48 - _bits(arrays))).astype(np.uint16)
    rows = ranges(firsts, lasts - firsts, len(arrays["places"]))
    probe = np.repeat(np.arange(len(hashes)), lasts - firsts)
    hit = np.flatnonzero(arrays["tags"][rows] == tags[probe])
    return probe[hit], arrays["places"][rows[hit]].astype(np.int64)


def _buckets(arrays: Arrays, hashes: U64) -> tuple[I64, I64]:
    bucket = (hashes >> np.uint64(64 - _bits(arrays))).astype(np.int64)
    return arrays["buckets"][bucket].astype(np.int64), arrays["buckets"][bucket + 1].astype(np.int64)


def _bits(arrays: Arrays) -> int:
    return (len(arrays["buckets"]) - 1).bit_length() - 1
