"""Small trees, each of which corrects those before it (Friedman 2001).

Steps are of second order, as Chen and Guestrin (2016) take them. The loss is that of the softmax within a
mention, as in `logistic`: none is one more candidate there, without columns of its own. Columns are cut into
at most BINS parts of as many rows each, and a tree asks whether a row lies above a cut. A tree of depth D is
a row of arrays: node n has the children 2n + 1 (not above) and 2n + 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.linkers.base import Longs
from kbtools.linkers.fitting.evidence import Doubles, Evidence, Names
from kbtools.linkers.fitting.examples import Examples, Scores, loss, shares
from kbtools.linkers.fitting.settings import MOST_DEPTH, MOST_TREES, Settings

BINS = 32  # code 0: the row has no such column
LEAST = 1.0  # of second derivatives on each side of a cut
DIGITS = 9
Codes = NDArray[np.uint8]


class _Tree(NamedTuple):
    column: NDArray[np.int32]  # [2^D − 1]; −1: nothing is asked, the way leads to the left
    above: Codes  # [2^D − 1]
    leaf: Doubles  # [2^D]


def fit(examples: Examples, names: Names, settings: Settings) -> dict[str, NDArray[Any]]:
    """Grow the trees."""
    del names
    cuts = _cuts(examples.evidence)
    codes = _codes(examples.evidence, examples.owner, cuts)
    count = len(examples.right)
    score = np.zeros(len(codes))
    trees = []
    for _ in range(settings.trees):
        scores = Scores(score[:count], score[count:])
        slope = np.concatenate(loss(examples, scores)[1])
        p = np.concatenate(shares(examples, scores)[0])
        tree = _grown(codes, slope, p * (1 - p), settings)
        score = score + _answers(tree, codes, settings.depth)
        trees.append(tree)
    return {
        "cuts": cuts,
        "column": np.stack([tree.column for tree in trees]),
        "above": np.stack([tree.above for tree in trees]),
        "leaf": np.stack([tree.leaf for tree in trees]),
    }


def scores(arrays: Mapping[str, NDArray[Any]], evidence: Evidence, owner: Longs) -> Scores:
    """Return the log-odds."""
    codes = _codes(evidence, owner, arrays["cuts"])
    total = np.zeros(len(codes))
    depth = int(np.log2(arrays["leaf"].shape[1]))
    for one in zip(arrays["column"], arrays["above"], arrays["leaf"], strict=True):
        total += _answers(_Tree(*one), codes, depth)
    return Scores(total[: len(owner)], total[len(owner) :])


def check(arrays: Mapping[str, NDArray[Any]], names: Names) -> str:
    """Say what is wrong with arrays, if anything is."""
    columns = len(names.candidate) + len(names.nil)
    kinds = {"cuts": np.float64, "column": np.int32, "above": np.uint8, "leaf": np.float64}
    if arrays.keys() != kinds.keys() or any(arrays[name].dtype != kind for name, kind in kinds.items()):
        return f"there are not the arrays {', '.join(kinds)}"
    cuts, column, above, leaf = (arrays[name] for name in kinds)
    if cuts.shape != (columns, BINS - 2) or not np.isfinite(cuts).all() or (np.diff(cuts, axis=1) < 0).any():
        return f"cuts is not {BINS - 2} rising numbers for each of {columns} columns"
    nodes = column.shape[1] if column.ndim == 2 else 0
    if (
        nodes + 1 not in {1 << depth for depth in range(1, MOST_DEPTH + 1)}
        or not 1 <= len(column) <= MOST_TREES
    ):
        return "the trees are too many or too deep"
    if above.shape != column.shape or leaf.shape != (len(column), nodes + 1) or not np.isfinite(leaf).all():
        return "the arrays of the trees do not go together"
    if (column < -1).any() or (column >= columns).any():
        return "a tree asks for a column that is not there"
    return ""


def weights(arrays: Mapping[str, NDArray[Any]], names: Names) -> dict[str, float]:
    """Return how often each column is asked for."""
    called = [
        f"{side}: {name}"
        for side, columns in zip(("candidate", "nil"), names, strict=True)
        for name in columns
    ]
    asked = np.bincount(arrays["column"][arrays["column"] >= 0], minlength=len(called))
    return {name: float(count) for name, count in zip(called, asked.tolist(), strict=True)}


def _cuts(evidence: Evidence) -> Doubles:
    """Cut each column at its quantiles, [F + G, BINS − 2]; equal ones are harmless."""
    parts = np.linspace(0, 1, BINS)[1:-1]
    sides = (np.quantile(side, parts, axis=0, method="lower").T for side in evidence)
    return np.array([[float(f"{x:.{DIGITS}g}") for x in row] for row in np.concatenate([*sides]).tolist()])


def _codes(evidence: Evidence, owner: Longs, cuts: Doubles) -> Codes:
    """Say for each candidate, and then for none of each mention, in which part of each column it lies."""
    first = evidence.candidate.shape[1]
    count, mentions = len(evidence.candidate), len(evidence.nil)
    codes = np.zeros((count + mentions, len(cuts)), np.uint8)
    for at, cut in enumerate(cuts):
        if at < first:
            codes[:count, at] = 1 + np.searchsorted(cut, evidence.candidate[:, at])
        else:
            mine = 1 + np.searchsorted(cut, evidence.nil[:, at - first])
            codes[:count, at], codes[count:, at] = mine[owner], mine
    return codes


def _grown(codes: Codes, slope: Doubles, bend: Doubles, settings: Settings) -> _Tree:
    """Grow one tree, level by level: the cut of each node that lowers the loss most."""
    depth, ridge = settings.depth, settings.ridge
    column, above = np.full((1 << depth) - 1, -1, np.int32), np.zeros((1 << depth) - 1, np.uint8)
    node = np.zeros(len(codes), np.int64)
    for level in range(depth):
        wide, first = 1 << level, (1 << level) - 1
        gain = np.stack([_gains(node * BINS + mine, slope, bend, wide, ridge) for mine in codes.T], axis=1)
        flat = gain.reshape(wide, -1)
        chosen = flat.argmax(axis=1)
        worth = flat[np.arange(wide), chosen] > 1e-9
        column[first : first + wide] = np.where(worth, chosen // BINS, -1)
        above[first : first + wide] = np.where(worth, chosen % BINS, 0)
        node = _down(codes, node, column[first : first + wide], above[first : first + wide])
    slopes = np.bincount(node, slope, 1 << depth)
    bends = np.bincount(node, bend, 1 << depth)
    leaf = -settings.rate * slopes / (bends + ridge)
    return _Tree(column, above, np.array([float(f"{x:.{DIGITS}g}") for x in leaf.tolist()]))


def _gains(key: Longs, slope: Doubles, bend: Doubles, wide: int, ridge: float) -> Doubles:
    """Return what each cut of one column brings in each node, [nodes, BINS]."""
    low, small = (
        np.cumsum(np.bincount(key, values, wide * BINS).reshape(wide, BINS), axis=1)
        for values in (slope, bend)
    )
    all_low, all_small = low[:, -1:], small[:, -1:]
    high, large = all_low - low, all_small - small
    gain = low**2 / (small + ridge) + high**2 / (large + ridge) - all_low**2 / (all_small + ridge)
    return np.where((small >= LEAST) & (large >= LEAST), gain, 0.0)


def _down(codes: Codes, node: Longs, column: NDArray[np.int32], above: Codes) -> Longs:
    """Go one level down from nodes counted from 0 within their level."""
    mine = column[node]
    asked = codes[np.arange(len(codes)), np.maximum(mine, 0)] > above[node]
    found: Longs = 2 * node + (asked & (mine >= 0))
    return found


def _answers(tree: _Tree, codes: Codes, depth: int) -> Doubles:
    node = np.zeros(len(codes), np.int64)
    for level in range(depth):
        first, last = (1 << level) - 1, (2 << level) - 1
        node = _down(codes, node, tree.column[first:last], tree.above[first:last])
    found: Doubles = tree.leaf[node]
    return found
