"""Names that are written almost as they are known: "granulosa cell tumour", "diabetis mellitus".

Runs of up to `most_words` words without punctuation between them, that no name fits, are asked of a fuzzy
index; the most similar name says what a run may mean. A run has a letter, does not begin or end with a stop
word and has none inside but those that join a name; it does not lie inside a name that was found. Scripts
without spaces have no runs of words.

Names that differ in a short word or one with a digit are others, however similar: type 1 and type 2, B-cell
and T-cell. What is found lies within the edits of the index (2, if nothing else was said).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.hashing import codes_of
from kbtools.alias.lookup import Slices
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Longs, Marks, Mentions, Step, joined
from kbtools.linkers.candidates import Places, from_names, surfaces_of
from kbtools.linkers.index.fuzzy.fuzzy_index import FuzzyIndex
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.mentions.spans import stop_marks
from kbtools.linkers.words import words_of
from kbtools.text import BARE, normalise_many

JOINING = "of the a an in to with without and or by for on at due from"
MOST = 5  # names that are looked at for a run
DENSE = 0x2E80  # Chinese, Japanese, Korean from here on
BETWEEN = codes_of(" -'’/\u00a0\u2010\u2011\n")  # what may stand between two words of a name


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How much like a name a run of words is."""

    similar: float = setting("How similar a name is at least, from 0 to 1.", 0.85)
    most_words: int = setting("Words of a run at most.", 5)
    least: int = setting("Characters of a run at least.", 5)
    short: int = setting("Words of so many characters are the same in both, like those with digits.", 3)

    def __post_init__(self) -> None:
        if not 0 < self.similar <= 1:
            raise ConfigError(f"similar is {self.similar}; it is above 0, and 1 at most")
        if self.most_words < 1:
            raise ConfigError(f"most_words is {self.most_words}; it is 1 or more")


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step."""
    indexes = [one for one in knowledge.indexes if isinstance(one, FuzzyIndex)]
    if not indexes:
        raise ConfigError(
            "mentions/approximate asks a fuzzy index: make it with "
            "`kbtools index ALIAS --kind fuzzy --out FUZZY` and add --index FUZZY"
        )
    index = indexes[0].within_edits(settings.similar)

    def find(block: Block, mentions: Mentions) -> Mentions:
        places = runs(block, settings)
        fresh = np.flatnonzero(~_covered(mentions, places))
        places = Places(*(column[fresh] for column in places))
        return joined([mentions, _alike(knowledge, block, places, index, settings)])

    return find


def _alike(
    knowledge: Knowledge, block: Block, places: Places, index: FuzzyIndex, settings: Settings
) -> Mentions:
    """Make mentions of the places that a name is similar to."""
    distinct, back = np.unique(np.array(surfaces_of(block, places), object), return_inverse=True)
    names: list[str | None] = []
    scores = np.zeros(len(distinct), np.float32)
    bare = normalise_many(distinct.tolist(), BARE)
    for at, (run, told) in enumerate(zip(bare, index.search_names(distinct.tolist(), MOST), strict=True)):
        own = _telling(run, settings.short) if told.names else []
        pairs = zip(told.names, told.scores, strict=True)
        name, scores[at] = next((one for one in pairs if _telling(one[0], settings.short) == own), (None, 0))
        names.append(name)
    found = knowledge.alias.lookup(names)
    rows = np.flatnonzero((found.length > 0)[back])
    places = Places(*(column[rows] for column in places))
    columns: list[Any] = [column[back[rows]] for column in found]
    here = Slices(*columns)
    mentions = from_names(knowledge, places, here, "dictionary")
    return mentions._replace(string=np.repeat(scores[back[rows]], here.length))


def _telling(name: str, short: int) -> list[str]:
    """Return the words of a norm that make it another name if they are others.

    >>> _telling("diabetes mellitus type 2", 3), _telling("il 12b deficiency", 3)
    (['2'], ['12b', 'il'])
    """
    return sorted(
        word for word in name.split() if len(word) <= short or any(letter.isdigit() for letter in word)
    )


def runs(block: Block, settings: Settings) -> Places:
    """Return the runs of words that may be names, in order of text, start, end."""
    words = block.words
    stop = stop_marks(block)
    inner = ~stop | np.isin(words.term, _joining())
    goes_on = _goes_on(block)
    size = len(words.text)
    first, last = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    letter, spaced = _letters(block)
    letters = np.concatenate([[0], np.cumsum(letter)])
    goes_on &= spaced
    begins = np.flatnonzero(~stop & spaced)
    for length in range(1, settings.most_words + 1):
        ends = begins + length - 1
        good = ~stop[ends] & (words.end[ends] - words.start[begins] >= settings.least)
        good &= letters[ends + 1] > letters[begins]
        first.append(begins[good])
        last.append(ends[good])
        begins = begins[ends + 1 < size]
        after = begins + length
        begins = begins[goes_on[after] & inner[after]]
    head, tail = np.concatenate(first), np.concatenate(last)
    order = np.lexsort((tail, head))
    head, tail = head[order], tail[order]
    return Places(words.text[head], words.start[head], words.end[tail])


def _goes_on(block: Block) -> Marks:
    """Mark the words that stand behind another with nothing but a space, a hyphen or the like between."""
    words = block.words
    found = np.zeros(len(words.text), np.bool_)
    if len(found) < 2:
        return found
    gap = words.start[1:] - words.end[:-1]
    near = (words.text[1:] == words.text[:-1]) & (gap == 1)
    at = block.places(words.text[:-1], words.end[:-1])
    found[1:] = near & np.isin(block.codes[np.minimum(at, len(block.codes) - 1)], BETWEEN)
    return found


def _letters(block: Block) -> tuple[Marks, Marks]:
    """Mark the words with more than digits, and those of scripts that part words by spaces."""
    words, codes = block.words, block.codes
    low, high = block.places(words.text, words.start), block.places(words.text, words.end)
    other = np.concatenate([[0], np.cumsum((codes < ord("0")) | (codes > ord("9")))])
    dense = np.concatenate([[0], np.cumsum(codes >= DENSE)])
    return other[high] > other[low], dense[high] == dense[low]


@cache
def _joining() -> NDArray[np.uint64]:
    return words_of(JOINING.split()).term


def _covered(mentions: Mentions, places: Places) -> Marks:
    """Mark the places that lie inside a mention."""
    if not len(mentions):
        return np.zeros(len(places.text), np.bool_)
    key, far = _key(mentions.text, mentions.start), np.maximum.accumulate(_key(mentions.text, mentions.end))
    at = np.searchsorted(key, _key(places.text, places.start), "right") - 1
    return (at >= 0) & (far[np.maximum(at, 0)] >= _key(places.text, places.end))


def _key(text: NDArray[np.int32], point: NDArray[np.int32]) -> Longs:
    return text.astype(np.int64) << 32 | point
