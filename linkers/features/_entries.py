"""The words of candidates, as a profile has them, gathered for a block: those that its texts have too."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.linkers.base import Longs
from kbtools.linkers.index.profile import SIXTEENTHS, Profile

Doubles = NDArray[np.float64]


class Entries(NamedTuple):
    """The words of R entities; those of entity i are rows offsets[i]:offsets[i + 1]."""

    offsets: Longs  # [R + 1]
    term: Longs  # ascending for each
    weight: Doubles  # how often
    length: Doubles  # [R] how many words it has, also those that are left out here
    norm: Doubles  # [R] √Σ (weight · idf)² over all its words

    @property
    def keys(self) -> Longs:
        """Return entity << 32 | term, in order."""
        return np.repeat(np.arange(len(self.length)), np.diff(self.offsets)) << 32 | self.term


class Gatherer:
    """Reads the words of entities from a profile."""

    def __init__(self, profile: Profile, *, related: int, worth: float) -> None:
        """Take the words of at most `related` neighbours too, each worth `worth` of an own one."""
        self.profile, self.related, self.worth = profile, related, worth
        self._columns = np.full(len(profile.arrays["words.terms"]), -1, np.int32)
        self._asked = np.zeros(0, np.int64)
        self._norms = np.zeros(0)

    @cached_property
    def _idf(self) -> Doubles:
        """log(1 + (N − n + ½) / (n + ½)) of terms that n of N entities have (Robertson's, above 0)."""
        n = self.profile.arrays["words.entities"].astype(np.float64)
        found: Doubles = np.log1p(np.maximum(self.profile.described - n, 0) + 0.5) - np.log(n + 0.5)
        return np.maximum(found, 1e-6)

    def idf(self, terms: NDArray[np.integer]) -> Doubles:
        """Return how much terms tell, by how few entities have them."""
        found: Doubles = self._idf[terms]
        return found

    def entries(self, rows: Longs, terms: Longs, *, norms: bool) -> Entries:
        """Gather the words of distinct entities that are among `terms`, which are distinct as well."""
        self._columns[self._asked] = -1
        self._asked = terms
        self._columns[terms] = np.arange(len(terms))
        return self._gathered(*self._sources(rows), len(rows), norms=norms)

    @property
    def width(self) -> int:
        """How many terms entries were last asked for; 1 at least."""
        return max(len(self._asked), 1)

    def columns(self, terms: Longs) -> Longs:
        """Return the places of terms among those that entries were last asked for."""
        return self._columns[terms].astype(np.int64)

    def _sources(self, rows: Longs) -> tuple[Longs, Longs, Doubles]:
        """Return whose words are taken for each of the entities: place, row, worth."""
        own = np.arange(len(rows))
        if not self.related:
            return own, rows, np.ones(len(rows))
        lengths, _ = self.profile.neighbours.take(rows)
        lengths = np.minimum(lengths, self.related)
        at = ranges(self.profile.neighbours.offsets[rows], lengths)
        near = self.profile.neighbours.values[at].astype(np.int64)
        whose = np.concatenate([own, np.repeat(own, lengths)])
        worth = np.concatenate([np.ones(len(rows)), np.full(len(near), self.worth)])
        return whose, np.concatenate([rows, near]), worth

    def _gathered(self, whose: Longs, source: Longs, worth: Doubles, count: int, *, norms: bool) -> Entries:
        words, weights = self.profile.words, self.profile.arrays["words.weights"]
        lengths, at = words.take(source)
        term = words.values[at]
        length = np.bincount(whose, self.profile.lengths[source] * worth, minlength=count) / SIXTEENTHS
        known = np.flatnonzero(self._columns[term] >= 0)
        owner = np.repeat(np.arange(len(whose)), lengths)
        norm = np.zeros(count)
        if norms:  # of related ones: as if they had no words in common
            norm = np.sqrt(np.bincount(whose, self._squares(source) * np.square(worth), minlength=count))
        weight = weights[at[known]] * (worth[owner[known]] / SIXTEENTHS)
        key = whose[owner[known]] << 32 | term[known]
        if self.related:
            order = np.argsort(key, kind="stable")
            key, weight = key[order], weight[order]
            new = np.ones(len(key), np.bool_)
            new[1:] = key[1:] != key[:-1]
            first = np.flatnonzero(new)
            key, weight = key[first], np.add.reduceat(weight, first) if len(first) else weight
        offsets = np.searchsorted(key, np.arange(count + 1) << 32)
        return Entries(offsets, key & 0xFFFFFFFF, weight, length, norm)

    def _squares(self, rows: Longs) -> Doubles:
        """Return Σ (weight · idf)² over all words of entities; what was worked out is kept."""
        if not len(self._norms):
            self._norms = np.full(len(self.profile.lengths), np.nan)
        fresh = np.unique(rows[np.isnan(self._norms[rows])])
        lengths, at = self.profile.words.take(fresh)
        telling = (
            self.profile.arrays["words.weights"][at] / SIXTEENTHS * self.idf(self.profile.words.values[at])
        )
        owner = np.repeat(np.arange(len(fresh)), lengths)
        self._norms[fresh] = np.bincount(owner, np.square(telling), minlength=len(fresh))
        found: Doubles = self._norms[rows]
        return found
