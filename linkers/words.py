"""The words of running text as numbers: what descriptions and contexts are compared by.

A word is a run of letters and digits, folded (case, accents, width, traditional to simplified); in scripts
without spaces each pair of neighbouring characters is one, as in search engines, and a character that has no
neighbour. A word is known by the hash of its letters, so no vocabulary has to be built, sent around or
looked up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.text import CJK, FOLDED
from kbtools.text.bulk import ASCII_WALL, WALL, Block, Codes, dirty, map_codes, normalise_block

BLOCK = 1 << 15  # code points that are worked on at once: what stays in the cache
# No word goes over these places, whatever stands around: long texts are cut there.
_CUT = re.compile("(?<=[0-9A-Za-z]) |(?<=[\u4e00-\u9fff])[。，！？]")
_APART = re.compile(f"[{CJK}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # CJK, Thai, Lao, Burmese, Khmer
_NONE, _LETTER, _SINGLE, _NEW = 0, 1, 2, 255
_SPACE = ord(" ")
_ASCII_DROP = 0xFE  # of kbtools.text.bulk: what becomes nothing


class Words(NamedTuple):
    """W words ordered by (text, start)."""

    text: NDArray[np.int32]  # [W]
    start: NDArray[np.int32]  # [W] code points of the text
    end: NDArray[np.int32]  # [W]
    term: NDArray[np.uint64]  # [W] the hash of the folded word


def words_of(texts: Sequence[str]) -> Words:
    """Return the words of all texts.

    >>> found = words_of(["L’Île, 萬里長城"])
    >>> list(zip(found.start.tolist(), found.end.tolist()))
    [(0, 1), (2, 5), (7, 9), (8, 10), (9, 11)]
    >>> bool(found.term[1] == words_of(["ILE"]).term[0])
    True
    """
    found = [_words(*piece) for piece in _pieces(texts)]
    if not found:
        none = np.zeros(0, np.int32)
        return Words(none, none, none, np.zeros(0, np.uint64))
    if len(found) == 1:
        return found[0]
    text, start, end, term = (np.concatenate(column) for column in zip(*found, strict=True))
    return Words(text, start, end, term)


def _pieces(texts: Sequence[str]) -> Iterator[tuple[list[str], int, int]]:
    """Put short texts together and cut long ones: texts, the number of the first, where in it they begin."""
    some: list[str] = []
    size = 0
    for number, text in enumerate(texts):
        if size + len(text) + 1 > BLOCK and some:
            yield some, number - len(some), 0
            some, size = [], 0
        if len(text) <= BLOCK:
            some.append(text)
            size += len(text) + 1
            continue
        at = 0
        while at < len(text):
            cut = _CUT.search(text, at + BLOCK) if at + BLOCK < len(text) else None
            end = cut.start() if cut else len(text)
            yield [text[at:end]], number, at
            at = end
    if some:
        yield some, len(texts) - len(some), 0


def _words(texts: list[str], number: int, offset: int) -> Words:
    begins = np.zeros(len(texts), np.int64)
    np.cumsum(np.fromiter(map(len, texts[:-1]), np.int64, len(texts) - 1) + 1, out=begins[1:])
    block = _folded("\n".join(texts), begins)
    first, last = _units(block.codes)
    term = hashing.spans(hashing.prefix(block.codes), first, last)
    if len(block.starts):
        first, last = block.starts[first], block.end(last - 1)
    if len(texts) == 1:
        text = np.full(len(first), number, np.int32)
        first, last = first + offset, last + offset
    else:
        counts = np.diff(np.searchsorted(first, begins), append=len(first))
        text = np.repeat(np.arange(number, number + len(texts), dtype=np.int32), counts)
        shift = np.repeat(begins, counts)
        first, last = first - shift, last - shift
    return Words(text, first.astype(np.int32), last.astype(np.int32), term)


def _folded(text: str, begins: NDArray[np.int64]) -> Block:
    """Fold texts with a line break between each two; no `starts`: each code stands where it stood."""
    codes: Codes
    if not text.isascii():
        codes = hashing.codes_of(text).copy()
        codes[begins[1:] - 1] = WALL
        mapped = map_codes(codes, FOLDED)
        odd = dirty(mapped, FOLDED) & (mapped != _SPACE)  # runs of spaces part words as one does
        if odd.any() or (_classes(mapped) == _SINGLE).any():
            return normalise_block(codes, FOLDED)
        return Block(mapped, np.zeros(0, np.int64), None)
    mapped = map_codes(np.frombuffer(text.encode(), np.uint8), FOLDED)
    if not (mapped == _ASCII_DROP).any():
        return Block(mapped, np.zeros(0, np.int64), None)  # a line break parts words as a wall does
    codes = np.frombuffer(bytearray(text, "ascii"), np.uint8)
    codes[begins[1:] - 1] = ASCII_WALL
    return normalise_block(codes, FOLDED)


def _units(codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where words begin and end among folded code points."""
    kind = np.zeros(len(codes) + 2, np.uint8)
    kind[1:-1] = _octets()[codes] if codes.dtype == np.uint8 else _classes(codes)
    letter = kind == _LETTER
    edges = np.flatnonzero(letter[1:] != letter[:-1])
    first, last = edges[::2], edges[1::2]
    single = kind == _SINGLE
    if codes.dtype == np.uint8 or not single.any():
        return first, last
    here, before, after = single[1:-1], single[:-2], single[2:]
    pairs = np.flatnonzero(here & (after | ~before))
    ends = pairs + 1 + after[pairs]
    begin = np.concatenate([first, pairs])
    order = np.argsort(begin, kind="stable")
    return begin[order], np.concatenate([last, ends])[order]


def _classes(codes: Codes) -> NDArray[np.uint8]:
    """Say of each code point whether it is a letter, one that is a word alone, or none."""
    table = _table()
    found = table[codes]
    new = found == _NEW
    if new.any():
        for code in np.unique(codes[new]).tolist():
            table[code] = _class(code)
        found = table[codes]
    return found


def _class(code: int) -> int:
    letter = chr(code)
    if _APART.match(letter):
        return _SINGLE
    return _LETTER if unicodedata.category(letter)[0] in "LNM" else _NONE


@cache
def _table() -> NDArray[np.uint8]:
    table = np.full(WALL + 1, _NEW, np.uint8)
    table[WALL] = _NONE
    return table


@cache
def _octets() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[: 1 << 7] = [_class(code) for code in range(1 << 7)]
    return table
