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
    octets = bits.view(np.uint8).take(places >> 3)  # eight bits at a time: less to move
    octets >>= places.astype(np.uint8) & np.uint8(7)
    octets &= np.uint8(1)
    found: NDArray[np.bool_] = octets.view(np.bool_)
    return found


def mark(bits: U64, hashes: U64) -> None:
    """Set the bits of the hashes."""
    places = _places(bits, hashes)
    np.bitwise_or.at(bits, places >> 6, np.uint64(1) << (places & 63).view(np.uint64))


def _places(bits: U64, hashes: U64) -> I64:
    size = len(bits) * 64  # as signed numbers, which numpy takes for indices as they are
    power = size & (size - 1) == 0
    return (hashes & np.uint64(size - 1) if power else hashes % np.uint64(size)).view(np.int64)


class Strings(NamedTuple):
    """Strings to compare: string i is data[starts[i]:ends[i]] in UTF-8, and a "y" where `tails` is set."""

    data: NDArray[np.uint8]
    starts: I64
    ends: I64
    tails: NDArray[np.bool_] | None = None

    def take(self, rows: NDArray[np.intp]) -> Strings:
        """Return some of the strings."""
        tails = None if self.tails is None else self.tails[rows]
        return Strings(self.data, self.starts.take(rows), self.ends.take(rows), tails)


def norms(arrays: Arrays, hashes: U64, strings: Strings) -> I64:
    """Return the numbers of the norms that are the strings, whose hashes are given; −1 if there is none."""
    found = np.full(len(hashes), -1, dtype=np.int64)
    width = np.uint64((len(arrays["buckets"]) - 1).bit_length() - 1)
    buckets = ((hashes >> (np.uint64(64) - width)) if width else np.zeros_like(hashes)).view(np.int64)
    tags = (hashes >> (np.uint64(64 - _TAG_BITS) - width)).astype(np.uint16)
    places = arrays["buckets"].take(buckets).astype(np.int64)
    last = arrays["buckets"].take(buckets + 1).astype(np.int64)
    asked = np.flatnonzero(places < last)
    places = places.take(asked)
    while len(asked):
        fits = np.flatnonzero(arrays["tags"].take(places) == tags.take(asked))
        numbers = arrays["places"].take(places.take(fits)).astype(np.int64)
        fitting = asked.take(fits)
        same = np.flatnonzero(_same(arrays, numbers, strings.take(fitting)))
        found[fitting.take(same)] = numbers.take(same)
        places = places + 1
        on = (places < last[asked]) & (found[asked] < 0)
        asked, places = asked[on], places[on]
    return found


def repeated_norms(arrays: Arrays, hashes: U64, strings: Strings) -> I64:
    """Return the same as `norms` where many strings are the same, as words of a text are.

    A string is looked up once for all that are equal to it: the text is nearer at hand than the norms.
    """
    slots = (hashes & np.uint64(_SLOTS - 1)).view(np.int64)
    rows = np.arange(len(hashes))
    last = np.empty(_SLOTS, dtype=np.int64)
    last[slots] = rows
    like = last.take(slots)
    lengths = strings.ends - strings.starts
    again = (like != rows) & (hashes == hashes.take(like)) & (lengths == lengths.take(like)) & (lengths > 0)
    if strings.tails is not None:
        again &= strings.tails == strings.tails.take(like)
    again = np.flatnonzero(again)
    starts, others = strings.starts.take(again), strings.starts.take(like.take(again))
    again = again[_equal(strings.data, others, strings.data, starts, lengths.take(again))]
    found = np.full(len(hashes), -2, dtype=np.int64)
    found[again] = -1
    once = np.flatnonzero(found == -2)
    found[once] = norms(arrays, hashes.take(once), strings.take(once))
    found[again] = found.take(like.take(again))
    return found


_SLOTS = 1 << 16


