"""Keys to numbers: from a source's own integers to eids, as fast as memory, shared by processes.

A source names entities by integer keys until they are numbered. A key is `(space << 32) + index`: a few
spaces (Wikidata has items, properties and lexemes), in each of which indices lie close together. So a
space is an array, cut into pages of 64 numbers of which only those in use exist, and a table of pages;
both are files mapped into memory (550 MB for all of Wikidata, next to nothing for a few ids far apart).
Looking up a billion tails is fancy indexing, twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kbtools.kb import arrays

SPACE_BITS = 32
PAGE_BITS = 6
MISSING = np.uint32(0xFFFFFFFF)

Array = np.ndarray[Any, Any]


def split(keys: Array) -> tuple[Array, Array]:
    """Return the space and the index of each key."""
    return keys >> SPACE_BITS, keys & ((1 << SPACE_BITS) - 1)


def id_of(key: int, prefixes: Sequence[str]) -> str:
    """Return the id of a key: the prefix of its space, and its index.

    >>> id_of((1 << SPACE_BITS) + 31, ["Q", "P"])
    'P31'
    """
    return f"{prefixes[key >> SPACE_BITS]}{key & ((1 << SPACE_BITS) - 1)}"


class Pages:
    """Notes which pages of each space will be used."""

    def __init__(self) -> None:
        self.used: dict[int, Array] = {}

    def mark(self, keys: Array) -> None:
        """Make room for some keys."""
        spaces, indices = split(keys)
        for space in np.unique(spaces).tolist():
            pages = np.unique(indices[spaces == space] >> PAGE_BITS)
            known = self.used.get(space, np.zeros(0, bool))
            if pages[-1] >= len(known):
                room = max(pages[-1] + 1, 2 * len(known))  # doubled, for ids often ascend
                known = np.concatenate([known, np.zeros(room - len(known), bool)])
            known[pages] = True
            self.used[space] = known


class KeyMap:
    """Maps int64 keys to uint32 numbers; `create` once, open anywhere."""

    def __init__(self, folder: Path, *, writable: bool = False) -> None:
        # numbers are stored plus one, so that zero means "missing"; page 0 is empty, for pages that are not
        self._spaces = {
            int(pages.stem): (
                arrays.open_array(pages),
                arrays.open_array(pages.with_suffix(".numbers"), writable=writable),
            )
            for pages in sorted(folder.glob("*.pages"))
        }

    @classmethod
    def create(cls, folder: Path, pages: Pages) -> KeyMap:
        """Make an empty map with room for the keys that were marked."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for space, used in pages.used.items():
            places = arrays.create(folder / f"{space}.pages", len(used))
            places[:] = np.where(used, np.cumsum(used), 0)
            arrays.create(folder / f"{space}.numbers", (int(used.sum()) + 1) << PAGE_BITS)
        return cls(folder, writable=True)

    def put(self, keys: Array, numbers: Array) -> None:
        """Set the numbers of keys that were marked."""
        spaces, indices = split(keys)
        for space, (pages, table) in self._spaces.items():
            chosen = spaces == space
            table[_places(pages, indices[chosen])] = numbers[chosen].astype(np.uint32) + np.uint32(1)

    def get(self, keys: Array) -> Array:
        """Return the number of each key, MISSING where there is none."""
        spaces, indices = split(keys)
        found = np.full(len(keys), MISSING, np.uint32)
        for space, (pages, table) in self._spaces.items():
            chosen = np.flatnonzero((spaces == space) & (indices >> PAGE_BITS < len(pages)))
            found[chosen] = table[_places(pages, indices[chosen])] - np.uint32(1)
        return found


def _places(pages: Array, indices: Array) -> Any:
    return (pages[indices >> PAGE_BITS].astype(np.int64) << PAGE_BITS) + (indices & ((1 << PAGE_BITS) - 1))
