"""How many of the truly nearest a search finds: recall@10 against comparing with all, on a sample.

Queries are labels of entities drawn by the seed, encoded as a user's queries would be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.index.dense.encoders import F32
from kbtools.linkers.index.dense.faiss_index import tune
from kbtools.linkers.index.dense.search import exact, nearest
from kbtools.linkers.index.dense.settings import Settings

K = 10
FACTORS = (0.5, 1, 2, 4)  # of what a search looks at
_ROUNDING = 1e-5


def sample(rows: int, settings: Settings) -> NDArray[np.int64]:
    """Draw the rows whose labels are asked for, ascending."""
    drawn = np.random.default_rng(settings.seed).choice(rows, min(settings.sample, rows), replace=False)
    return np.sort(drawn)


def labels(batches: Iterable[tuple[list[str | None], list[str]]], rows: NDArray[np.int64]) -> list[str]:
    """Pick the labels (texts where there is none) of some rows from batches of labels and texts."""
    found: list[str] = []
    first = 0
    for named, texts in batches:
        low, high = np.searchsorted(rows, [first, first + len(texts)])
        found += [named[at] or texts[at] for at in (rows[low:high] - first).tolist()]
        first += len(texts)
    return found


def measure(index: Any, raw: NDArray[np.floating], queries: F32, settings: Settings) -> dict[str, Any]:
    """Return recall@10 with the settings given, and with more or less effort."""
    queries = queries[queries.any(axis=1)]
    if not len(queries):
        return {"recall@10": None, "queries": 0}
    k = min(K, len(raw))
    true = exact(raw, queries, k)[:, -1:]
    curve: dict[str, float] = {}
    for factor in FACTORS:
        effort = tune(index, settings, factor)
        rerank = round(settings.rerank * factor) if hasattr(index, "pq") else 0
        scores = nearest(index, raw, queries, k, rerank=rerank).scores
        curve[str(effort)] = round(float((scores >= true - _ROUNDING * np.abs(true)).mean()), 4)
    effort = tune(index, settings)
    return {
        "recall@10": curve[str(effort)],
        "queries": len(queries),
        "by " + ("efSearch" if hasattr(index, "hnsw") else "nprobe"): curve,
    }
