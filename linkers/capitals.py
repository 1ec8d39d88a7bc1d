"""Words that are written with capitals side by side: names, most of them, or parts of one.

A token is what stands between spaces, without punctuation around it: O'Brien, U.S., Jean-Paul. A run is a row
of tokens that begin with capitals, with single spaces between them, or one small word such as `of` between
two. Words such as In and The do not begin one, and titles before a name stand outside of it.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.kb.schema import STR
from kbtools.linkers.base import Block, Longs, Marks
from kbtools.linkers.letters import CAPITAL, kinds
from kbtools.text.stop_words import stop_words

APOSTROPHES = [ord("'"), ord("’")]
GLUE = [*APOSTROPHES, *map(ord, ".-‐‑&")]  # between letters inside a token
DOT, SPACE, AND = ord("."), ord(" "), ord("&")
INITIAL = 2  # letters: J. R., St.
CONTRACTIONS = "s t d m ll re ve"  # He's, didn't, I'd, I'm, they'll
SMALL = "of de del della du da di la le von van der den for"
TITLES = """
mr mrs ms miss dr prof professor sir dame lord lady president vice chairman chairwoman ceo senator sen rep
representative congressman congresswoman governor gov mayor judge justice secretary minister prime chancellor
king queen prince princess pope general gen colonel col captain capt major maj lieutenant lt sergeant sgt
admiral adm commander coach actor actress singer author director analyst spokesman spokeswoman treasurer
attorney ambassador former ex rev reverend father sister brother
"""


class Runs(NamedTuple):
    """T tokens of a block, and R runs of them."""

    begin: Longs  # [T] places in block.codes
    end: Longs  # [T]
    term: NDArray[np.uint64]  # [T] the hash of its word; 0: of several words
    of: Longs  # [T] the run, −1: none
    first: Longs  # [R] the first token of each run that is no title
    last: Longs  # [R]


def runs(block: Block) -> Runs:
    """Find the tokens of a block, and which stand side by side with capitals."""
    begin, end, term, text = _tokens(block)
    codes = block.codes
    stop = np.isin(term, _hashes("stops"))
    capital = (kinds()[np.minimum(codes[begin], 0x10FFFF)] & CAPITAL) != 0
    title = capital & np.isin(term, _hashes("titles"))
    near = np.zeros(len(begin), np.bool_)  # to the token before
    gap = begin[1:] - end[:-1]
    same = text[1:] == text[:-1]
    before, behind = codes[np.maximum(begin[1:] - 1, 0)], codes[np.minimum(end[:-1], len(codes) - 1)]
    near[1:] = same & (gap == 1) & (before == SPACE)
    short = (end - begin)[:-1] <= INITIAL
    near[1:] |= same & (gap == 2) & (before == SPACE) & (behind == DOT) & (short | title[:-1])
    near[1:] |= same & (gap == 3) & (codes[np.maximum(begin[1:] - 2, 0)] == AND)
    small = np.isin(term, _hashes("small")) | (capital & stop)
    name = capital & ~stop
    linked = np.zeros(len(begin), np.bool_)  # to the run that goes on before it
    linked[1:] = name[1:] & name[:-1] & near[1:]
    linked[2:] |= name[2:] & small[1:-1] & name[:-2] & near[2:] & near[1:-1]
    number = np.cumsum(name & ~linked) - 1
    of = np.where(name, number, -1)
    places = np.flatnonzero(name)
    run = of[places]
    first = places[np.searchsorted(run, np.arange(number[-1] + 1 if len(number) else 0))]
    last = places[np.searchsorted(run, np.arange(len(first)), "right") - 1]
    return Runs(begin, end, term, of, _after_titles(first, last, title, linked), last)


def _after_titles(first: Longs, last: Longs, title: Marks, linked: Marks) -> Longs:
    """Move on to the first token that is no title; if all are titles, stay."""
    moved = first.copy()
    for _ in range(4):
        on = np.flatnonzero(title[moved] & (moved < last)) if len(moved) else moved
        on = on[linked[moved[on] + 1]]
        moved[on] += 1
    return np.where(title[moved], first, moved) if len(moved) else moved


def _tokens(block: Block) -> tuple[Longs, Longs, NDArray[np.uint64], NDArray[np.int32]]:
    """Return where tokens begin and end, the hash of their word (0: of several words), and the text."""
    words, codes = block.words, block.codes
    low, high = block.places(words.text, words.start), block.places(words.text, words.end)
    possessive = (words.term == _hashes("s")[0]) & np.isin(codes[np.maximum(low - 1, 0)], APOSTROPHES)
    kept = np.flatnonzero(~possessive)
    low, high, text, term = low[kept], high[kept], words.text[kept], words.term[kept]
    between = codes[np.maximum(low - 1, 0)]
    glued = np.zeros(len(low), np.bool_)
    glued[1:] = (text[1:] == text[:-1]) & (low[1:] - high[:-1] <= 1)
    glued &= np.isin(between, GLUE) | (np.append(1, low[1:] - high[:-1]) == 0)[: len(low)]
    first = np.flatnonzero(~glued)
    last = np.append(first[1:], len(low))[: len(first)] - 1
    short = np.isin(term[np.minimum(first + 1, max(len(low) - 1, 0))], _hashes("contractions"))
    short &= np.isin(codes[np.minimum(high[first], max(len(codes) - 1, 0))], APOSTROPHES)
    single = (first == last) | (short & (last == first + 1))
    return low[first], high[last], np.where(single, term[first], 0), text[first]


@cache
def _hashes(which: str) -> NDArray[np.uint64]:
    told = {"stops": stop_words(), "titles": TITLES.split(), "small": SMALL.split(), "s": ["s"]}
    told["contractions"] = CONTRACTIONS.split()
    return hashing.of_strings(pa.array(told[which], STR))


class Inside(NamedTuple):
    """How places lie in runs."""

    left: Longs  # tokens of the run before the place, and a part of one counts
    right: Longs  # behind it
    run: Longs  # −1: the place is in no run
    beside: Marks  # one of them is the next word, not beyond a small one such as `of`


def inside(found: Runs, low: Longs, high: Longs) -> Inside:
    """Tell how much of a run stands around places."""
    if not len(found.begin) or not len(low) or not len(found.first):
        none = np.zeros(len(low), np.int64)
        return Inside(none, none, none - 1, none > 0)
    tokens = len(found.begin) - 1
    first = np.clip(np.searchsorted(found.begin, low, "right") - 1, 0, None)
    last = np.minimum(np.searchsorted(found.end, high), tokens)
    run = np.maximum(found.of[first], found.of[last])
    row = np.maximum(run, 0)
    cut_left, cut_right = found.begin[first] < low, found.end[last] > high
    left = np.maximum(first - found.first[row], 0) + cut_left
    right = np.maximum(found.last[row] - last, 0) + cut_right
    known = run >= 0
    beside = cut_left | ((found.of[np.maximum(first - 1, 0)] == run) & (first > found.first[row]))
    beside |= cut_right | ((found.of[np.minimum(last + 1, tokens)] == run) & (last < found.last[row]))
    return Inside(np.where(known, left, 0), np.where(known, right, 0), run, beside & known)
