"""Which entities meet in text: in how many units each is named, and in how many both of a pair.

A unit is a set of entities: those of a sentence, of a window, of an example. Only pairs that somebody asks
about (the ends of facts) are counted, never all that meet.

    npmi(a, b) = ln(p(a, b) / (p(a) p(b))) / -ln p(a, b)           (Bouma 2009)

Memory: 8 bytes a pair that is asked about, and CHUNK meetings at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbtools.arrays import ranges

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Ints = NDArray[Any]
Floats = NDArray[np.float64]

CHUNK = 1 << 20  # possible meetings that are looked at together
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


class Meetings(NamedTuple):
    """M meetings, each pair once a unit, in order of unit and pair."""

    unit: I64  # [M]
    pair: I64  # [M] a place among the pairs


class Pairs:
    """Pairs of different entities; which of the two comes first does not matter.

    >>> pairs = Pairs.of([3, 1, 7], [1, 3, 2])
    >>> pairs.places([1, 2, 1], [3, 7, 7]).tolist()
    [0, 1, -1]
    """

    def __init__(self, keys: U64) -> None:
        self.keys = keys  # sorted: the lower of the two, then the higher

    @classmethod
    def of(cls, heads: ArrayLike, tails: ArrayLike) -> Pairs:
        """Gather the pairs of some facts."""
        return cls(distinct(keys_of(heads, tails)))

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def entities(self) -> I64:
        """All that are in some pair, in order."""
        return distinct(np.concatenate([self.keys >> _HALF, self.keys & _LOW])).astype(np.int64)

    def places(self, one: ArrayLike, other: ArrayLike) -> I64:
        """Return the place of each pair; −1: nobody asked about it."""
        low, high = _ordered(one, other)
        return _find(self.keys, (low << _HALF) | high)

    def slices(self, low: Ints) -> tuple[I64, I64]:
        """Return where the pairs begin and end whose lower entity is given."""
        first = low.astype(np.uint64) << _HALF
        last = first | _LOW
        return np.searchsorted(self.keys, first), np.searchsorted(self.keys, last, side="right")

    def meetings(self, unit: Ints, entity: Ints) -> Meetings:
        """Find the pairs that meet; the entities of a unit may come in any order, and repeatedly.

        Of each entity either the rest of its unit is looked at, or the pairs that it is the lower of:
        whichever are fewer. So neither a unit of thousands nor an entity of millions of facts is slow.
        """
        return self.among(named(unit, entity))

    def among(self, here: U64) -> Meetings:
        """Find the pairs that meet; `here` is what `named` returned."""
        low, place = here & _LOW, np.arange(len(here))
        last = np.searchsorted(here, here | _LOW, side="right")  # the end of the unit
        begin, end = self.slices(low)
        cost = np.minimum(last - place - 1, end - begin)
        asked = np.flatnonzero(cost > 0)
        found: list[U64] = []
        for some in _chunks(asked, cost):
            across = end[some] - begin[some] < last[some] - place[some] - 1
            found += [
                self._looked_up(here, some[across], begin, end),
                self._within(here, some[~across], last),
            ]
        keys = np.sort(np.concatenate(found)) if found else np.zeros(0, np.uint64)
        return Meetings((keys >> _HALF).astype(np.int64), (keys & _LOW).astype(np.int64))

    def _looked_up(self, here: U64, some: I64, begin: I64, end: I64) -> U64:
        """Go through the pairs of entities, and look who is in the unit; unit and pair as one number."""
        pair = ranges(begin[some], end[some] - begin[some])
        unit = np.repeat(here[some] >> _HALF, end[some] - begin[some])
        met = _find(here, (unit << _HALF) | (self.keys[pair] & _LOW)) >= 0
        return (unit[met] << _HALF) | pair[met].astype(np.uint64)

    def _within(self, here: U64, some: I64, last: I64) -> U64:
        """Go through the rest of the unit, and look which pairs are asked about."""
        size = last[some] - some - 1
        other = ranges(some + 1, size)
        unit, low = np.repeat(here[some] >> _HALF, size), np.repeat(here[some] & _LOW, size)
        pair = _find(self.keys, (low << _HALF) | (here[other] & _LOW))
        met = pair >= 0
        return (unit[met] << _HALF) | pair[met].astype(np.uint64)


class Counts:
    """Sums over units, added up as they are read."""

    def __init__(self, pairs: Pairs, entities: int) -> None:
        self.asked = pairs
        self.units = 0
        self.entities = np.zeros(entities, np.int64)  # units that name the entity
        self.pairs = np.zeros(len(pairs), np.int64)  # units that name both

    def add(self, units: int, unit: Ints, entity: Ints) -> None:
        """Count some units, numbered from 0; entities beyond the last known one are left out."""
        known = (entity >= 0) & (entity < len(self.entities))
        unit, entity = unit[known], entity[known]
        here = named(unit, entity)
        np.add.at(self.entities, (here & _LOW).astype(np.int64), 1)
        np.add.at(self.pairs, self.asked.among(here).pair, 1)
        self.units += units


def named(unit: Ints, entity: Ints) -> U64:
    """Write down who is named in which unit, once, as sorted numbers: the unit, then the entity."""
    return distinct((unit.astype(np.uint64) << _HALF) | entity.astype(np.uint64))


def distinct(keys: Ints) -> Ints:
    """Sort numbers and keep each once: np.unique hashes them, which is slow for keys like these."""
    ordered = np.sort(keys)
    found: Ints = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]
    return found


def npmi(both: ArrayLike, one: ArrayLike, other: ArrayLike, units: int) -> Floats:
    """Normalised pointwise mutual information of pairs: 1 always together, 0 by chance, −1 never.

    >>> npmi([2, 1, 0], [2, 2, 2], [2, 2, 5], 4).tolist()
    [1.0, 0.0, -1.0]
    """
    together, first, second = (np.asarray(counts, np.float64) for counts in (both, one, other))
    found = np.full(together.shape, -1.0)
    some = together > 0
    found[some] = 1.0  # in every unit there is: ln p(a, b) is 0
    some &= together < units
    p = together[some] / units
    found[some] = np.log(p / ((first[some] / units) * (second[some] / units))) / -np.log(p)
    return found


def keys_of(heads: ArrayLike, tails: ArrayLike) -> U64:
    """Write pairs as numbers, the lower entity first; an entity and itself are no pair."""
    low, high = _ordered(heads, tails)
    apart = low != high
    keys: U64 = (low[apart] << _HALF) | high[apart]
    return keys


def _ordered(one: ArrayLike, other: ArrayLike) -> tuple[U64, U64]:
    a, b = np.asarray(one).astype(np.uint64), np.asarray(other).astype(np.uint64)
    return np.minimum(a, b), np.maximum(a, b)


def _find(keys: U64, wanted: U64) -> I64:
    """Return the places of some keys among sorted ones; −1 where there is none."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)


def _chunks(rows: I64, cost: I64) -> list[I64]:
    """Cut rows where their costs have added up to CHUNK; one that costs more is alone."""
    total = np.cumsum(cost[rows])
    return np.split(rows, np.flatnonzero(np.diff(total // CHUNK)) + 1) if len(rows) else []
