"""Conditional logistic regression: s = w·x for a candidate, v·z for none, p by softmax within the mention.

z is told twice: of every mention, and again of those that are surely mentions, where the question is another.
Weights minimise −Σ ln p(right) + λ/2 (|w|² + |v|²), where several candidates may be right (McFadden 1974).
Columns are brought to mean 0 and deviation 1 first, so that λ means the same to all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.extras import need
from kbtools.linkers.base import Longs
from kbtools.linkers.fitting.evidence import ONES, SURELY, Doubles, Evidence, Names
from kbtools.linkers.fitting.examples import Examples, Scores, loss
from kbtools.linkers.fitting.settings import Settings

STEPS, LITTLE, CLOSE = 500, 1e-10, 1e-6
DIGITS = 9  # of a saved number: below what differs between one processor and another
SIDES = ("candidate", "nil")
PARTS = ("mean", "scale", "weight")


def fit(examples: Examples, names: Names, settings: Settings) -> dict[str, NDArray[Any]]:
    """Find the weights."""
    del names
    minimize = need("scipy.optimize", extra="link", why="fitting a linker").minimize
    told = _twice(examples.evidence)
    sides = [_scaled(values) for values in told]
    sides[1] = _with_ones(sides[1])
    scaled = _standard(told, [mean for mean, _ in sides], [scale for _, scale in sides])
    cut = scaled.candidate.shape[1]
    penalty = np.full(cut + scaled.nil.shape[1], settings.ridge)
    penalty[cut + ONES] = 1e-6

    def aim(weights: Doubles) -> tuple[float, Doubles]:
        lost, change = loss(examples, _scores(scaled, weights[:cut], weights[cut:]))
        slope = np.concatenate([scaled.candidate.T @ change.candidate, scaled.nil.T @ change.nil])
        return lost + float(penalty @ weights**2) / 2, slope + penalty * weights

    found = minimize(
        aim, np.zeros(len(penalty)), jac=True, method="L-BFGS-B",
        options={"maxiter": STEPS, "maxfun": 2 * STEPS, "ftol": LITTLE, "gtol": CLOSE},
    ).x  # fmt: skip
    weights = [found[:cut], found[cut:]]
    arrays = {}
    for side, (mean, scale), weight in zip(SIDES, sides, weights, strict=True):
        for part, values in zip(PARTS, (mean, scale, weight), strict=True):
            arrays[f"{side}.{part}"] = _rounded(values)
    return arrays


def scores(arrays: Mapping[str, NDArray[Any]], evidence: Evidence, owner: Longs) -> Scores:
    """Return the log-odds."""
    del owner
    mean, scale, weight = ([arrays[f"{side}.{part}"] for side in SIDES] for part in PARTS)
    return _scores(_standard(_twice(evidence), mean, scale), *weight)


def check(arrays: Mapping[str, NDArray[Any]], names: Names) -> str:
    """Say what is wrong with arrays, if anything is."""
    wanted = {
        f"{side}.{part}": len(columns)
        for side, columns in zip(SIDES, _called(names), strict=True)
        for part in PARTS
    }
    for name, size in wanted.items():
        array = arrays.get(name)
        if (
            array is None
            or array.dtype != np.float64
            or array.shape != (size,)
            or not np.isfinite(array).all()
        ):
            return f"{name} is not {size} numbers"
        if name.endswith("scale") and not (array > 0).all():
            return f"{name} is not above 0"
    return "" if arrays.keys() == wanted.keys() else "there are arrays that do not belong"


def weights(arrays: Mapping[str, NDArray[Any]], names: Names) -> dict[str, float]:
    """Return how much each column counts: its weight at a deviation of 1."""
    told = zip(SIDES, _called(names), strict=True)
    return {
        f"{side}: {name}": float(weight)
        for side, columns in told
        for name, weight in zip(columns, arrays[f"{side}.weight"], strict=True)
    }


def _twice(evidence: Evidence) -> Evidence:
    """Tell what is known of mentions again for those that are surely mentions."""
    nil = evidence.nil
    return evidence._replace(nil=np.concatenate([nil, nil * nil[:, SURELY : SURELY + 1]], axis=1))


def _standard(evidence: Evidence, mean: Sequence[Doubles], scale: Sequence[Doubles]) -> Evidence:
    return Evidence(*((values - m) / s for values, m, s in zip(evidence, mean, scale, strict=True)))


def _called(names: Names) -> Names:
    return names._replace(nil=(*names.nil, *(f"{name}, given" for name in names.nil)))


def _scores(scaled: Evidence, candidate: Doubles, nil: Doubles) -> Scores:
    return Scores(scaled.candidate @ candidate, scaled.nil @ nil)


def _scaled(values: Doubles) -> tuple[Doubles, Doubles]:
    mean, scale = values.mean(axis=0), values.std(axis=0)
    return mean, np.where(scale > 1e-9, scale, 1.0)  # a column that never varies says nothing


def _with_ones(side: tuple[Doubles, Doubles]) -> tuple[Doubles, Doubles]:
    """Leave the column of ones as it is."""
    mean, scale = side
    mean[ONES], scale[ONES] = 0.0, 1.0
    return mean, scale


def _rounded(values: Doubles) -> Doubles:
    return np.array([float(f"{value:.{DIGITS}g}") for value in values.tolist()], np.float64)
