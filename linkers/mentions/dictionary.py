"""Names of the alias table, wherever they stand in the text.

The scan finds every name, overlapping ones too; most words of a language are names of something. What is kept
is what is likely to be meant as a name: often a link where text was counted, else spelt as the name is spelt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.scanning.scan import Spans
from kbtools.alias.schema import LEVELS
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Marks, Mentions, Step, joined, take
from kbtools.linkers.candidates import Places, from_names
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.letters import Letters, articled
from kbtools.text.stop_words import stop_words


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
        found = found.take(_kept(block, found, settings, stops))
        named = from_names(knowledge, Places(found.text, found.start, found.end), found, "dictionary")
        if not wanted.all():
            named = take(named, np.flatnonzero(wanted[named.kb]))
        return joined([mentions, named])

    return find


def _kept(block: Block, found: Spans, settings: Settings, stops: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of the places that are kept."""
    low, high = block.places(found.text, found.start), block.places(found.text, found.end)
    letters = Letters(block, low, high)
    kept: Marks = _levels(settings)[found.level]
    kept &= letters.words <= settings.most_words
    kept &= (high - low) >= settings.least - letters.dense.astype(np.int64)
    if settings.min_link:
        kept &= ~(found.link < settings.min_link)  # NaN where nothing was counted
    if not settings.numbers:
        kept &= letters.letters > 0
    capital, cased = letters.capitals > 0, letters.cased
    if settings.spelt:
        kept &= (found.level == LEVELS.index("exact")) | capital | ~cased
    if settings.capital:
        kept &= capital | letters.digit | ~cased
    rows = np.flatnonzero(kept)  # few by now
    if not settings.articles:
        rows = rows[~articled(block.codes, low[rows], high[rows])]
    if settings.stop_words:
        shouted = (letters.capitals[rows] == letters.letters[rows]) & ((high - low)[rows] > 1)
        rows = rows[shouted | ~np.isin(found.norm[rows], stops)]
    return rows


def _levels(settings: Settings) -> Marks:
    return np.array([level in settings.levels for level in LEVELS], np.bool_)
