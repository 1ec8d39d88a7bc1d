"""Mentions and neighbours for tests of what looks at candidates, written as plain Python values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kbtools.linkers.base import Mentions, no_mentions
from kbtools.linkers.relatedness import Neighbours

Candidate = tuple[int, float]  # eid, prior
Mention = tuple[int, int, int, int, Sequence[Candidate]]  # text, start, end, kb, candidates


def mentions_of(rows: Sequence[Mention], link: Sequence[float] | None = None) -> Mentions:
    """Make Mentions of rows that are in order."""
    candidates = [one for row in rows for one in row[4]]
    return no_mentions()._replace(
        text=np.array([row[0] for row in rows], np.int32),
        start=np.array([row[1] for row in rows], np.int32),
        end=np.array([row[2] for row in rows], np.int32),
        kb=np.array([row[3] for row in rows], np.uint8),
        kind=np.zeros(len(rows), np.uint8),
        parent=np.full(len(rows), -1, np.int32),
        link=np.array(link if link is not None else [np.nan] * len(rows), np.float32),
        level=np.zeros(len(rows), np.uint8),
        offsets=np.cumsum([0, *(len(row[4]) for row in rows)]),
        eid=np.array([eid for eid, _ in candidates], np.uint32),
        prior=np.array([prior for _, prior in candidates], np.float32),
        string=np.ones(len(candidates), np.float32),
    )


def line(*names: Sequence[Candidate], text: int = 0, kb: int = 0) -> list[Mention]:
    """Put mentions side by side in one text."""
    return [(text, 4 * place, 4 * place + 3, kb, candidates) for place, candidates in enumerate(names)]


def neighbours_of(
    sets: Sequence[set[int]], entities: int | None = None, degrees: Sequence[int] | None = None
) -> Neighbours:
    """Make a table of the neighbours of entity 0, 1 …; all others have none."""
    rows = [sorted(one) for one in sets] + [[]] * ((entities or len(sets)) - len(sets))
    return Neighbours(
        np.cumsum([0, *map(len, rows)]),
        np.array([one for row in rows for one in row], np.uint32),
        np.array([len(row) for row in rows] if degrees is None else degrees, np.int64),
        len(rows),
    )
