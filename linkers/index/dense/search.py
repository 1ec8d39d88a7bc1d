"""Nearest vectors: faiss says which come into question, the vectors kept say how near they are.

A graph (hnsw) compares a query with the vectors kept, one by one: what it says is how near they are. Other
structures round vectors, or compare many queries at once and round by how many there are: their hits are
compared again, one by one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.index.dense.vectors import F32, widen

MORE = 6  # looked at beyond those asked for: what faiss rounds must not decide who is last
_NUMBERS = 1 << 20  # of vectors compared at once


class Nearest(NamedTuple):
    """For each query its nearest rows, best first, equal ones by row; row −1 and score −inf where none."""

    rows: NDArray[np.int64]  # [Q, k]
    scores: F32  # [Q, k]


def nearest(index: Any, raw: NDArray[np.floating], queries: F32, k: int, *, rerank: int = 0) -> Nearest:
    """Find the k nearest of each query. Its score does not depend on what else is asked at once."""
    depth = min(max(k + MORE, rerank), max(index.ntotal, 1))
    scores, rows = index.search(queries, depth)
    if not hasattr(index, "hnsw"):
        scores = _compared(raw, queries, rows)
    elif (scores[:, 1:] < scores[:, :-1]).all():  # in order, and none equal
        return Nearest(rows[:, :k], scores[:, :k])
    if rows.min(initial=0) < 0:
        scores[rows < 0] = -np.inf
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    order += depth * np.arange(len(order))[:, None]  # take_along_axis would cost a lone query a fifth
    return Nearest(rows.ravel()[order], scores.ravel()[order])


def _compared(raw: NDArray[np.floating], queries: F32, rows: NDArray[np.int64]) -> F32:
    """Return the score of each row for its query, [Q, depth]."""
    depth, dim = rows.shape[1], queries.shape[1]
    scores = np.empty(rows.shape, dtype=np.float32)
    step = max(1, _NUMBERS // (depth * dim))
    for first in range(0, len(queries), step):
        some = slice(first, first + step)
        found = widen(raw.take(rows[some].ravel(), axis=0)).reshape(-1, depth, dim)
        np.vecdot(found, queries[some, None], out=scores[some])
    return scores


def exact(raw: NDArray[np.floating], queries: F32, k: int, *, block: int = 1 << 14) -> F32:
    """Compare queries with all vectors; return the k best scores of each, best first."""
    best = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for first in range(0, len(raw), block):
        scores = np.concatenate([best, queries @ widen(raw[first : first + block]).T], axis=1)
        best = -np.partition(-scores, k - 1, axis=1)[:, :k]
    return -np.sort(-best, axis=1)
