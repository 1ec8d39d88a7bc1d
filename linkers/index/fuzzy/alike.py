"""The names that share the most n-grams with a query.

The likeness of query q and name n is 2 w(q ∩ n) / (w(q) + w(n)), where w sums up the weights of n-grams. In
q ∩ n the commonest n-grams of the query are left out, as many as have together no more than a quarter of its
weight: most of the work is theirs, and they tell names apart the least. n-grams that no name has do not
count. Names much shorter or longer than the query are not looked at: they cannot be similar enough.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.index.fuzzy import grams
from kbtools.linkers.index.fuzzy.files import Arrays
from kbtools.linkers.index.fuzzy.near import Pairs
from kbtools.linkers.index.fuzzy.strings import Strings

LEAST = 0.25  # of the likeness
SPARE = 0.25  # of the query's weight
SPARSE = 16  # names for each entry of the lists, from which on sorting entries beats counting in an array


def find(arrays: Arrays, queries: Strings, *, pool: int, least: float) -> Pairs:
    """Return the `pool` names most alike to each query; equals by number."""
    keys, whose = grams.of(queries)
    place = np.searchsorted(arrays["keys"], keys)
    place[place == len(arrays["keys"])] = 0
    known = arrays["keys"][place] == keys
    packed = np.unique(whose[known] << 32 | place[known])
    gram = packed & 0xFFFFFFFF
    weight = arrays["weights"][gram].astype(np.int64)
    order = np.lexsort((gram, -weight, packed >> 32))  # each query's rarest first
    gram, weight = gram[order], weight[order]
    lengths = queries.lengths
    cuts = np.searchsorted(packed >> 32, np.arange(len(lengths) + 1))
    found = []
    for query, length in enumerate(lengths.tolist()):
        mine = slice(cuts[query], cuts[query + 1])
        window = _window(arrays["sizes"], length, least)
        found.append(_best(arrays, gram[mine], weight[mine], window, pool))
    whom = np.repeat(np.arange(len(found)), [len(names) for names in found])
    return Pairs(whom, np.concatenate([np.zeros(0, np.int64), *found]))


def _window(sizes: NDArray[np.int64], length: int, least: float) -> tuple[int, int]:
    """Return the numbers of the names that are long enough and short enough."""
    shortest, longest = math.ceil(length * least), math.floor(length / least)
    top = len(sizes) - 1
    return int(sizes[min(shortest, top)]), int(sizes[min(longest + 1, top)])


def _best(
    arrays: Arrays, gram: NDArray[np.int64], weight: NDArray[np.int64], window: tuple[int, int], pool: int
) -> NDArray[np.int64]:
    low, high = window
    whole = int(weight.sum())
    kept = (
        int(np.searchsorted(np.cumsum(weight), whole * (1 - SPARE))) + 1
    )  # what is left has no more than SPARE
    bounds, firsts, lists = np.array([low, high], np.uint32), arrays["firsts"], arrays["lists"]
    parts = []
    for first, last in zip(firsts[gram[:kept]].tolist(), firsts[gram[:kept] + 1].tolist(), strict=True):
        names = lists[first:last]
        begin, end = np.searchsorted(names, bounds).tolist()
        parts.append(names[begin:end])
    if not parts or low >= high:
        return np.zeros(0, np.int64)
    names, shared = _shared(parts, weight[:kept], low, high, LEAST / 2 * whole)
    likeness = 2 * shared / (whole + arrays["sums"][names])
    top = np.flatnonzero(likeness >= LEAST)
    names, likeness = names[top], likeness[top]
    if len(names) <= pool:
        return names
    if not pool:
        return names[:0]
    last_in = np.partition(likeness, len(likeness) - pool)[len(likeness) - pool]
    better = names[likeness > last_in]
    return np.concatenate([better, names[likeness == last_in][: pool - len(better)]])


def _shared(
    parts: list[NDArray[np.uint32]], weight: NDArray[np.int64], low: int, high: int, floor: float
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the names in ascending order whose shared n-grams weigh at least `floor`, and the weights."""
    entries = np.concatenate(parts)
    weights = np.repeat(weight.astype(float), [len(part) for part in parts])
    if len(entries) and not low <= entries.min() <= entries.max() < high:
        raise IndexError("lists that are not in order")
    if len(entries) * SPARSE > high - low:
        sums = np.bincount(entries - np.uint32(low), weights, minlength=high - low)
        names = np.flatnonzero(sums >= max(floor, 1))
        return names.astype(np.int64) + low, sums[names]
    names, which = np.unique(entries, return_inverse=True)
    sums = np.bincount(which, weights, minlength=len(names))
    heavy = np.flatnonzero(sums >= max(floor, 1))
    return names[heavy].astype(np.int64), sums[heavy]
