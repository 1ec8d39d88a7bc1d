"""Mentions written down one by one, for the parts of a linker that work on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from kbtools.linkers.base import Block, Mentions


class Said(NamedTuple):
    """A mention: its document, its words, and its candidates with their priors."""

    text: int
    surface: str
    candidates: Sequence[tuple[int, float]]
    kb: int = 0
    nth: int = 0  # which of the places with these words
    level: int = 0


def mentions_of(block: Block, said: Sequence[Said], string: Sequence[float] | None = None) -> Mentions:
    """Put mentions into columns, in the order given."""
    starts = []
    for one in said:
        at = -1
        for _ in range(one.nth + 1):
            at = block.texts[one.text].index(one.surface, at + 1)
        starts.append(at)
    count = len(said)
    flat = [candidate for one in said for candidate in one.candidates]
    columns: list[Any] = [
        np.array([one.text for one in said], np.int32),
        np.array(starts, np.int32),
        np.array([at + len(one.surface) for at, one in zip(starts, said, strict=True)], np.int32),
        np.array([one.kb for one in said], np.uint8),
        np.zeros(count, np.uint8),
        np.full(count, -1, np.int32),
        np.full(count, np.nan, np.float32),
        np.array([one.level for one in said], np.uint8),
        np.cumsum([0, *(len(one.candidates) for one in said)]),
        np.array([eid for eid, _ in flat], np.uint32),
        np.array([prior for _, prior in flat], np.float32),
        np.ones(len(flat), np.float32) if string is None else np.array(string, np.float32),
    ]
    return Mentions(*columns)
