"""Short forms that the document itself explains: "World Health Organization (WHO) ... WHO ...".

A short form means in the whole document what the nearest definition before says, in front of the first
definition what that says. What a definition is, `_definitions.py` tells. Where letters tell nothing, as in
世界卫生组织（WHO）, the longest mention at the bracket is the long form, unless the short form is a name of
others.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kbtools.config import setting
from kbtools.linkers.base import Block, Mentions, Step
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.mentions import _deriving
from kbtools.linkers.mentions._definitions import HAN, Open, Pair, Span, definitions, pairs
from kbtools.text import CJK

__all__ = ["Settings", "make", "pairs"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where short forms are taken for mentions."""

    backward: bool = setting("Before their definition, too.", True)
    only_known: bool = setting(
        "Only those that are mentions already: they get the long form's candidates.", False
    )


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step."""

    def step(block: Block, mentions: Mentions) -> Mentions:
        rows: list[tuple[int, int, int, int]] = []
        ends = _Ends(mentions)
        for number, text in enumerate(block.texts):
            if ("(" in text or "（" in text) and ends.has(number):
                rows += _found(number, text, ends, settings)
        where = _deriving.repeats(rows)
        if settings.only_known:
            where = _deriving.known(mentions, where)
        return _deriving.put_before(_deriving.copies(mentions, where, "abbreviation"), mentions)

    return step


class _Ends:
    """The mentions by where they end, text by text."""

    def __init__(self, mentions: Mentions) -> None:
        self.mentions = mentions
        self.order = np.lexsort((mentions.end, mentions.text))
        self.bounds = (mentions.text[self.order], mentions.end[self.order])

    def has(self, text: int) -> bool:
        """Tell whether a text has mentions."""
        low, high = np.searchsorted(self.bounds[0], [text, text + 1])
        return bool(high > low)

    def at(self, text: int, end: int) -> list[int]:
        """Return the mentions that end here, longest first."""
        low, high = np.searchsorted(self.bounds[0], [text, text + 1])
        first, last = low + np.searchsorted(self.bounds[1][low:high], [end, end + 1])
        rows = self.order[first:last]
        return [int(row) for row in rows[np.argsort(self.mentions.start[rows], kind="stable")]]

    def agree(self, text: int, short: Span, row: int) -> bool:
        """Tell whether a short form is no name yet, or one of something that the mention may mean, too."""
        eid, offsets = self.mentions.eid, self.mentions.offsets
        named = [
            one
            for one in self.at(text, short[1])
            if self.mentions.start[one] == short[0] and self.mentions.kb[one] == self.mentions.kb[row]
        ]
        known = np.concatenate([eid[offsets[one] : offsets[one + 1]] for one in named] or [eid[:0]])
        return not len(known) or bool(np.isin(known, eid[offsets[row] : offsets[row + 1]]).any())

    def of(self, text: int, pair: Pair | Open) -> list[int]:
        """Return the mention of the long form in each knowledge base.

        It is the long form, or the shortest that has it as its end ("the ..."); a part of it is another name.
        """
        found: dict[int, int] = {}
        for row in self.at(text, pair.long[1] if isinstance(pair, Pair) else pair.end):
            kb, start = int(self.mentions.kb[row]), int(self.mentions.start[row])
            if isinstance(pair, Open):
                if self.agree(text, pair.short, row):
                    found.setdefault(kb, row)
            elif start <= pair.long[0]:
                found[kb] = row
        return list(found.values())


def _found(number: int, text: str, ends: _Ends, settings: Settings) -> Iterator[tuple[int, int, int, int]]:
    """Yield text, start, end of each short form, and the row of its long form."""
    meant: dict[str, list[tuple[int, list[int]]]] = {}
    for pair in definitions(text):
        if rows := ends.of(number, pair):
            meant.setdefault(text[slice(*pair.short)], []).append((pair.short[0], rows))
    if not meant:
        return
    for start, end in _occurrences(text, meant):
        defined = meant[text[start:end]]
        nearest = bisect_right([at for at, _ in defined], start) - 1
        if nearest >= 0 or settings.backward:
            yield from ((number, start, end, row) for row in defined[max(nearest, 0)][1])


def _occurrences(text: str, shorts: dict[str, list[tuple[int, list[int]]]]) -> Iterator[Span]:
    """Find short forms as words, in the same case; a plural s may follow."""
    longest_first = sorted(shorts, key=lambda short: (-len(short), short))
    found = "|".join(
        re.escape(short) if HAN.search(short) else rf"(?<![^\W{CJK}]){re.escape(short)}(?=s?(?:[\W{CJK}]|$))"
        for short in longest_first
    )
    for match in re.finditer(found, text):
        yield match.span()
