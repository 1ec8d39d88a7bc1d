"""What speaks against a mention by how it is written: numbers below 0, or 0.

"Boston" in "First Boston Corp" is a part of another name; "Officials" is a name only in small letters; a word
in small letters, a plural, the first word of a sentence are names less often. The same for all candidates of
a mention, so it tells them from none of them: it needs a rule that knows NIL. What somebody said is a mention
is one, and has 0; so has what is written without capitals, as Chinese is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kbtools.alias.schema import LEVELS
from kbtools.config import setting
from kbtools.linkers.base import KINDS, Block, Feature, Floats, Longs, Mentions
from kbtools.linkers.capitals import inside, runs
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.letters import Letters

COUNTED = KINDS.index("dictionary")
CASE, INFLECTED = LEVELS.index("case"), LEVELS.index("inflected")
ENDS = [ord(letter) for letter in ".!?:;\n\"'“‘"]  # what may stand before the first word of a sentence


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What each doubt counts, in log-odds."""

    inside: float = setting("There are more words with capitals right before or behind it.", 4.0)
    case: float = setting("The name is written in other cases than this.", 2.0)
    plural: float = setting("It was found as the plural of a name.", 2.0)
    small: float = setting("It has no capital.", 2.0)
    first: float = setting("It is the first word of a sentence, and only that.", 1.0)


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    del knowledge

    def form(block: Block, mentions: Mentions, _: Mapping[str, Floats]) -> Floats:
        return _doubts(block, mentions, settings)[mentions.owner]

    return form


def _doubts(block: Block, mentions: Mentions, settings: Settings) -> Floats:
    """Return a number for each mention."""
    low, high = block.places(mentions.text, mentions.start), block.places(mentions.text, mentions.end)
    letters = Letters(block, low, high)
    around = inside(runs(block), low, high)
    found = np.zeros(len(mentions), np.float32)
    found -= settings.inside * around.beside
    found -= settings.case * (mentions.level == CASE)
    found -= settings.plural * (mentions.level == INFLECTED)
    found -= settings.small * (letters.cased & (letters.capitals == 0))
    found -= settings.first * (letters.cased & (letters.words == 1) & _first(block, mentions.text, low))
    found[mentions.kind != COUNTED] = 0
    return found.astype(np.float32)


def _first(block: Block, text: np.ndarray, low: Longs) -> np.ndarray:
    """Mark places at the beginning of a text, or after one space and what ends a sentence."""
    before = np.where(low - 2 >= block.begins[text], block.codes[np.maximum(low - 2, 0)], ENDS[0])
    found: np.ndarray = np.isin(before, ENDS)
    return found
