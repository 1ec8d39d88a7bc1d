"""A map of vectors: the two directions in which they differ most (principal components; Pearson 1901)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.metrics import Cloud, Line

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
DIGITS = 4  # that are kept of a coordinate


def chosen(rows: int, most: int, always: I64, seed: int) -> I64:
    """Choose the rows that are drawn: `always`, and of the others as many as there is room for; sorted."""
    if rows <= most:
        return np.arange(rows, dtype=np.int64)
    always = np.unique(always)[:most]
    drawn = np.random.default_rng([seed, 3]).permutation(rows)
    drawn = drawn[~np.isin(drawn, always)]
    found: I64 = np.sort(np.concatenate([always, drawn[: most - len(always)]]))
    return found


def grouped(points: int, at: I64, kind: I64, most: int) -> tuple[I64, I64]:
    """Put points into the `most` largest kinds; point `at[k]` is of `kind[k]`, and of others, too, maybe.

    Return the group of each point, and the kinds of the groups: a point of several is in the largest. After
    them come the points of other kinds, and then those of none.
    """
    kinds, of, often = np.unique(kind, return_inverse=True, return_counts=True)
    order = np.argsort(-often, kind="stable")
    rank = np.empty(len(kinds), np.int64)
    rank[order] = np.minimum(np.arange(len(kinds)), most)
    kept: I64 = kinds[order[:most]]
    group = np.full(points, most + 1, np.int64)
    np.minimum.at(group, at, rank[of])
    return np.where(group >= most, len(kept) + group - most, group), kept


def cloud(
    vectors: NDArray[Any], group: I64, groups: Sequence[str], names: Sequence[tuple[int, str]]
) -> Cloud:
    """Lay vectors [n, w] out; a point is of the group [n] of its number, `names` are those of some points."""
    flat, shares = flattened(vectors)
    x, y = (np.round(flat[:, at], DIGITS) for at in (0, 1))
    return Cloud(
        name="map",
        title=f"{len(flat):,} entities in the two directions in which they differ most",
        x=f"{shares[0]:.0%} of the variance",
        y=f"{shares[1]:.0%} of the variance",
        groups=list(_groups(x, y, group, groups)),
        names=[(float(x[at]), float(y[at]), text) for at, text in names],
    )


def _groups(x: F64, y: F64, group: I64, names: Sequence[str]) -> Iterator[Line]:
    for at, name in enumerate(names):
        mine = group == at
        if mine.any():
            yield Line(name=name, x=x[mine].tolist(), y=y[mine].tolist())


def flattened(vectors: NDArray[Any]) -> tuple[F64, F64]:
    """Return the first two principal components [n, 2], and the share of the variance that each has."""
    found = vectors.astype(np.float64)
    found -= found.mean(axis=0)
    values, directions = np.linalg.eigh(found.T @ found)
    values, directions = values[::-1], directions[:, ::-1]
    first = np.zeros((found.shape[1], 2))
    first[:, : min(2, directions.shape[1])] = directions[:, :2]
    largest = np.abs(first).argmax(axis=0)
    first *= np.where(first[largest, [0, 1]] < 0, -1.0, 1.0)  # else which way is up would be up to chance
    whole = max(float(values.sum()), np.finfo(np.float64).tiny)
    shares = np.zeros(2)
    shares[: min(2, len(values))] = np.clip(values[:2], 0, None) / whole
    return found @ first, shares
