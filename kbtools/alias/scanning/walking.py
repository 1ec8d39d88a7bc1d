"""Walk over a block of normalised text: all spans of 1, 2, 3 … units that are norms.

A span's hash is looked up in a bit array, then the string is compared. After 2, 4, 8 … units only those
starts go on with which some longer norm begins, so that the longest name costs the others nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.alias.scanning import finding
from kbtools.alias.scanning.boundaries import UNITS, starts_and_ends
from kbtools.alias.scanning.finding import I64, U64, Arrays
from kbtools.text.bulk import ASCII_WALL, WALL, Block, Codes

APOSTROPHES = "'`´‘’‛′ʹʻʼʽˈ"


class Walked(NamedTuple):
    """Norms found in a block, ordered by start and end; positions are those of the normalised text."""

    starts: I64
    ends: I64
    norms: I64
    hashes: U64
    units: I64
    plural: NDArray[np.bool_]

    def take(self, rows: NDArray[np.intp]) -> Walked:
        """Keep some of them."""
        parts: list[Any] = [part.take(rows) for part in self]
        return Walked(*parts)


class _Hits(NamedTuple):
    """Spans whose hash may be that of a norm."""

    starts: I64
    ends: I64
    hashes: U64
    units: I64
    cut: I64  # letters of a plural
    whole: I64  # of a plural: the hit that is the span itself, or −1


class _Edges(NamedTuple):
    """Where names may begin and end."""

    starts: I64
    first: I64  # the first end after each start, a place in `ends`
    limit: I64  # the first end beyond the next wall
    ends: I64
    closes: NDArray[np.bool_] | None  # whether a name may end there: not within what was one character
    cut: I64  # letters of a plural before each end
    possessive: I64  # the end before a possessive s, or 0
    owner_cut: I64  # letters of a plural before that


def walk(
    arrays: Arrays, block: Block, original: Codes, lone: NDArray[np.bool_] | None = None
) -> tuple[Walked, int]:
    """Find all norms, and the first start that the end of the block cut short.

    `lone` marks normalised code points that are not asked for where they are a whole norm.
    """
    edges = _edges(block, original)
    hits, unfinished = _hits(arrays, edges, hashing.prefix(block.codes), lone)
    return _verified(arrays, block.codes, hits), unfinished


def _edges(block: Block, original: Codes) -> _Edges:
    codes = block.codes
    starts, ends = starts_and_ends(codes)
    is_ascii = codes.dtype == np.uint8
    walls = np.flatnonzero(codes == (ASCII_WALL if is_ascii else WALL))
    ends_before = np.append(np.searchsorted(ends, walls, side="right"), len(ends))
    starts_before = np.append(np.searchsorted(starts, walls), len(starts))
    limit = np.repeat(ends_before, np.diff(starts_before, prepend=0))
    paired = len(starts) == len(ends) and bool((starts < ends).all() and (ends[:-1] < starts[1:]).all())
    first = np.arange(len(starts)) if paired else np.searchsorted(ends, starts, side="right")
    closes = None
    if block.ends is not None and len(codes):
        low, high = block.starts, block.ends
        apart = np.concatenate([[True], low[1:] >= high[:-1], [True]])  # between codes of two characters
        opens = apart[starts]
        starts, first, limit, closes = starts[opens], first[opens], limit[opens], apart[ends]
        closes = None if closes.all() else closes
    nought = np.zeros(len(ends), dtype=np.int64)
    possessive = _possessive(block, original, ends)
    cut, owner_cut = finding.plurals(codes, nought, ends), finding.plurals(codes, nought, possessive)
    cut[possessive > 0] = 0  # Obama's is no plural: its Obama is found without it
    return _Edges(starts, first, limit, ends, closes, cut, possessive, owner_cut)


def _possessive(block: Block, original: Codes, ends: I64) -> I64:
    """Return where the name ends if an s that followed an apostrophe is left off; else 0."""
    found = np.zeros(len(ends), dtype=np.int64)
    codes = block.codes
    rows = np.flatnonzero((ends >= 2) & (codes[ends - 1] == ord("s")))
    last = ends[rows] - 1
    before = original[np.maximum(block.starts[last] - 1, 0)]
    inside = codes[last - 1] != ord(" ")
    inside &= ends[np.maximum(rows - 1, 0)] != last  # an end anyhow: 삼성's
    inside &= codes[last - 1] != (ASCII_WALL if codes.dtype == np.uint8 else WALL)
    inside &= np.isin(before, np.array([ord(char) for char in APOSTROPHES], dtype=np.uint32))
    found[rows[inside]] = last[inside]
    return found


class _Open(NamedTuple):
    """Starts that go on, and the end they have come to."""

    sums: U64
    starts: I64
    at: I64  # a place among the ends
    limit: I64
    base: U64
    shift: U64

    def take(self, rows: NDArray[np.intp]) -> _Open:
        """Keep some of them."""
        starts, at, limit = (some.take(rows) for some in (self.starts, self.at, self.limit))
        return _Open(self.sums, starts, at, limit, self.base.take(rows), self.shift.take(rows))

    def only(self, kept: NDArray[np.bool_]) -> _Open:
        """Keep those that are marked."""
        return self if kept.all() else self.take(np.flatnonzero(kept))

    def raw(self, ends: I64) -> U64:
        """Return the sums of the spans up to `ends`."""
        sums: U64 = self.sums.take(ends)
        sums -= self.base
        sums *= self.shift
        return sums


def _hits(arrays: Arrays, edges: _Edges, sums: U64, lone: NDArray[np.bool_] | None) -> tuple[_Hits, int]:
    starts = edges.starts
    now = _Open(
        sums, starts, edges.first, edges.limit, sums.take(starts), hashing.inverses(len(sums)).take(starts)
    )
    now = now.only(edges.first < edges.limit)
    found = _Found()
    possessive = bool(edges.possessive.any())
    unfinished, last, units = len(sums) - 1, len(edges.ends) - 1, 0
    while len(now.at):
        units += 1
        if now.at[-1] == last:
            unfinished = min(unfinished, int(now.starts[np.searchsorted(now.at, last)]))
        if possessive:  # first: these end before the others
            owners = now.take(np.flatnonzero(edges.possessive[now.at]))
            ends = edges.possessive[owners.at]
            some = _Spans(ends, hashing.mix(owners.raw(ends)), edges.owner_cut[owners.at])
            found.add(arrays["known"], owners, some, units)
        asked = now
        if units == 1 and lone is not None:  # spans of several codes are asked for in any case
            asked = now.only(~lone.take(now.starts) | (edges.ends.take(now.at) - now.starts > 1))
        ends = edges.ends.take(asked.at)
        hashes = hashing.mix(asked.raw(ends))
        if edges.closes is None:
            found.add(arrays["known"], asked, _Spans(ends, hashes, edges.cut.take(asked.at)), units)
        else:
            rows = np.flatnonzero(edges.closes[asked.at])
            some = _Spans(ends[rows], hashes[rows], edges.cut[asked.at[rows]])
            found.add(arrays["known"], asked.take(rows), some, units)
        go = now.at + 1 < now.limit
        if units in UNITS:  # never 1
            go &= finding.contains(arrays["prefixes"], hashes)
        now = now._replace(at=now.at + 1).only(go)
    return found.all(), unfinished


class _Spans(NamedTuple):
    """What open starts have come to."""

    ends: I64
    hashes: U64
    cut: I64  # letters of a plural


class _Found:
    """Collects hits in the order of their units, which is that of the ends of one start."""

    def __init__(self) -> None:
        self._parts: list[_Hits] = []
        self._count = 0

    def add(self, known: U64, now: _Open, spans: _Spans, units: int) -> None:
        """Look spans up, and the singular of those that end with an English plural."""
        ends, hashes, cut = spans
        rows = np.flatnonzero(finding.contains(known, hashes))
        plurals = np.flatnonzero(cut)
        if len(plurals):
            places = np.full(len(ends), -1, dtype=np.int64)
            places[rows] = np.arange(self._count, self._count + len(rows))
        self._keep(now.starts.take(rows), ends.take(rows), hashes.take(rows), units, *_none(rows))
        if len(plurals):
            stems = _stems(now.take(plurals), ends[plurals], cut[plurals])
            hit = np.flatnonzero(finding.contains(known, stems))
            plurals = plurals[hit]
            self._keep(now.starts[plurals], ends[plurals], stems[hit], units, cut[plurals], places[plurals])

    def _keep(self, starts: I64, ends: I64, hashes: U64, units: int, *plural: I64) -> None:
        self._parts.append(_Hits(starts, ends, hashes, np.full(len(starts), units), *plural))
        self._count += len(starts)

    def all(self) -> _Hits:
        """Return all hits."""
        if not self._parts:
            self._keep(*_none(_NOWHERE), np.zeros(0, dtype=np.uint64), 0, *_none(_NOWHERE))
        return _Hits(*map(np.concatenate, zip(*self._parts, strict=True)))


_NOWHERE = np.zeros(0, dtype=np.int64)


def _none(rows: I64) -> tuple[I64, I64]:
    return np.zeros(len(rows), dtype=np.int64), np.full(len(rows), -1)


def _stems(now: _Open, ends: I64, cut: I64) -> U64:
    """Hash singulars."""
    raw = now.raw(ends - cut)
    ies = np.flatnonzero(cut == 3)
    if len(ies):
        raw[ies] = hashing.extended(raw[ies], (ends - cut - now.starts)[ies], "y")
    return hashing.mix(raw)


def _verified(arrays: Arrays, codes: Codes, hits: _Hits) -> Walked:
    """Keep what is a norm indeed, and plurals where the name itself is none."""
    data, place = utf8(codes)
    stems = hits.ends - hits.cut
    starts, ends = (hits.starts, stems) if place is None else (place[hits.starts], place[stems])
    tails = hits.cut == 3
    strings = finding.Strings(data, starts, ends, tails if tails.any() else None)
    numbers = finding.repeated_norms(arrays, hits.hashes, strings)
    keep = numbers >= 0
    plurals = np.flatnonzero(hits.whole >= 0)
    keep[plurals] &= ~keep[hits.whole[plurals]]
    rows = np.flatnonzero(keep)
    rows = rows[_ascending(hits.starts[rows], len(codes))]
    starts, ends, units, cut = (part.take(rows) for part in (hits.starts, hits.ends, hits.units, hits.cut))
    return Walked(starts, ends, numbers.take(rows), hits.hashes.take(rows), units, cut > 0)


def _ascending(starts: I64, size: int) -> NDArray[np.intp]:
    """Sort by start; those with one start stay in the order of their ends."""
    return np.argsort(
        starts.astype(np.uint16) if size <= 1 << 16 else starts, kind="stable"
    )  # 16 bits: radix


def utf8(codes: Codes) -> tuple[NDArray[np.uint8], I64 | None]:
    """Encode a block; where each code begins, unless each is one byte. Walls become spaces."""
    if codes.dtype == np.uint8:
        return codes, None
    plain = np.where(codes == WALL, np.uint32(ord(" ")), codes)
    wide = np.flatnonzero(plain >= 0x80)
    if not len(wide):
        return plain.astype(np.uint8), None
    place = np.ones(len(plain) + 1, dtype=np.int64)
    place[0] = 0
    letters = plain[wide]
    place[wide + 1] = np.int64(2) + (letters >= 0x800) + (letters >= 0x10000)
    np.cumsum(place, out=place)
    return np.frombuffer(plain.tobytes().decode("utf-32-le").encode(), dtype=np.uint8), place
