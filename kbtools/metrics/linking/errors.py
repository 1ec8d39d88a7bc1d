"""One class for each gold annotation and each of a system: what went wrong, or that nothing did.

After the classes of ELEVANT (Bast, Hertel, Prange 2022), as far as they can be told from what is given; each
annotation gets the first that fits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.metrics.linking.annotations import Annotations, Bools, Longs, spread
from kbtools.metrics.linking.modes import Outcome
from kbtools.metrics.linking.pairing import Pairs, is_right, overlapping, same_span

CLASSES = {
    "right": "found, and rightly linked",
    "not asked": "gold that need not be found, an answer that is not judged",
    "NIL not told": "linked, but what is meant is in no knowledge base",
    "NIL told": "said to be in no knowledge base, but it is in one",
    "no candidate": "the right entity was not among the candidates",
    "other kind": "a place instead of what is named after it (metonymy)",
    "partial name": "named by a part of its name, and mistaken",
    "rare": "the most frequent meaning of the name instead of a rare one",
    "wrong candidate": "the right entity was a candidate, another was chosen",
    "wrong entity": "another entity; candidates are not known",
    "wrong span": "the right place, but not just these characters",
    "NIL left alone": "not found, and what is meant is in no knowledge base",
    "missed, lower case": "not found; no word of it has a capital",
    "missed": "not found",
    "twice": "on a span that another answer is right about",
    "spurious, lower case": "linked where gold has nothing; no word of it has a capital",
    "spurious": "linked where gold has nothing",
}
CODES = {name: code for code, name in enumerate(CLASSES)}

Codes = NDArray[np.int8]

OF_GOLD = ("gold_lower", "gold_partial", "gold_placelike")
OF_SYSTEM = ("system_lower", "system_place", "popular")


class Hints(NamedTuple):
    """What texts and knowledge bases say of annotations; classes that need what is not given stay empty."""

    gold_lower: Bools | None = None  # [G] no word begins with a capital
    system_lower: Bools | None = None  # [S]
    gold_partial: Bools | None = None  # [G] a part of the name of what is right
    gold_placelike: Bools | None = None  # [G] a place, person or people is right
    system_place: Bools | None = None  # [S] a place is answered
    popular: Longs | None = None  # [S] the candidate with the largest prior; −1: not known

    def take(self, gold: Bools, system: Bools) -> Hints:
        """Keep what belongs to some annotations."""
        ours, theirs = (
            {name: hint[kept] for name in names if (hint := getattr(self, name)) is not None}
            for names, kept in ((OF_GOLD, gold), (OF_SYSTEM, system))
        )
        return Hints(**ours, **theirs)


class Classes(NamedTuple):
    """A place in CLASSES for each annotation."""

    gold: Codes  # [G]
    system: Codes  # [S]


def classify(gold: Annotations, system: Annotations, outcome: Outcome, hints: Hints | None = None) -> Classes:
    """Say of each annotation what went wrong."""
    hints = hints or Hints()
    answered = np.zeros(len(system), np.bool_)
    answered[outcome.answer[outcome.found]] = True
    ours = np.full(len(gold), CODES["missed"], np.int8)
    theirs = np.full(len(system), CODES["spurious"], np.int8)
    for codes, lower, name in (
        (ours, hints.gold_lower, "missed, lower case"),
        (theirs, hints.system_lower, "spurious, lower case"),
    ):
        if lower is not None:
            codes[lower] = CODES[name]
    ours[~gold.known] = CODES["NIL left alone"]
    near = overlapping(gold, system)
    ours[near.gold[outcome.wrong[near.system]]] = CODES["wrong span"]
    theirs[near.system] = CODES["wrong span"]
    same = same_span(gold, system)
    theirs[same.system] = CODES["twice"]
    same = same.where(~outcome.found[same.gold] & outcome.wrong[same.system])
    why = _why(gold, system, same, hints)
    ours[same.gold[::-1]] = why[::-1]  # the first of several stays
    theirs[same.system[::-1]] = why[::-1]
    ours[outcome.found] = theirs[answered & ~outcome.wrong] = CODES["right"]
    ours[~(outcome.found | outcome.missed)] = CODES["not asked"]
    theirs[~(answered | outcome.wrong)] = CODES["not asked"]
    return Classes(ours, theirs)


def _why(gold: Annotations, system: Annotations, pairs: Pairs, hints: Hints) -> Codes:
    """Say why the answers on the right spans are wrong; later rules go before earlier ones."""
    ours, theirs = pairs
    said = system.entity[theirs]
    listed = system.candidates.lengths[theirs] > 0
    among = _among_candidates(gold, system, pairs)
    why = np.where(listed, CODES["wrong candidate"], CODES["wrong entity"]).astype(np.int8)
    if hints.popular is not None:
        popular = hints.popular[theirs]
        why[(popular == said) & ~is_right(gold, ours, popular)] = CODES["rare"]
    if hints.gold_partial is not None:
        why[hints.gold_partial[ours]] = CODES["partial name"]
    if hints.gold_placelike is not None and hints.system_place is not None:
        why[hints.system_place[theirs] & ~hints.gold_placelike[ours]] = CODES["other kind"]
    why[listed & ~among] = CODES["no candidate"]
    why[said < 0] = CODES["NIL told"]
    why[~gold.known[ours]] = CODES["NIL not told"]
    return why


def _among_candidates(gold: Annotations, system: Annotations, pairs: Pairs) -> Bools:
    lengths = system.candidates.lengths[pairs.system]
    at = spread(system.candidates.offsets[:-1][pairs.system], lengths)
    right = is_right(gold, np.repeat(pairs.gold, lengths), system.candidates.values[at])
    owner = np.repeat(np.arange(pairs.gold.size), lengths)
    among = np.zeros(pairs.gold.size, np.bool_)
    among[owner[right]] = True
    return among
