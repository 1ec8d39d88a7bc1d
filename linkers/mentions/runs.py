"""Rows of words with capitals: names that no table has, and names written out to their end.

What a name of the table begins is written on where the text writes it on: "Home Depot" before "Inc.", "U.S"
before its full stop. With `unknown`, a whole row of capitals that no mention fills is a mention, too, without
candidates of its own: a profile may know whose name it is a part of, and what is nobody's is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kbtools.config import setting
from kbtools.linkers import capitals, endings
from kbtools.linkers.base import KINDS, Block, Longs, Mentions, Step, joined, take
from kbtools.linkers.candidates import Places, bare
from kbtools.linkers.capitals import Runs
from kbtools.linkers.knowledge import Knowledge

COUNTED = KINDS.index("dictionary")
DOT = ord(".")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is made of rows of words with capitals."""

    unknown: bool = setting("A row that no mention fills is one: part of a longer name, perhaps.", True)
    inside: bool = setting("Names that are only a part of a row are mentions.", True)
    endings: bool = setting("A name goes on over the Inc. or Ltd behind it.", True)
    dots: bool = setting("An abbreviation with full stops inside takes in the last one.", True)
    most_words: int = setting("Words of an unknown name at most.", 4)


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step."""
    del knowledge

    def find(block: Block, mentions: Mentions) -> Mentions:
        found = capitals.runs(block)
        if settings.dots:
            mentions = joined([_dotted(block, mentions), mentions])
        if settings.endings:
            mentions = joined([_ended(block, mentions, found), mentions])
        if not settings.inside:
            mentions = take(mentions, np.flatnonzero(~_parts(block, mentions, found)))
        if settings.unknown:
            mentions = joined([mentions, _unknown(block, mentions, found, settings.most_words)])
        return mentions

    return find


def _dotted(block: Block, mentions: Mentions) -> Mentions:
    """Return mentions like U.S before a full stop, with it."""
    codes = block.codes
    low, high = (block.places(mentions.text, place) for place in (mentions.start, mentions.end))
    short = (high - low >= 3) & (mentions.kind == COUNTED) & (high < block.begins[mentions.text + 1])
    rows = np.flatnonzero(short)
    rows = rows[(codes[high[rows]] == DOT) & (codes[high[rows] - 2] == DOT)]
    return _longer(mentions, rows, mentions.end[rows] + 1)


def _ended(block: Block, mentions: Mentions, found: Runs) -> Mentions:
    """Return mentions before words like Inc., with those."""
    if not len(found.begin):
        return take(mentions, np.zeros(0, np.int64))
    low, high = (block.places(mentions.text, place) for place in (mentions.start, mentions.end))
    last = np.minimum(np.searchsorted(found.end, high), len(found.begin) - 1)
    behind = np.minimum(last + 1, len(found.begin) - 1)
    goes_on = (found.of[last] >= 0) & (found.of[last] == found.of[behind]) & (behind > last)
    goes_on &= (mentions.kind == COUNTED) & np.isin(found.term[behind], endings.hashes())
    goes_on &= (found.end[last] == high) & (low < high)
    rows = np.flatnonzero(goes_on)
    end = found.end[behind[rows]]
    dotted = end < block.begins[mentions.text[rows] + 1]
    dotted &= block.codes[np.minimum(end, len(block.codes) - 1)] == DOT
    return _longer(mentions, rows, end + dotted - block.begins[mentions.text[rows]])


def _parts(block: Block, mentions: Mentions, found: Runs) -> NDArray[np.bool_]:
    """Mark names that are only a part of a row."""
    low, high = (block.places(mentions.text, place) for place in (mentions.start, mentions.end))
    around = capitals.inside(found, low, high)
    marked: NDArray[np.bool_] = around.beside & (mentions.kind == COUNTED)
    return marked


def _longer(mentions: Mentions, rows: Longs, end: NDArray[np.integer]) -> Mentions:
    return joined(
        [take(mentions, rows)._replace(end=end.astype(np.int32), parent=np.full(len(rows), -1, np.int32))]
    )


def _unknown(block: Block, mentions: Mentions, found: Runs, most: int) -> Mentions:
    """Return the runs at whose place no mention stands."""
    words = found.last - found.first + 1
    rows = np.flatnonzero((words >= 1) & (words <= most))
    low, high = found.begin[found.first[rows]], found.end[found.last[rows]]
    there = np.stack([block.places(mentions.text, mentions.start), block.places(mentions.text, mentions.end)])
    key = there[0] << 32 | there[1]
    fresh = ~np.isin(low << 32 | high, key) & (high - low > 1)
    low, high = low[fresh], high[fresh]
    text = np.searchsorted(block.begins, low, "right") - 1
    text = np.minimum(text, max(len(block.texts) - 1, 0))
    begin = block.begins[text]
    places = Places(*(column.astype(np.int32) for column in (text, low - begin, high - begin)))
    return bare(places, "dictionary")
