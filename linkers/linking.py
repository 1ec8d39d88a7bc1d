"""One linker at work: a block of documents in, decided mentions out.

    steps ──▶ candidates ──▶ features ──▶ ranking ──▶ NIL ──▶ overlap

`make` puts it together from a preset. It keeps no state: the same block gives the same mentions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools import plugins
from kbtools.arrays import ranges
from kbtools.errors import ConfigError
from kbtools.linked.overlap import best_non_overlapping, leftmost_longest
from kbtools.linkers import candidates
from kbtools.linkers.base import (
    KINDS,
    Block,
    Feature,
    Floats,
    Longs,
    Mentions,
    Rank,
    Ranked,
    Step,
    best,
    no_mentions,
    take,
)
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.preset import FOLDERS, RANKING, Preset, settings_of

LEAST = 1e-6  # even a mention that means nothing is better than none
GIVEN = 1e6  # what somebody said is a mention goes before what only might be one
SAID = [KINDS.index(kind) for kind in ("gold", "user", "anchor", "ner")]
COUNTED = KINDS.index("dictionary")  # mentions that are as sure as their names are links
TOLD = {"gold", "user", "anchor"}  # kinds of links by which a corpus can say what is meant


class Decided(NamedTuple):
    """Mentions with what each means; columns of candidates go with `mentions.offsets`."""

    mentions: Mentions
    ranked: Ranked
    features: dict[str, Floats]  # [C] each
    choice: Longs  # [M] the row of the candidate that is meant; −1: NIL


class Tested(NamedTuple):
    """All mentions that were found, and whether the likeliest candidate of each is good enough."""

    ranked: Ranked  # as it is told
    best: Longs  # [M] the row of the likeliest candidate; −1: there is none
    passed: dict[str, NDArray[np.bool_]]  # [M] each; by the setting that asks for it

    @property
    def choice(self) -> Longs:
        """The row of the candidate that is meant; −1: NIL."""
        return np.where(np.logical_and.reduce([*self.passed.values()]), self.best, -1)


class Linker:
    """Links blocks of documents."""

    def __init__(self, preset: Preset, knowledge: Knowledge, *, rank: Rank | None = None) -> None:
        self.preset, self.knowledge = preset, knowledge
        self.steps: list[Step] = [
            _part(knowledge, "mentions", name, told) for name, told in preset.mentions.items()
        ]
        self.features: dict[str, Feature] = {
            name: _part(knowledge, "features", name, told) for name, told in preset.features.items()
        }
        self.rank = rank or _rule(preset)
        given = preset.mentions.get("given", {})
        trusted = {*given.get("kinds", KINDS)} & TOLD if given.get("trust") else set[str]()
        self._trusted = np.array([kind in trusted for kind in KINDS], np.bool_)
        self._kept = np.array([kind in preset.nil.keep for kind in KINDS], np.bool_)

    def link(self, block: Block) -> Decided:
        """Find and decide the mentions of a block."""
        mentions = self.found(block)
        features = self.scored(block, mentions)
        return self.decided(mentions, features, self.rank(mentions, features))

    def found(self, block: Block) -> Mentions:
        """Find the mentions of a block, with their candidates."""
        mentions = no_mentions()
        for step in self.steps:
            mentions = step(block, mentions)
        settings = self.preset.candidates
        mentions = candidates.widen(self.knowledge, block, mentions, settings)
        return candidates.cut(mentions, settings)

    def scored(self, block: Block, mentions: Mentions) -> dict[str, Floats]:
        """Work out the features, each of which sees those before it."""
        features: dict[str, Floats] = {}
        for name, feature in self.features.items():
            features[name] = feature(block, mentions, features)
        return features

    def decided(self, mentions: Mentions, features: dict[str, Floats], ranked: Ranked) -> Decided:
        """Decide which mentions mean nothing, drop those that are not kept then, and resolve overlaps."""
        tested = self.tested(mentions, features, ranked)
        found = Decided(mentions, tested.ranked, features, tested.choice)
        return _take(found, self.apart(found, self.kept(found)))

    def tested(self, mentions: Mentions, features: dict[str, Floats], ranked: Ranked) -> Tested:
        """Ask of the likeliest candidate of each mention all that it takes to be what is meant."""
        ranked = self._told(mentions, ranked)
        nil, first = self.preset.nil, best(mentions, ranked.p)
        passed = {"candidates": first >= 0}
        if nil.likelier:
            passed["nil.likelier"] = _at(ranked.p, first) >= ranked.nil
        ranked = self._certain(mentions, ranked)
        passed["nil.total"] = _at(ranked.p, first) >= nil.total
        passed["nil.prior"] = _at(mentions.prior, first) >= nil.prior
        if nil.context is not None:
            passed["nil.context"] = _at(_context(features), first) >= nil.context
        return Tested(ranked, first, passed)

    def kept(self, found: Decided) -> Longs:
        """Return the mentions that mean something, and those that are kept if they do not."""
        return np.flatnonzero((found.choice >= 0) | self._kept[found.mentions.kind])

    def apart(self, found: Decided, rows: Longs) -> Longs:
        """Return those of some mentions that stay where they overlap."""
        return rows if self.preset.overlap == "all" else rows[_apart(found, rows, self.preset.prefer)]

    def _certain(self, mentions: Mentions, ranked: Ranked) -> Ranked:
        """Where names were counted in text: what is a link half of the time is one here half as surely."""
        if not self.preset.by_link:
            return ranked
        counted = (mentions.kind == COUNTED) & ~np.isnan(mentions.link)
        sure = np.where(counted, mentions.link, np.float32(1))
        return Ranked(ranked.p * sure[mentions.owner], 1 - (1 - ranked.nil) * sure)

    def _told(self, mentions: Mentions, ranked: Ranked) -> Ranked:
        """Weigh nothing where the corpus says what is meant, and is trusted: that is so."""
        told = self._trusted[mentions.kind] & (mentions.lengths == 1)
        if not told.any():
            return ranked
        one, none = np.float32(1), np.float32(0)
        return Ranked(np.where(told[mentions.owner], one, ranked.p), np.where(told, none, ranked.nil))


def _context(features: dict[str, Floats]) -> Floats:
    if "context" not in features:
        raise ConfigError("nil.context asks for the feature `context`: add [features.context]")
    return features["context"]


def _apart(found: Decided, rows: Longs, prefer: str) -> Longs:
    """Choose among mentions that overlap: those that make the most characters most surely something."""
    mentions, ranked, _, choice = found
    text, start, end, kb = (
        column[rows] for column in (mentions.text, mentions.start, mentions.end, mentions.kb)
    )
    if prefer == "longest":
        return leftmost_longest(text, start, end, kb)
    sure = np.where(choice[rows] >= 0, _at(ranked.p, choice[rows]), 1 - ranked.nil[rows]).astype(np.float64)
    weight = np.maximum(sure, LEAST) * (end - start)
    weight[np.isin(mentions.kind[rows], SAID)] += GIVEN
    return best_non_overlapping(text, start, end, kb, weight)


def _part(knowledge: Knowledge, kind: str, name: str, told: dict[str, Any]) -> Any:
    """Make a step or a feature."""
    settings = settings_of(FOLDERS[kind], name, told, f"{kind}.{name}")
    make: Callable[[Knowledge, Any], Any] = plugins.load(FOLDERS[kind], name).make
    return make(knowledge, settings)


def _rule(preset: Preset) -> Rank:
    told = dict(preset.ranking)
    name = told.pop("rule", "softmax")
    rank: Rank = plugins.load(RANKING, name).make(settings_of(RANKING, name, told, "ranking"))
    return rank


def _at(values: NDArray[Any], rows: Longs) -> NDArray[Any]:
    """Return values at rows; whatever is there for −1, which the caller looks after."""
    if not len(values):
        return np.zeros(len(rows), np.float32)
    return values[rows]


def _take(found: Decided, rows: Longs) -> Decided:
    """Keep some mentions with all that goes with them."""
    mentions, ranked, features, choice = found
    at = ranges(mentions.offsets[:-1][rows], mentions.lengths[rows])
    kept = take(mentions, rows)
    moved = choice[rows] - mentions.offsets[:-1][rows] + kept.offsets[:-1]
    return Decided(
        kept,
        Ranked(ranked.p[at], ranked.nil[rows]),
        {name: values[at] for name, values in features.items()},
        np.where(choice[rows] >= 0, moved, -1),
    )


def blocks(lengths: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Cut documents into runs of about `size` code points; a longer document is one by itself."""
    if not len(lengths):
        return []
    ends = np.cumsum(lengths)
    number = (ends - lengths) // size
    heads = np.flatnonzero(np.diff(number, prepend=-1))
    return list(zip(heads.tolist(), [*heads[1:].tolist(), len(lengths)], strict=True))