def _same(arrays: Arrays, numbers: I64, strings: Strings) -> NDArray[np.bool_]:
    """Compare norms with the strings they should be, byte by byte."""
    first = arrays["offsets"].take(numbers).astype(np.int64)
    lengths = arrays["offsets"].take(numbers + 1).astype(np.int64) - first
    if strings.tails is not None:
        ends_in_y = arrays["norms"][np.maximum(first + lengths - 1, 0)] == ord("y")
        lengths = np.where(strings.tails, np.where(ends_in_y, lengths - 1, -1), lengths)
    same: NDArray[np.bool_] = lengths == strings.ends - strings.starts
    rows = np.flatnonzero(same & (lengths > 0))
    if len(rows):
        first, starts, lengths = first.take(rows), strings.starts.take(rows), lengths.take(rows)
        same[rows] = _equal(arrays["norms"], first, strings.data, starts, lengths)
    return same


def _equal(
    theirs: NDArray[np.uint8], first: I64, ours: NDArray[np.uint8], starts: I64, lengths: I64
) -> NDArray[np.bool_]:
    """Compare strings of equal lengths, none empty, eight bytes at a time; the last eight may overlap."""
    their_words, our_words = _words(theirs), _words(ours)
    differ = _word(their_words, first) ^ _word(our_words, starts)
    same: NDArray[np.bool_] = (differ & _MASKS.take(np.minimum(lengths, 8))) == 0
    rest = np.flatnonzero(same & (lengths > 8))
    at = 0
    while len(rest):
        at += 8
        back = np.minimum(at, lengths[rest] - 8)
        equal = their_words[first[rest] + back] == our_words[starts[rest] + back]
        same[rest[~equal]] = False
        rest = rest[equal & (lengths[rest] > at + 8)]
    return same


_MASKS = np.array([(1 << 8 * octets) - 1 for octets in range(9)], dtype=np.uint64)


def _words(data: NDArray[np.uint8]) -> U64:
    """Show the eight bytes that begin at each byte as one number."""
    data = np.ascontiguousarray(data if len(data) >= 8 else np.append(data, np.zeros(8, dtype=np.uint8)))
    return np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))


def _word(words: U64, at: I64) -> U64:
    if at.max(initial=0) < len(words):
        return words[at]
    low = np.minimum(at, len(words) - 1)
    return words[low] >> ((at - low) << 3).astype(np.uint64)


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


def entries(arrays: Arrays, numbers: I64, *spelt: U64) -> tuple[I64, NDArray[np.uint8]]:
    """Return the entry and the level of known norms spelt so: hashes of the EXACT, CASE and FOLDED forms.

    The entry is that of the first of the three that the norm has, else that of the norm as a whole. Those
    left out are not asked for.
    """
    first = arrays["entries"].take(numbers).astype(np.int64)
    counts = arrays["entries"].take(numbers + 1) - first
    found, level = first.copy(), np.full(len(numbers), NORM, dtype=np.uint8)
    rungs = [hashes.astype(np.uint32) for hashes in spelt]
    strictest_last = range(len(rungs) - 1, -1, -1)  # and so it stays
    tags = arrays["form_tags"].take(first)
    for rung in strictest_last:
        level[tags == rungs[rung]] = rung
    several = np.flatnonzero(counts > 1)
    if len(several):
        counts = counts[several]
        before = np.cumsum(counts) - counts
        asked = np.repeat(several, counts)
        theirs = np.repeat(first[several] - before, counts) + np.arange(len(asked))
        tags = arrays["form_tags"][theirs]
        for rung in strictest_last:
            hit = np.flatnonzero(tags == rungs[rung].take(asked))[::-1]  # the first of several stays
            found[asked[hit]], level[asked[hit]] = theirs[hit], rung
    return found, level


def has_forms(arrays: Arrays, numbers: I64) -> NDArray[np.bool_]:
    """Tell which norms have an entry that a spelling could match."""
    first = arrays["entries"].take(numbers)
    several: NDArray[np.bool_] = arrays["entries"].take(numbers + 1) - first > 1
    several |= arrays["form_tags"].take(first) != 0
    return several


def slices(arrays: Arrays, rows: I64) -> tuple[I64, I64, NDArray[np.float32]]:
    """Return the first candidate, the number of candidates and the link probability (or NaN) of entries."""
    links = arrays.get("links")
    none = np.full(len(rows), np.nan, dtype=np.float32)
    return (
        arrays["firsts"].take(rows).astype(np.int64),
        arrays["lengths"].take(rows).astype(np.int64),
        none if links is None else links.take(rows),
    )
