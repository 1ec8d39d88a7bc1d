"""Normalise a block of many texts at once, as arrays of code points, with offsets.

The same result as `normalise_with_offsets` gives for each text, without a Python string in between: a table
maps code points by themselves, numpy drops and squeezes, and only letters that meet a combining mark go
through the string functions, cluster by cluster. Blocks of some 60,000 code points stay in the cache.

WALL stands between texts: nothing composes over it and spaces beside it go.
"""

from __future__ import annotations

import re
import sys
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.text import CJK, Form, _compose, _joining, _runs, _table

WALL = sys.maxunicode + 1
ASCII_WALL = 0xFF  # the same in a block of ASCII, which is an array of bytes
_DROP, _SEVERAL, _NEW = WALL + 3, WALL + 2, WALL + 1  # in a table: not a code point
_ASCII_DROP = 0xFE
_JOINS = 1
_SPACE = ord(" ")

Codes = NDArray[Any]  # uint8 in a block of ASCII, else uint32
I64 = NDArray[np.int64]


class Block(NamedTuple):
    """Normalised texts; code i comes from the block's code points starts[i] up to end(i)."""

    codes: Codes
    starts: I64
    ends: I64 | None  # None: of each code that is no space, the next one

    def end(self, places: I64) -> I64:
        """Return where in the block the codes at `places`, not spaces, end."""
        return self.starts[places] + 1 if self.ends is None else self.ends[places]

    def is_ascii(self) -> bool:
        """Tell whether this is a block of bytes, with ASCII_WALL as its wall."""
        return self.codes.dtype == np.uint8


def normalise_block(codes: Codes, form: Form) -> Block:
    """Normalise a block: code points with WALL between texts, or ASCII bytes with ASCII_WALL between them.

    >>> from kbtools.text import BARE
    >>> block = normalise_block(np.frombuffer("L’ Île".encode("utf-32-le"), dtype=np.uint32), BARE)
    >>> "".join(map(chr, block.codes)), block.starts.tolist()
    ('l ile', [0, 2, 3, 4, 5])
    """
    if codes.dtype == np.uint8:
        mapped = np.frombuffer(codes.tobytes().translate(_octets(form)), dtype=np.uint8)
        return _squeezed(Block(mapped, np.empty(0, np.int64), None), form)
    mapped = map_codes(codes, form)
    block = Block(mapped, np.empty(0, np.int64), None)
    if bool((_joins().take(mapped) == _JOINS).any()):
        block = _composed(_spelt_out(codes, mapped, form), form)
    return _squeezed(block, form)


def map_codes(codes: Codes, form: Form) -> Codes:
    """Map each code point by itself; what becomes nothing or several is beyond WALL."""
    if codes.dtype == np.uint8:
        return np.frombuffer(codes.tobytes().translate(_octets(form)), dtype=np.uint8)
    singles = _singles(form)
    mapped = singles[codes]
    new = mapped == _NEW
    if new.any():
        for code in np.unique(codes[new]).tolist():
            text = _table(form)[code] or ""
            singles[code] = ord(text) if len(text) == 1 else _SEVERAL if text else _DROP
        mapped = singles[codes]
    return mapped


def is_blank(mapped: Codes) -> NDArray[np.bool_]:
    """Tell which mapped code points are spaces or nothing."""
    drop = _ASCII_DROP if mapped.dtype == np.uint8 else _DROP
    blank: NDArray[np.bool_] = (mapped == _SPACE) | (mapped == drop)
    return blank


def dirty(mapped: Codes, form: Form) -> NDArray[np.bool_]:
    """Mark where a normalised text is not just what its code points are mapped to."""
    is_ascii = mapped.dtype == np.uint8
    marks: NDArray[np.bool_] = mapped == _ASCII_DROP if is_ascii else _joins().take(mapped) != 0
    spaces = np.flatnonzero(mapped == _SPACE)
    spaces = spaces[1:] if len(spaces) and spaces[0] == 0 else spaces
    before = mapped.take(spaces - 1)
    marks[spaces[before == _SPACE]] = True
    if form.cjk_spaces and not is_ascii:
        marks[spaces[_is_cjk().take(before, mode="clip")]] = True
    return marks


@cache
def _singles(form: Form) -> NDArray[np.uint32]:
    table = np.full(WALL + 1, _NEW, dtype=np.uint32)
    table[WALL] = WALL
    return table


@cache
def _octets(form: Form) -> bytes:
    table = bytearray([_ASCII_DROP]) * 256
    for code in range(0x80):
        text = _table(form)[code] or ""
        table[code] = ord(text) if text else _ASCII_DROP  # ASCII becomes one of ASCII, or nothing
    table[ASCII_WALL] = ASCII_WALL
    return bytes(table)


@cache
def _joins() -> NDArray[np.uint8]:
    """Mark what may change what is beside it, and what becomes several or nothing."""
    marks = np.zeros(_DROP + 1, dtype=np.uint8)
    joining = _joining()
    marks[: len(joining)] = joining
    marks[_SEVERAL], marks[_DROP] = _JOINS, 2
    return marks


