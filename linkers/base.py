"""What travels inside a linker: a block of documents, the mentions found in it, and their candidates.

    Block ──mentions/──▶ Mentions ──features/──▶ a number for each candidate ──ranking/──▶ Ranked ──▶ rows

All mentions of a block are worked on at once: columns of numbers, and the candidates of mention i are rows
offsets[i]:offsets[i + 1] of other columns. What is added to a linker is one file in one of these folders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.hashing import codes_of
from kbtools.arrays import ranges
from kbtools.linked.schema import KINDS
from kbtools.linkers.words import Words, words_of

__all__ = [
    "KINDS", "Block", "Feature", "Floats", "Given", "Longs", "Marks", "Mentions", "Own", "Rank", "Ranked",
    "Step", "best", "best_first", "joined", "keep_candidates", "no_mentions", "ranges", "take",
]  # fmt: skip

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]
Marks = NDArray[np.bool_]


class Given(NamedTuple):
    """G links that the corpus itself tells, those of a place side by side."""

    text: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    kb: NDArray[np.int16]  # −1: not said
    eid: Longs  # −1: not known, or none
    kind: NDArray[np.uint8]  # a place in KINDS
    lemma: NDArray[np.uint64] | None = None  # what it is a form of, as linkers.lexicon.named; 0: not told
    pos: NDArray[np.uint8] | None = None  # a place in linkers.lexicon.POS

    def take(self, rows: Longs) -> Given:
        """Keep some links."""
        return Given._make(None if column is None else column[rows] for column in self)


class Own(NamedTuple):
    """What each of T texts is about: the entity of a page."""

    kb: NDArray[np.int16]  # −1: not said
    eid: Longs  # −1: not known


class Block:
    """Some documents of a corpus; what several parts of a linker need of them is made once."""

    def __init__(
        self,
        texts: Sequence[str],
        langs: Sequence[str | None] | None = None,
        given: Given | None = None,
        own: Own | None = None,
    ) -> None:
        self.texts = list(texts)
        self.langs = list(langs) if langs is not None else [None] * len(self.texts)
        self.given = given  # None: the corpus tells nothing
        self.own = own

    @cached_property
    def words(self) -> Words:
        """All words of all texts, in order."""
        return words_of(self.texts)

    @cached_property
    def codes(self) -> NDArray[np.uint32]:
        """The code points of all texts, one after the other."""
        return codes_of("".join(self.texts))

    @cached_property
    def begins(self) -> Longs:
        """Where each text begins in `codes`, and the last one ends."""
        return np.cumsum([0, *map(len, self.texts)])

    def places(self, text: NDArray[np.int32], point: NDArray[np.int32]) -> Longs:
        """Return the places in `codes` of code points of texts."""
        return self.begins[text] + point


class _Columns(NamedTuple):
    text: NDArray[np.int32]  # [M] number of the document in its block
    start: NDArray[np.int32]  # [M] code points
    end: NDArray[np.int32]  # [M]
    kb: NDArray[np.uint8]  # [M] a knowledge base: several mentions may stand at one place
    kind: NDArray[np.uint8]  # [M] a place in KINDS
    parent: NDArray[np.int32]  # [M] the mention it was derived from, as a row; −1: none
    link: Floats  # [M] how likely a text with these words is a link; NaN: not counted
    level: NDArray[np.uint8]  # [M] the rung on which the name was found: alias.schema.LEVELS
    offsets: Longs  # [M + 1]
    eid: NDArray[np.uint32]  # [C]
    prior: Floats  # [C] p(entity | name); 0 where only an index found it
    string: Floats  # [C] how alike mention and name are: 1 from the table of names, else what an index says


class Mentions(_Columns):
    """M mentions ordered by (text, start, −end, kb), with C candidates; those of a mention best first."""

    __slots__ = ()

    @classmethod
    def _make(cls, columns: Iterable[Any]) -> Mentions:  # type: ignore[override]
        """Make them of columns; the inherited one counts by `len`, which here is the number of mentions."""
        return cls(*columns)

    def __len__(self) -> int:
        return len(self.text)

    @property
    def lengths(self) -> Longs:
        """How many candidates each mention has."""
        return np.diff(self.offsets)

    @property
    def owner(self) -> Longs:
        """The mention of each candidate, [C]."""
        return np.repeat(np.arange(len(self.text)), self.lengths)


# A step of finding mentions: sees what was found before, returns all there is now.
Step = Callable[[Block, Mentions], Mentions]
# A feature: a number for each candidate [C], larger is better; it sees those worked out before it, by name.
Feature = Callable[[Block, Mentions, Mapping[str, Floats]], Floats]


class Ranked(NamedTuple):
    """How likely each candidate is what its mention means, and how likely none is: 1 in all."""

    p: Floats  # [C]
    nil: Floats  # [M]


Rank = Callable[[Mentions, Mapping[str, Floats]], Ranked]


def no_mentions() -> Mentions:
    """Return Mentions without any."""
    kinds = (np.int32, np.int32, np.int32, np.uint8, np.uint8, np.int32, np.float32, np.uint8)
    none = np.zeros(0, np.float32)
    columns: list[Any] = [
        *(np.zeros(0, kind) for kind in kinds),
        np.zeros(1, np.int64),
        np.zeros(0, np.uint32),
    ]
    return Mentions._make([*columns, none, none])


def take(mentions: Mentions, rows: Longs) -> Mentions:
    """Keep some mentions, in the order asked for, with their candidates."""
    lengths = mentions.lengths[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    at = ranges(mentions.offsets[:-1][rows], lengths)
    place = np.full(len(mentions) + 1, -1, np.int32)  # the last one: of the parent −1
    place[rows] = np.arange(len(rows), dtype=np.int32)
    first: list[Any] = [column[rows] for column in mentions[:8]]
    first[5] = place[first[5]]
    return Mentions._make([*first, offsets, mentions.eid[at], mentions.prior[at], mentions.string[at]])


def keep_candidates(mentions: Mentions, kept: NDArray[np.bool_]) -> Mentions:
    """Keep the candidates that are marked, and all mentions."""
    counts = np.bincount(mentions.owner[kept], minlength=len(mentions))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    columns = {name: getattr(mentions, name)[kept] for name in ("eid", "prior", "string")}
    return mentions._replace(offsets=offsets, **columns)


def joined(parts: Sequence[Mentions]) -> Mentions:
    """Put mentions together and in order; of several at one place and kb the first given is kept."""
    before = np.cumsum([0, *(len(part) for part in parts)])
    moved = [
        part._replace(parent=np.where(part.parent >= 0, part.parent + first, -1).astype(np.int32))
        for part, first in zip(parts, before, strict=False)
    ]
    columns: list[Any] = [np.concatenate(column) for column in list(zip(*moved, strict=True))[:8]]
    lengths = np.concatenate([part.lengths for part in parts])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    below: list[Any] = [np.concatenate([part[at] for part in parts]) for at in (9, 10, 11)]
    whole = Mentions._make([*columns, offsets, *below])
    order = np.lexsort((whole.kb, -whole.end, whole.start, whole.text))
    places = np.stack([whole.text, whole.start, whole.end, whole.kb])[:, order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(places) != 0).any(axis=0)
    return take(whole, order[new])


def best(mentions: Mentions, score: Floats) -> Longs:
    """Return the row of each mention's best candidate; −1 where it has none.

    Equal scores: the larger prior, then the smaller eid.
    """
    found = np.full(len(mentions), -1, np.int64)
    has = np.flatnonzero(mentions.lengths)
    if not len(has):
        return found
    top = np.repeat(np.maximum.reduceat(score, mentions.offsets[has]), mentions.lengths[has])
    rows = np.flatnonzero(score == top)
    owner = mentions.owner[rows]
    if len(rows) > len(has):
        order = np.lexsort((mentions.eid[rows], -mentions.prior[rows], owner))
        rows = rows[order]  # owners stay in order
    found[owner[::-1]] = rows[::-1]  # the first of each is written last
    return found


def best_first(mentions: Mentions, score: NDArray[np.floating[Any]]) -> Longs:
    """Return the rows of candidates, those of a mention together, best first; ties as in `best`."""
    owner = mentions.owner
    # one number a candidate, sorted at once: its mention, and its score in single precision turned round
    bits = (score.astype(np.float32) + np.float32(0)).view(np.uint32)  # there is no −0
    falling = np.where(bits >> 31, bits, bits ^ np.uint32(0x7FFFFFFF))
    key = (owner.astype(np.uint64) << np.uint64(32)) | falling
    sorted_already = bool((key[1:] >= key[:-1]).all())  # where nothing but the prior counts
    order = np.arange(len(key)) if sorted_already else np.argsort(key)
    key = key[order]
    same = np.concatenate([[False], key[1:] == key[:-1], [False]])
    tied = np.flatnonzero(same[1:] | same[:-1])
    if len(tied):
        rows = order[tied]
        keys = (mentions.eid[rows], -mentions.prior[rows], -score[rows], key[tied])
        order[tied] = rows[np.lexsort(keys)]
    return order
