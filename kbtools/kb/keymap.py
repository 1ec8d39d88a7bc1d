"""Keys to numbers: from a source's own integers to eids, as fast as memory, shared by processes.

A source names entities by integer keys until they are numbered. A key is `(space << 32) + index`: a few
spaces (Wikidata has items, properties and lexemes), in each of which indices are dense. So a space is an
array on disk, mapped into memory, four bytes an index up to the largest (540 MB for all of Wikidata);
looking up a billion tails is fancy indexing. Holes cost nothing on disk: they are never written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

SPACE_BITS = 32
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


class KeyMap:
    """Maps int64 keys to uint32 numbers; `create` once, open anywhere."""

    def __init__(self, folder: Path, *, mode: Literal["r", "r+"] = "r") -> None:
        # numbers are stored plus one, so that the zero of a hole means "missing"
        self._spaces: dict[int, Array] = {
            int(path.stem): np.asarray(np.memmap(path, np.uint32, mode)) for path in sorted(folder.glob("*.u32"))
        }

    @classmethod
    def create(cls, folder: Path, largest: dict[int, int]) -> KeyMap:
        """Make an empty map for indices up to `largest[space]` in each space."""
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.glob("*.u32"):
            stale.unlink()
        for space, index in largest.items():
            with (folder / f"{space}.u32").open("wb") as file:
                file.truncate(4 * (index + 1))
        return cls(folder, mode="r+")

    def put(self, keys: Array, numbers: Array) -> None:
        """Set the numbers of keys within bounds."""
        spaces, indices = split(keys)
        for space, table in self._spaces.items():
            chosen = spaces == space
            table[indices[chosen]] = numbers[chosen].astype(np.uint32) + np.uint32(1)

    def get(self, keys: Array) -> Array:
        """Return the number of each key, MISSING where there is none."""
        spaces, indices = split(keys)
        found = np.full(len(keys), MISSING, np.uint32)
        for space, table in self._spaces.items():
            chosen = np.flatnonzero((spaces == space) & (indices < len(table)))
            found[chosen] = table[indices[chosen]] - np.uint32(1)
        return found
