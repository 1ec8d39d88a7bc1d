"""How well a candidate's classes fit those of the document's other mentions.

    mean over the classes t of the candidate:  log [(D(t) + s q(t)) / ((n + s) q(t))]

D(t) sums up over the n other names of the document how likely each means one of class t, by the priors of
its candidates; q(t) is the share of entities of class t, and s smooths: without other mentions all candidates
get 0. A name that occurs again says nothing new, and nothing of itself: names with the same candidates count
once, and not for their own candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Feature, Floats, Longs, Mentions
from kbtools.linkers.features._passages import places
from kbtools.linkers.index.profile import Csr, Profile
from kbtools.linkers.knowledge import Knowledge

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What counts as a class, and who is believed."""

    superclasses: bool = setting("Also compare the superclasses of types.", False)
    least: float = setting("Candidates of a smaller prior say nothing of others.", 0.1)
    smoothing: float = setting("Mentions of any class that every document is taken to have.", 3.0)

    def __post_init__(self) -> None:
        if not 0 <= self.least <= 1:
            raise ConfigError(f"least is {self.least}; it is 0 to 1")
        if self.smoothing <= 0:
            raise ConfigError(f"smoothing is {self.smoothing}; it is more than 0")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    profile = knowledge.need_profile("the feature type")
    classes = profile.classes if settings.superclasses else profile.types
    shares = _Shares(classes)

    def type_(block: Block, mentions: Mentions, _: Mapping[str, Floats]) -> Floats:
        del block
        return _scores(mentions, _of(profile, mentions, classes), shares, settings)

    return type_


class _Shares:
    """The share of entities that belong to a class. Memory: 12 bytes a class."""

    def __init__(self, classes: Csr) -> None:
        self._classes, counts = np.unique(classes.values, return_counts=True)
        typed = int(np.count_nonzero(np.diff(classes.offsets)))
        self._share = counts / max(typed, 1)

    def __call__(self, some: Longs) -> Doubles:
        found: Doubles = self._share[np.searchsorted(self._classes, some)]
        return found


class _Typed(NamedTuple):
    """The classes of candidates: T pairs."""

    candidate: Longs
    kind: Longs


def _of(profile: Profile, mentions: Mentions, classes: Csr) -> _Typed:
    lengths, at = classes.take(profile.rows(mentions.kb[mentions.owner], mentions.eid))
    return _Typed(np.repeat(np.arange(len(lengths)), lengths), classes.values[at].astype(np.int64))


def _scores(mentions: Mentions, typed: _Typed, shares: _Shares, settings: Settings) -> Floats:
    owner = mentions.owner
    group = _groups(mentions)
    text = mentions.text.astype(np.int64)
    first = np.zeros(len(mentions), np.bool_)
    first[np.unique(group, return_index=True)[1]] = True
    first &= mentions.lengths > 0
    believed = np.where(mentions.prior >= settings.least, mentions.prior, 0).astype(np.float64)
    says = first[owner[typed.candidate]] & (believed[typed.candidate] > 0)
    candidate, kind = typed.candidate[says], typed.kind[says]
    by_text = _summed(text[owner[candidate]] << 32 | kind, believed[candidate])
    by_group = _summed(group[owner[candidate]] << 32 | kind, believed[candidate])
    named = np.bincount(text[first], minlength=int(text.max(initial=0)) + 1)
    mine = owner[typed.candidate]
    there = by_text.at(text[mine] << 32 | typed.kind) - by_group.at(group[mine] << 32 | typed.kind)
    others = named[text[mine]] - (mentions.lengths[mine] > 0)
    share = shares(typed.kind)
    smooth = settings.smoothing
    odds = np.log((np.maximum(there, 0) + smooth * share) / ((others + smooth) * share))
    total = np.bincount(typed.candidate, odds, minlength=len(owner))
    counts = np.bincount(typed.candidate, minlength=len(owner))
    return (total / np.maximum(counts, 1)).astype(np.float32)


def _groups(mentions: Mentions) -> Longs:
    """Give the same number to mentions of one document, knowledge base, first candidate and how many."""
    some = mentions.lengths > 0
    best = np.full(len(mentions), -1, np.int64)
    best[some] = mentions.eid[mentions.offsets[:-1][some]]
    key = np.stack([mentions.text.astype(np.int64), mentions.kb.astype(np.int64), best, mentions.lengths])
    order = np.lexsort(key)
    new = (np.diff(key[:, order], prepend=-2) != 0).any(axis=0)
    found = np.empty(len(order), np.int64)
    found[order] = np.cumsum(new) - 1
    return found


class _Sums(NamedTuple):
    keys: Longs
    sums: Doubles

    def at(self, keys: Longs) -> Doubles:
        """Return the sums of keys; 0 of those that are not there."""
        if not len(self.keys):
            return np.zeros(len(keys))
        place = places(self.keys, keys)
        found: Doubles = np.where(place >= 0, self.sums[place], 0)
        return found


def _summed(keys: Longs, values: Doubles) -> _Sums:
    distinct, place = np.unique(keys, return_inverse=True)
    return _Sums(distinct, np.asarray(np.bincount(place, values, minlength=len(distinct)), np.float64))
