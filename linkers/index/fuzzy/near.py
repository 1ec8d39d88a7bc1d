"""The names within the edits allowed: all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.index.fuzzy import masks, segments
from kbtools.linkers.index.fuzzy.files import Arrays
from kbtools.linkers.index.fuzzy.strings import Strings

AT_ONCE = 1 << 21  # segments looked at together: some 100 MB


class Pairs(NamedTuple):
    """Queries and names that may be alike."""

    query: NDArray[np.int64]
    name: NDArray[np.int64]


def find(arrays: Arrays, queries: Strings, edits: int) -> Pairs:
    """Return the pairs that share a segment and may be within the edits by their masks; each once."""
    whose, hashes, allowed = segments.probes(queries, edits)
    mine, theirs = masks.of(queries), arrays["masks"]
    found = [np.zeros(0, np.int64)]
    for part in _parts(segments.sizes(arrays, hashes)):
        probe, name = segments.find(arrays, hashes[part])
        query = whose[part][probe]
        hit = masks.within(mine[query], theirs[name], allowed[part][probe])
        found.append(query[hit] << 32 | name[hit])
    packed = np.unique(np.concatenate(found))
    return Pairs(packed >> 32, packed & 0xFFFFFFFF)


def _parts(sizes: NDArray[np.int64]) -> Iterator[slice]:
    """Cut probes, given how much each finds, into parts that are looked at together."""
    ends, first, done = np.cumsum(sizes), 0, 0
    while first < len(sizes):
        last = max(int(np.searchsorted(ends, done + AT_ONCE, side="right")), first + 1)
        yield slice(first, last)
        first, done = last, int(ends[last - 1])
