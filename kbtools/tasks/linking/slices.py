"""What gold is told apart by: its type, how frequent its entity is, how many bear its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]

FREQUENCIES = (1, 10, 100, 1000)
NAMESAKES = (1, 2, 4, 11)


class Slices(NamedTuple):
    """A way to tell gold apart: the names of the groups, and the group of each annotation (−1: none)."""

    by: str
    names: list[str]
    group: Longs  # [G]


def types(told: Sequence[str | None], most: int) -> Slices | None:
    """Tell gold apart by the type that the corpus gives, of several the first."""
    first = [(one or "").partition("|")[0] for one in told]
    counts = Counter(one for one in first if one)
    if not counts or not most:
        return None
    kept = [name for name, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:most]]
    place = {name: at for at, name in enumerate(kept)}
    rest = [*kept, "other"] if len(counts) > most else kept
    group = [place.get(one, len(kept) if one and len(counts) > most else -1) for one in first]
    return Slices("type", rest, np.array(group, np.int64))


def frequencies(values: Longs) -> Slices | None:
    """Tell gold apart by how often its entity is linked."""
    return _ranges("frequency", values, FREQUENCIES) if values.any() else None


def namesakes(values: Longs | None) -> Slices | None:
    """Tell gold apart by how many entities bear its name."""
    return None if values is None else _ranges("entities of that name", values, NAMESAKES)


def _ranges(by: str, values: Longs, starts: Sequence[int]) -> Slices:
    bounds = [0, *starts]
    names = [str(low) if high == low + 1 else f"{low:,}–{high - 1:,}" for low, high in pairwise(bounds)]
    return Slices(by, [*names, f"{bounds[-1]:,}+"], np.searchsorted(starts, values, side="right"))
