"""Names of the alias table, wherever they stand in the text.

The scan finds every name, overlapping ones too; most words of a language are names of something. What is kept
is what is likely to be meant as a name: often a link where text was counted, else spelt as the name is spelt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.scanning.scan import Spans
from kbtools.alias.schema import LEVELS
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Mentions, Step, joined, take
from kbtools.linkers.candidates import Places, from_names
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.words import stop_words

Marks = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which names in a text are mentions."""

    kbs: tuple[str, ...] = setting("Names of these knowledge bases alone.  [all]", ())
    min_link: float = setting("Where text was counted: a name is a link at least this often.", 0.0)
    capital: bool = setting("In scripts with capitals: one is in it, or a digit.", True)
    spelt: bool = setting("A word in small letters is no name that is only known with capitals.", True)
    stop_words: bool = setting("Words like 'the' and 'it' are no names, unless all in capitals.", True)
    levels: tuple[str, ...] = setting("On which rungs a name may be found.", LEVELS)
    articles: bool = setting("A name may begin with a small 'the', 'a' or 'an'.", False)
    most_words: int = setting("Words of a name at most.", 12)
    least: int = setting("Characters of a name at least; of Chinese and the like, one less.", 2)
    numbers: bool = setting("Numbers may be names.", False)

    def __post_init__(self) -> None:
        wrong = [level for level in self.levels if level not in LEVELS]
        if wrong:
            raise ConfigError(f"levels: no {wrong[0]!r}; there are {', '.join(LEVELS)}")
        if not 0 <= self.min_link <= 1:
            raise ConfigError(f"min_link is {self.min_link}; it is from 0 to 1")


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step that finds names."""
    names = [ref.name for ref in knowledge.kbs]
    wrong = [name for name in settings.kbs if name not in names]
    if wrong:
        raise ConfigError(f"kbs: no knowledge base {wrong[0]!r} here; there are {', '.join(names)}")
    wanted = np.array([name in settings.kbs or not settings.kbs for name in names], np.bool_)
    stops = knowledge.alias.lookup(stop_words()).norm

    def find(block: Block, mentions: Mentions) -> Mentions:
        found = knowledge.alias.scan(block.texts)
        found = found.take(np.flatnonzero(_kept(block, found, settings, stops)))
        named = from_names(knowledge, Places(found.text, found.start, found.end), found, "dictionary")
        if not wanted.all():
            named = take(named, np.flatnonzero(wanted[named.kb]))
        return joined([mentions, named])

    return find


def _kept(block: Block, found: Spans, settings: Settings, stops: NDArray[np.int64]) -> Marks:
    """Mark the places that are kept."""
    low, high = block.places(found.text, found.start), block.places(found.text, found.end)
    letters = Letters(block, low, high)
    kept: Marks = _levels(settings)[found.level]
    kept &= letters.words <= settings.most_words
    kept &= (high - low) >= settings.least - letters.dense.astype(np.int64)
    kept &= ~(found.link < settings.min_link)  # NaN where nothing was counted
    if not settings.numbers:
        kept &= letters.letters > 0
    if settings.spelt:
        kept &= (found.level == LEVELS.index("exact")) | (letters.capitals > 0) | ~letters.cased
    if settings.capital:
        kept &= (letters.capitals > 0) | letters.digit | ~letters.cased
    if not settings.articles:
        kept &= ~letters.articled
    if settings.stop_words:
        shouted = (letters.capitals == letters.letters) & (high - low > 1)
        kept &= shouted | ~np.isin(found.norm, stops)
    return kept


def _levels(settings: Settings) -> Marks:
    return np.array([level in settings.levels for level in LEVELS], np.bool_)


class Letters:
    """What the characters of places are: counted over the whole block, told for a place by differences."""

    def __init__(self, block: Block, low: NDArray[np.int64], high: NDArray[np.int64]) -> None:
        kinds = _kinds()[np.minimum(block.codes, 0x10FFFF)]
        self._kinds, self._low, self._high, self._codes = kinds, low, high, block.codes

    def _count(self, bit: int) -> NDArray[np.int64]:
        sums = np.concatenate([[0], np.cumsum((self._kinds & bit) != 0)])
        found: NDArray[np.int64] = sums[self._high] - sums[self._low]
        return found

    @property
    def words(self) -> NDArray[np.int64]:
        """How many words there are, parted by spaces."""
        return self._count(SPACE) + 1

    @property
    def capitals(self) -> NDArray[np.int64]:
        """How many capital letters there are."""
        return self._count(CAPITAL)

    @property
    def articled(self) -> Marks:
        """Whether there is an article in small letters at the beginning."""
        found = np.zeros(len(self._low), np.bool_)
        for article in ARTICLES:
            same = self._high - self._low > len(article)
            for at, letter in enumerate(article):
                same &= self._codes[np.minimum(self._low + at, len(self._codes) - 1)] == ord(letter)
            found |= same
        return found

    @property
    def letters(self) -> NDArray[np.int64]:
        """How many letters there are."""
        return self._count(LETTER)

    @property
    def digit(self) -> Marks:
        """Whether there is a digit."""
        return self._count(DIGIT) > 0

    @property
    def cased(self) -> Marks:
        """Whether there is a letter that has a capital, or is one."""
        return self._count(CASED) > 0

    @property
    def dense(self) -> Marks:
        """Whether there is a character of a script that writes words with one or two."""
        return self._count(DENSE) > 0


ARTICLES = ("the ", "a ", "an ")
SPACE, CAPITAL, DIGIT, CASED, LETTER, DENSE = 1, 2, 4, 8, 16, 32


@cache
def _kinds() -> NDArray[np.uint8]:
    kinds = np.zeros(0x110000, np.uint8)
    for code in range(0x20000):  # beyond the second plane there are only Chinese characters
        letter = chr(code)
        if letter.isspace():
            kinds[code] = SPACE
        elif letter.isalpha():
            cased = letter.lower() != letter or letter.upper() != letter
            capital = letter.lower() != letter
            dense = 0x2E80 <= code < 0xD7B0 or 0xF900 <= code < 0xFB00
            kinds[code] = LETTER | CASED * cased | CAPITAL * capital | DENSE * dense
        elif letter.isdigit():
            kinds[code] = DIGIT
    kinds[0x20000:0x32000] = LETTER | DENSE
    return kinds
