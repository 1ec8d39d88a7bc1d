"""How many of the truly nearest a search finds: recall@10 against comparing with all, on a sample.

Queries are labels of entities drawn by the seed, encoded as a user's queries would be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.index.dense.encoders import F32
from kbtools.linkers.index.dense.faiss_index import tune
from kbtools.linkers.index.dense.search import exact, nearest
from kbtools.linkers.index.dense.settings import Settings

K = 10
FACTORS = (1, 2, 4, 8)  # of what a search looks at
EFFORT = ("ef_search", "probes", "rerank")
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


class Measured(NamedTuple):
    """How much a search should look at, and what is found then."""

    settings: Settings
    notes: dict[str, Any]

    @property
    def effort(self) -> dict[str, int]:
        """The settings that were settled for."""
        return {name: getattr(self.settings, name) for name in EFFORT}


def measure(index: Any, raw: NDArray[np.floating], queries: F32, settings: Settings) -> Measured:
    """Measure recall@10 with more and more effort; settle for the first that finds enough."""
    queries = queries[queries.any(axis=1)]
    if not len(queries):
        return Measured(settings, {"recall@10": None, "queries": 0})
    k = min(K, len(raw))
    true = exact(raw, queries, k)[:, -1:]
    curve: dict[str, float] = {}
    reached = 0.0
    for factor in FACTORS:
        told = harder(settings, factor)
        effort = tune(index, told)
        rerank = told.rerank if hasattr(index, "pq") else 0
        scores = nearest(index, raw, queries, k, rerank=rerank).scores
        curve[str(effort)] = reached = round(float((scores >= true - _ROUNDING * np.abs(true)).mean()), 4)
        if reached >= settings.recall:
            break
    what = "efSearch" if hasattr(index, "hnsw") else "nprobe"
    notes = {"recall@10": reached, "queries": len(queries), f"by {what}": curve}
    if reached < settings.recall:
        notes["warnings"] = [
            f"recall@10 is {reached} with {what} {effort}, less than {settings.recall}: the nearest are hard "
            "to tell apart with this encoder; --search flat finds them all"
        ]
    return Measured(told, notes)


def harder(settings: Settings, factor: int) -> Settings:
    """Let a search look at `factor` times as much."""
    more: dict[str, Any] = {name: getattr(settings, name) * factor for name in EFFORT}
    return replace(settings, **more)
