"""From hashes to norms and from spellings to entries, over the arrays of a compiled look-up (schema.py).

What a look-up and a scan share. Queries are strings given as spans of one array of UTF-8; all functions take
and return numpy arrays, one item a query:

    contains(bits, hashes)                         could it be there? (a bit array; `mark` sets its bits)
    norms(arrays, hashes, Strings(data, starts, ends))  the number of the norm, compared byte by byte; or −1
    plurals(data, starts, ends)                    how many letters an English plural is longer than its stem
    entries(arrays, numbers, exact, case, folded)  the entry of each norm and spelling, and its level
    slices(arrays, entries)                        first candidate, number of candidates, link probability
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.schema import LEVELS

Arrays = Mapping[str, NDArray[Any]]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

NORM, INFLECTED = LEVELS.index("norm"), LEVELS.index("inflected")
_TAG_BITS = 16


def contains(bits: U64, hashes: U64) -> NDArray[np.bool_]:
    """Tell which hashes have their bit set in a bit array of any size."""
    if not len(bits):
        return np.zeros(len(hashes), dtype=np.bool_)
    places = _places(bits, hashes)
    octets = bits.view(np.uint8)[places >> np.uint64(3)]  # eight bits at a time: less to move
    return ((octets >> (places & np.uint64(7)).astype(np.uint8)) & np.uint8(1)).view(np.bool_)


def mark(bits: U64, hashes: U64) -> None:
    """Set the bits of the hashes."""
    places = _places(bits, hashes)
    np.bitwise_or.at(bits, places >> np.uint64(6), np.uint64(1) << (places & np.uint64(63)))


def _places(bits: U64, hashes: U64) -> U64:
    size = len(bits) * 64
    return hashes & np.uint64(size - 1) if size & (size - 1) == 0 else hashes % np.uint64(size)


class Strings(NamedTuple):
    """Strings to compare: string i is data[starts[i]:ends[i]] in UTF-8, and a "y" where `tails` is set."""

    data: NDArray[np.uint8]
    starts: I64
    ends: I64
    tails: NDArray[np.bool_] | None = None

    def take(self, rows: NDArray[np.intp]) -> Strings:
        """Return some of the strings."""
        tails = None if self.tails is None else self.tails[rows]
        return Strings(self.data, self.starts[rows], self.ends[rows], tails)


def norms(arrays: Arrays, hashes: U64, strings: Strings) -> I64:
    """Return the numbers of the norms that are the strings, whose hashes are given; −1 if there is none."""
    found = np.full(len(hashes), -1, dtype=np.int64)
    width = np.uint64((len(arrays["buckets"]) - 1).bit_length() - 1)
    buckets = (hashes >> (np.uint64(64) - width)) if width else np.zeros_like(hashes)
    tags = (hashes >> (np.uint64(64 - _TAG_BITS) - width)).astype(np.uint16)
    places = arrays["buckets"][buckets].astype(np.int64)
    last = arrays["buckets"][buckets + np.uint64(1)].astype(np.int64)
    asked = np.flatnonzero(places < last)
    places = places[asked]
    while len(asked):
        fits = np.flatnonzero(arrays["tags"][places] == tags[asked])
        numbers = arrays["places"][places[fits]].astype(np.int64)
        same = np.flatnonzero(_same(arrays, numbers, strings.take(asked[fits])))
        found[asked[fits[same]]] = numbers[same]
        places = places + 1
        on = (places < last[asked]) & (found[asked] < 0)
        asked, places = asked[on], places[on]
    return found


def _same(arrays: Arrays, numbers: I64, strings: Strings) -> NDArray[np.bool_]:
    """Compare norms with the strings they should be, byte by byte."""
    first = arrays["offsets"][numbers].astype(np.int64)
    lengths = arrays["offsets"][numbers + 1].astype(np.int64) - first
    if strings.tails is not None:
        ends_in_y = arrays["norms"][np.maximum(first + lengths - 1, 0)] == ord("y")
        lengths = np.where(strings.tails, np.where(ends_in_y, lengths - 1, -1), lengths)
    same: NDArray[np.bool_] = lengths == strings.ends - strings.starts
    rows = np.flatnonzero(same & (lengths > 0))
    if not len(rows):
        return same
    lengths = lengths[rows]
    bounds = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(lengths, out=bounds[1:])
    inside = np.arange(bounds[-1])
    theirs = arrays["norms"][np.repeat(first[rows] - bounds[:-1], lengths) + inside]
    ours = strings.data[np.repeat(strings.starts[rows] - bounds[:-1], lengths) + inside]
    same[rows] = np.logical_and.reduceat(theirs == ours, bounds[:-1])
    return same


def plurals(data: NDArray[Any], starts: I64, ends: I64) -> NDArray[np.int64]:
    """Return how many letters to take off to get from an English plural to the singular; 0 if it is none.

    1: an s, not after u or s. 3: the ies of a word in y, not after a or e: put the y back. The last four
    letters are ASCII (Harman 1991). `data` may be UTF-8 or code points.
    """
    cut = np.zeros(len(starts), dtype=np.int64)
    rows = np.flatnonzero(ends - starts >= 4)
    if not len(rows):
        return cut
    rows = rows[data[ends[rows] - 1] == ord("s")]
    fourth, third, second = (data[ends[rows] - back] for back in (4, 3, 2))
    letters = _is_letter(fourth) & _is_letter(third) & _is_letter(second)
    s = letters & (second != ord("u")) & (second != ord("s"))
    ies = letters & (third == ord("i")) & (second == ord("e")) & (fourth != ord("a")) & (fourth != ord("e"))
    cut[rows] = np.where(ies, 3, s)
    return cut


def _is_letter(codes: NDArray[Any]) -> NDArray[np.bool_]:
    return (codes >= ord("a")) & (codes <= ord("z"))


def entries(
    arrays: Arrays, numbers: I64, exact: U64, case: U64, folded: U64
) -> tuple[I64, NDArray[np.uint8]]:
    """Return the entry and the level of known norms spelt so: hashes of the EXACT, CASE and FOLDED forms.

    The entry is that of the first of the three that the norm has, else that of the norm as a whole.
    """
    first = arrays["entries"][numbers].astype(np.int64)
    counts = arrays["entries"][numbers + 1].astype(np.int64) - first
    found, level = first.copy(), np.full(len(numbers), NORM, dtype=np.uint8)
    before = np.cumsum(counts) - counts
    asked = np.repeat(np.arange(len(numbers)), counts)
    theirs = np.repeat(first - before, counts) + np.arange(len(asked))
    tags = arrays["form_tags"][theirs]
    for rung, hashes in reversed(
        list(enumerate((exact, case, folded)))
    ):  # the strictest comes last and stays
        hit = np.flatnonzero(tags == hashes.astype(np.uint32)[asked])[::-1]  # the first of several stays
        found[asked[hit]], level[asked[hit]] = theirs[hit], rung
    return found, level


def slices(arrays: Arrays, rows: I64) -> tuple[I64, I64, NDArray[np.float32]]:
    """Return the first candidate, the number of candidates and the link probability (or NaN) of entries."""
    links = arrays.get("links")
    none = np.full(len(rows), np.nan, dtype=np.float32)
    return (
        arrays["firsts"][rows].astype(np.int64),
        arrays["lengths"][rows].astype(np.int64),
        none if links is None else links[rows],
    )
