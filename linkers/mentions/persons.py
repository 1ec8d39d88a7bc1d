"""Persons named again by a part of their name: "Angela Merkel ... Merkel ... Angela".

A mention of several words that may mean a person hands those persons on to each later (with `backward`: also
earlier) place where a word of the name stands alone, or its last words ("von Neumann"); in ReFinED (T. Ayoola
et al., NAACL 2022) they get p of at most .80 there. Here the persons share w = min(.80, Σ p) in proportion to
their p, and what the short name means anyhow keeps the rest:

    p(e) = w · p_full(e) / Σ p_full + (1 − w) · p_short(e)

Of several persons with the same word, the nearest before counts, then the first one after. Initials, titles,
particles and endings such as Jr. are no names. In Chinese, names written with a dot have parts
(唐纳德·特朗普); others are found again as a whole only: 张先生 might be anybody.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Longs, Marks, Mentions, Step
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.mentions import _deriving
from kbtools.linkers.mentions._classes import instances, there
from kbtools.text import CJK

PARTICLE = re.compile(
    "von|van|der|den|de|del|della|di|da|do|dos|das|du|la|le|el|al|bin|ibn|ben|zu|zum|zur|ter|af|av", re.I
)
ENDING = re.compile("jr|sr|[ivx]+", re.I)
NO_NAME = re.compile(  # but at the end of a name: Martin Luther King
    f"{PARTICLE.pattern}|bint|abu|ten|of|the|and|y|e|mr|mrs|ms|miss|dr|prof|sir|dame|lord|lady|"
    "saint|st|pope|king|queen|prince|princess|president|emperor",
    re.I,
)
WORD = re.compile(r"[^\s·•・‧]+")
EDGE = ".,;:!?\"“”‘’'()[]"
POSSESSIVE = re.compile(r"['’]s?$")
DOTS = "·•・‧"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Who is a person, and where parts of a name are looked for."""

    classes: tuple[str, ...] = setting("Ids of classes whose instances are persons.", ("Q5",))
    least: float = setting("A candidate of a smaller prior does not make a mention a person.", 0.05)
    most: float = setting("What is handed on has this probability at most.", 0.8)
    backward: bool = setting("Before the full name, too.", True)
    optional: bool = setting("Where no knowledge base has these classes, do nothing.", False)
    only_known: bool = setting("Only mentions that are there get candidates; no new ones.", False)

    def __post_init__(self) -> None:
        for name in ("least", "most"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is from 0 to 1")


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step."""
    if settings.optional and not there(knowledge, settings.classes):
        return lambda _, mentions: mentions
    return step_with(instances(knowledge, settings.classes, "mentions/persons"), settings)


def step_with(
    is_person: Callable[[NDArray[np.uint8], NDArray[np.uint32]], Marks], settings: Settings
) -> Step:
    """Return the step; `is_person` marks the entities that are persons, by knowledge base and eid."""

    def step(block: Block, mentions: Mentions) -> Mentions:
        person = mentions.prior > settings.least
        likely = np.flatnonzero(person)
        person[likely] = is_person(mentions.kb[mentions.owner[likely]], mentions.eid[likely])
        rows = np.unique(mentions.owner[person])
        where = _deriving.repeats(list(_repeats(block, mentions, rows, settings)))
        if settings.only_known:
            where = _deriving.known(mentions, where)
        if not len(where.parent):
            return mentions
        own = _deriving.same_place(mentions, where)
        return _deriving.put_before(_mixed(mentions, where, own, person, settings), mentions)

    return step


@lru_cache(maxsize=1 << 16)
def parts_of(name: str) -> tuple[str, ...]:
    """Return what else a person of this name may be called: each word of it, and its last words.

    >>> parts_of("John von Neumann"), parts_of("J. R. R. Tolkien Jr."), parts_of("Merkel")
    (('von Neumann', 'Neumann', 'John'), ('Tolkien',), ())
    """
    words = [(match.start(), match.end()) for match in WORD.finditer(POSSESSIVE.sub("", name))]
    while words and ENDING.fullmatch(_bare(name, words[-1])):
        words.pop()
    if len(words) < 2 or _bare(name, words[0]) == "the":
        return ()
    end = words[-1][1]
    names = [word for word in words if _is_name(name, word, word == words[-1])]
    found = [name[low:high].strip(EDGE) for low, high in names]
    for first, second in pairwise(words[1:]):
        if _goes_on(name, first) and (second == words[-1] or _goes_on(name, second)):
            found.append(name[first[0] : end].strip(EDGE))
    return tuple(sorted({*found}, key=lambda part: (-len(part), part)))


def _bare(name: str, word: tuple[int, int]) -> str:
    return name[slice(*word)].strip(EDGE).lower()


def _goes_on(name: str, word: tuple[int, int]) -> bool:
    return _is_name(name, word) or PARTICLE.fullmatch(_bare(name, word)) is not None


def _is_name(name: str, word: tuple[int, int], last: bool = False) -> bool:
    """Tell whether a word of a name is a name: no initial, no title, no particle."""
    text = name[slice(*word)].strip(EDGE)
    letters = re.sub(r"[\W\d_]", "", text)
    initials = "." in text and len(letters) < 4 and letters.isupper()  # J.R.R.
    if len(letters) < 2 or initials or text[0].islower() or ENDING.fullmatch(text):
        return False
    return last or not NO_NAME.fullmatch(text)


def _repeats(
    block: Block, mentions: Mentions, rows: Longs, settings: Settings
) -> Iterator[tuple[int, int, int, int]]:
    """Yield text, start, end of each part of a name that stands alone, and the row of the full name."""
    texts = mentions.text[rows]
    for number in np.unique(texts).tolist():
        text = block.texts[number]
        called: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for row in rows[
            np.searchsorted(texts, number) : np.searchsorted(texts, number, side="right")
        ].tolist():
            start, end, kb = int(mentions.start[row]), int(mentions.end[row]), int(mentions.kb[row])
            for part in parts_of(text[start:end]):
                called.setdefault((part, kb), []).append((start, row))
        if called:
            yield from _alone(number, text, called, _Inside(mentions, number), settings)


def _alone(
    number: int,
    text: str,
    called: dict[tuple[str, int], list[tuple[int, int]]],
    inside: _Inside,
    settings: Settings,
) -> Iterator[tuple[int, int, int, int]]:
    kbs = sorted({kb for _, kb in called})
    parts = sorted({part for part, _ in called}, key=lambda part: (-len(part), part))
    for match in re.finditer("|".join(map(_pattern, parts)), text):
        start, end = match.span()
        if inside(start, end):
            continue
        for kb in kbs:
            full = called.get((match.group(), kb), [])
            nearest = bisect_right([at for at, _ in full], start) - 1
            if full and (nearest >= 0 or settings.backward):
                yield number, start, end, full[max(nearest, 0)][1]


def _pattern(part: str) -> str:
    """Find it as a word: not in O'Brien, Jean-Paul or 特朗普·…; a possessive may follow."""
    if re.search(f"[{CJK}]", part):
        return rf"(?<![{DOTS}]){re.escape(part)}(?![{DOTS}])"
    return rf"(?<![\w'’\-{DOTS}]){re.escape(part)}(?!\w|[-‐‑{DOTS}]\w|['’](?!s\b)\w)"


class _Inside:
    """Tells whether a place is inside a longer mention of a text."""

    def __init__(self, mentions: Mentions, text: int) -> None:
        low, high = np.searchsorted(mentions.text, [text, text + 1])
        self.starts = mentions.start[low:high]  # in order, longest first
        self.ends = mentions.end[low:high]
        self.far = np.maximum.accumulate(self.ends)

    def __call__(self, start: int, end: int) -> bool:
        before = int(np.searchsorted(self.starts, start))
        if before and self.far[before - 1] >= end:
            return True
        return before < len(self.starts) and bool(self.starts[before] == start and self.ends[before] > end)


def _mixed(
    mentions: Mentions, where: _deriving.Repeats, own: Longs, person: Marks, settings: Settings
) -> Mentions:
    """Make the mentions: the persons of the full name, and what the short name means anyhow."""
    count = len(where.parent)
    full, of_full = _candidates(mentions, where.parent, np.arange(count))
    full, of_full = full[person[full]], of_full[person[full]]
    short, of_short = _candidates(mentions, own[own >= 0], np.flatnonzero(own >= 0))
    sums = np.bincount(of_full, mentions.prior[full].astype(np.float64), minlength=count)
    share = np.minimum(sums, settings.most)
    p = np.concatenate(
        [
            mentions.prior[full] * (share / np.where(sums > 0, sums, 1))[of_full],
            mentions.prior[short] * (1 - share)[of_short],
        ]
    )
    at = np.concatenate([full, short])
    key = (np.concatenate([of_full, of_short]).astype(np.uint64) << np.uint64(32)) | mentions.eid[at]
    keys, place = np.unique(key, return_inverse=True)
    owner, eid = (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    prior = np.bincount(place, p, minlength=len(keys)).astype(np.float32)
    string = np.zeros(len(keys), np.float32)
    np.maximum.at(string, place, mentions.string[at])
    order = np.lexsort((eid, -prior, owner))
    found = _deriving.copies(mentions, where, "coreference")
    return found._replace(
        link=np.where(own >= 0, np.fmax(mentions.link[own], found.link), found.link),
        level=np.where(own >= 0, mentions.level[own], found.level),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))]),
        eid=eid[order],
        prior=prior[order],
        string=string[order],
    )


def _candidates(mentions: Mentions, rows: Longs, owners: Longs) -> tuple[Longs, Longs]:
    """Return the candidates of some mentions, as rows, and the owner of each."""
    lengths = mentions.lengths[rows]
    return ranges(mentions.offsets[:-1][rows], lengths), np.repeat(owners, lengths)
