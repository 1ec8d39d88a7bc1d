"""Mentions written down one by one, for the parts of a linker that work on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kbtools.linkers.base import Block, Mentions
from tests import linked_candidates


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
    rows = [
        (one.text, at, at + len(one.surface), one.kb, one.candidates)
        for at, one in zip(starts, said, strict=True)
    ]
    made = linked_candidates.mentions_of(rows)._replace(level=np.array([one.level for one in said], np.uint8))
    return made if string is None else made._replace(string=np.array(string, np.float32))
