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
from kbtools.errors import ConfigError
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
    ranges,
    take,
)
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.overlap import best_non_overlapping
from kbtools.linkers.preset import FOLDERS, RANKING, Preset, settings_of

LEAST = 1e-6  # even a mention that means nothing is better than none
GIVEN = 1e6  # what somebody said is a mention goes before what only might be one
COUNTED = KINDS.index("dictionary")  # mentions that are as sure as their names are links


class Decided(NamedTuple):
    """Mentions with what each means; columns of candidates go with `mentions.offsets`."""

    mentions: Mentions
    ranked: Ranked
    features: dict[str, Floats]  # [C] each
    choice: Longs  # [M] the row of the candidate that is meant; −1: NIL


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
        nil, choice = self.preset.nil, best(mentions, ranked.p)
        accepted = (choice >= 0) & (_at(ranked.p, choice) >= ranked.nil)
        ranked = self._certain(mentions, ranked)
        accepted &= _at(ranked.p, choice) >= nil.total
        accepted &= _at(mentions.prior, choice) >= nil.prior
        if nil.context is not None:
            accepted &= _at(_context(features), choice) >= nil.context
        found = Decided(mentions, ranked, features, np.where(accepted, choice, -1))
        found = _take(found, np.flatnonzero(accepted | self._kept[mentions.kind]))
        return found if self.preset.overlap == "all" else _take(found, _apart(found))

    def _certain(self, mentions: Mentions, ranked: Ranked) -> Ranked:
        """Where names were counted in text: what is a link half of the time is one here half as surely."""
        if not self.preset.by_link:
            return ranked
        counted = (mentions.kind == COUNTED) & ~np.isnan(mentions.link)
        sure = np.where(counted, mentions.link, np.float32(1))
        return Ranked(ranked.p * sure[mentions.owner], 1 - (1 - ranked.nil) * sure)


def _context(features: dict[str, Floats]) -> Floats:
    if "context" not in features:
        raise ConfigError("nil.context asks for the feature `context`: add [features.context]")
    return features["context"]


def _apart(found: Decided) -> Longs:
    """Choose mentions that do not overlap: those that make the most characters most surely something."""
    mentions, ranked, _, choice = found
    sure = np.where(choice >= 0, _at(ranked.p, choice), 1 - ranked.nil).astype(np.float64)
    weight = np.maximum(sure, LEAST) * (mentions.end - mentions.start)
    weight[mentions.kind != COUNTED] += GIVEN
    return best_non_overlapping(mentions.text, mentions.start, mentions.end, mentions.kb, weight)


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