@cache
def _is_cjk() -> NDArray[np.bool_]:
    marks = np.zeros(WALL + 1, dtype=np.bool_)
    for low, high in re.findall(r"(.)(?:-(.))?", CJK):
        marks[ord(low) : ord(high or low) + 1] = True
    return marks


def _spelt_out(codes: Codes, mapped: Codes, form: Form) -> Block:
    """Drop what becomes nothing, and put in what becomes several."""
    counts = (mapped != _DROP).astype(np.int64)
    several = np.flatnonzero(mapped == _SEVERAL)
    if not len(several):
        starts = np.flatnonzero(counts)
        return Block(mapped[starts], starts, starts + 1)
    texts = {code: _codes(_table(form)[code] or "") for code in np.unique(codes[several]).tolist()}
    counts[several] = [len(texts[code]) for code in codes[several].tolist()]
    starts = np.repeat(np.arange(len(codes)), counts)
    out = np.repeat(mapped, counts)
    first = np.cumsum(counts) - counts
    for code, text in texts.items():
        places = first[several[codes[several] == code]]
        for at, letter in enumerate(text.tolist()):
            out[places + at] = letter
    return Block(out, starts, starts + 1)


def _composed(block: Block, form: Form) -> Block:
    """Compose cluster by cluster; each code of a cluster that changes comes from the whole of it."""
    codes, starts, ends = block.codes, block.starts, block.starts + 1
    joins = _joins().take(codes) == _JOINS
    if not joins.any():
        return block
    first, last = _runs(joins)
    walled = (first > 0) & (codes[np.maximum(first - 1, 0)] != WALL)
    counts = np.ones(len(codes), dtype=np.int64)
    places, letters = [], []
    for low, high in zip((first - walled).tolist(), (last + 1).tolist(), strict=True):
        after = _cluster(codes[low:high].tobytes().decode("utf-32-le"), form)
        if after is not None:
            starts[low:high], ends[low:high] = starts[low], ends[high - 1]
            counts[low:high] = 0
            counts[low] = len(after)
            places.append(low)
            letters.append(after)
    if not places:
        return block
    out = np.repeat(codes, counts)
    begins = (np.cumsum(counts) - counts)[places]
    lengths = counts[places]
    into = np.repeat(begins - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    out[into] = _codes("".join(letters))
    return Block(out, np.repeat(starts, counts), np.repeat(ends, counts))


@lru_cache(maxsize=1 << 16)
def _cluster(text: str, form: Form) -> str | None:
    after = _compose(text, form)
    return None if after == text else after


def _squeezed(block: Block, form: Form) -> Block:
    """Drop marked codes, make one space of each run, take off those beside walls and between CJK."""
    codes = block.codes
    is_ascii = codes.dtype == np.uint8
    wall, drop = (ASCII_WALL, _ASCII_DROP) if is_ascii else (WALL, _DROP)
    straight = not len(block.starts)  # from the table
    kept = _kept(codes, wall, drop) if form.spaces else np.flatnonzero(codes != drop)
    ends = None if block.ends is None else block.ends.take(kept)
    block = Block(codes.take(kept), kept if straight else block.starts.take(kept), ends)
    if not form.spaces:
        return block
    if form.cjk_spaces and not is_ascii and _is_cjk().take(block.codes).any():
        cjk, spaces = _is_cjk(), np.flatnonzero(block.codes == _SPACE)  # never first or last
        between = spaces[cjk[block.codes[spaces - 1]] & cjk[block.codes[spaces + 1]]]
        block = _without(block, between)
    return block


def _kept(codes: Codes, wall: int, drop: int) -> I64:
    """Find what stays: no marked codes, the first space of each run, none beside walls and at the ends."""
    gaps = np.flatnonzero((codes == _SPACE) | (codes >= min(wall, drop)))
    keep = np.ones(len(codes), dtype=np.bool_)
    if len(gaps):
        kinds = codes.take(gaps)
        begins = np.flatnonzero(np.diff(gaps, prepend=-2) != 1)
        lengths = np.diff(begins, append=len(gaps))
        walls, spaces = kinds == wall, kinds == _SPACE
        walled = np.logical_or.reduceat(walls, begins)
        walled[0] |= gaps[0] == 0
        walled[-1] |= gaps[-1] == len(codes) - 1
        so_far = np.cumsum(spaces)
        before = so_far.take(begins) - spaces.take(begins)
        first = spaces & (so_far == np.repeat(np.where(walled, -1, before + 1), lengths))
        keep[gaps] = walls | first
    return np.flatnonzero(keep)


def _without(block: Block, places: I64) -> Block:
    keep = np.ones(len(block.codes), dtype=np.bool_)
    keep[places] = False
    kept = np.flatnonzero(keep)
    return Block(block.codes[kept], block.starts[kept], None if block.ends is None else block.ends[kept])


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
