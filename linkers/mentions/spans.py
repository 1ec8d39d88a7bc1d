"""Which places that names were found at may be mentions, by their words; what others gave is left alone.

Chinese has names of one character, and each of them is part of many words. One is kept where text was counted
and it is often a link; else if it hardly means anything else and no Chinese character stands beside it. With
`words` a name begins and ends where words do; without, it may stand anywhere in a run of characters.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.hashing import codes_of
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS, Block, Longs, Marks, Mentions, Step, take
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.letters import CAPITAL, DENSE, SPACE, kinds
from kbtools.linkers.words import words_of
from kbtools.text.stop_words import listed, stop_words
from kbtools.text.words import words

NAMES = KINDS.index("dictionary")
INSIDE = "-‐‑'’.&·•‧/–"  # punctuation that may stand inside a word


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a mention may look like."""

    most_words: int = setting("Words at most, as spaces part them; 0: any number.", 0)
    stop_edges: bool = setting("It may begin or end with a word like 'the', unless all in capitals.", True)
    punctuation: bool = setting("It may hold commas, quotes, brackets, signs of money; the like.", True)
    words: Literal["", "characters", "jieba"] = setting("It begins and ends where words, so cut, do.", "")
    single_link: float = setting("A Chinese character alone: a link this often, where it was counted;", 0.0)
    single_prior: float = setting("else with a prior of at least this, and apart from others.", 0.0)

    def __post_init__(self) -> None:
        if self.most_words < 0:
            raise ConfigError(f"most_words is {self.most_words}; it is 0 or more")


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step."""
    del knowledge

    def find(block: Block, mentions: Mentions) -> Mentions:
        rows = np.flatnonzero(mentions.kind == NAMES)
        kept = np.ones(len(mentions), np.bool_)
        if len(rows):
            kept[rows] = _kept(block, mentions, rows, settings)
        return mentions if kept.all() else take(mentions, np.flatnonzero(kept))

    return find


def _kept(block: Block, mentions: Mentions, rows: Longs, settings: Settings) -> Marks:
    text = mentions.text[rows]
    low, high = block.places(text, mentions.start[rows]), block.places(text, mentions.end[rows])
    letters = kinds()[block.codes]
    kept: Marks = np.ones(len(rows), np.bool_)
    if settings.most_words:
        kept &= _count(letters == SPACE, low, high) < settings.most_words
    if not settings.punctuation:
        kept &= _count(_punctuation(block.codes, letters == SPACE), low, high) == 0
    if not settings.stop_edges:
        kept &= ~_stop_edges(block, text, mentions.start[rows], mentions.end[rows])
    if settings.single_link or settings.single_prior:
        kept &= _often(block, mentions, rows, letters & DENSE > 0, settings)
    if settings.words:
        edges = _edges(block, np.unique(text), settings.words)
        kept &= edges[low] & edges[high]
    return kept


def _count(marks: Marks, low: Longs, high: Longs) -> Longs:
    sums = np.concatenate([[0], np.cumsum(marks)])
    found: Longs = sums[high] - sums[low]
    return found


def _punctuation(codes: NDArray[np.uint32], space: Marks) -> Marks:
    """Mark punctuation; of that which may stand inside a word, what stands between spaces: a dash."""
    signs = _signs()[codes]
    around = np.concatenate([[True], space, [True]])
    marks: Marks = (signs == SIGN) | ((signs == JOIN) & around[:-2] & around[2:])
    return marks


def _stop_edges(
    block: Block, text: NDArray[np.int32], start: NDArray[np.int32], end: NDArray[np.int32]
) -> Marks:
    """Mark places whose first or last word is a stop word."""
    found = block.words
    whose = found.text.astype(np.int64) << 32
    first = np.searchsorted(whose | found.start, text.astype(np.int64) << 32 | start)
    last = np.searchsorted(whose | found.end, text.astype(np.int64) << 32 | end, "right") - 1
    if not len(whose):
        return np.zeros(len(text), np.bool_)
    stop = stop_marks(block)
    either: Marks = stop[np.minimum(first, len(stop) - 1)] | stop[np.maximum(last, 0)]
    return either


def stop_marks(block: Block) -> Marks:
    """Mark the words of a block that are stop words, in capitals none: US, WHO."""
    found = block.words
    capitals = _count(
        kinds()[block.codes] & CAPITAL > 0,
        *(block.places(found.text, point) for point in (found.start, found.end)),
    )
    long = found.end - found.start
    marks: Marks = np.isin(found.term, _stops()) & ~((capitals == long) & (long > 1))
    return marks


@cache
def _stops() -> NDArray[np.uint64]:
    calendar = listed("months_and_days")
    return words_of([word for word in stop_words() if word not in calendar]).term


def _often(block: Block, mentions: Mentions, rows: Longs, dense: Marks, settings: Settings) -> Marks:
    """Mark all but single characters that are too seldom what a name says."""
    text = mentions.text[rows]
    low = block.places(text, mentions.start[rows])
    single = (mentions.end[rows] - mentions.start[rows] == 1) & dense[low]
    around = np.concatenate([[False], dense, [False]])
    inner = np.ones(len(dense) + 1, np.bool_)  # the neighbour is of the same text
    inner[block.begins[:-1]] = inner[block.begins[1:]] = False
    alone = ~(around[low] & inner[low]) & ~(around[low + 2] & inner[low + 1])
    top = np.zeros(len(mentions), np.float32)
    np.maximum.at(top, mentions.owner, mentions.prior)
    counted = ~np.isnan(mentions.link[rows])
    sure = np.where(
        counted, mentions.link[rows] >= settings.single_link, alone & (top[rows] >= settings.single_prior)
    )
    often: Marks = ~single | sure
    return often


def _edges(block: Block, texts: NDArray[np.int32], how: Literal["characters", "jieba"]) -> Marks:
    """Mark the places where words begin or end."""
    edges = np.zeros(len(block.codes) + 1, np.bool_)
    for number in texts.tolist():
        spans = words(block.texts[number], block.langs[number], zh=how)
        edges[block.begins[number] + spans.reshape(-1)] = True
    return edges


SIGN, JOIN = 1, 2


@cache
def _signs() -> NDArray[np.uint8]:
    """Tell which characters are punctuation, and which of them may stand inside a word."""
    signs = np.zeros(0x110000, np.uint8)
    for code in range(0x20000):  # beyond, there is none
        category = unicodedata.category(chr(code))
        if category[0] == "P" or category == "Sc":
            signs[code] = SIGN
    signs[codes_of(INSIDE)] = JOIN
    return signs
