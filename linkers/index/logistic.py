"""Fusion weights learnt from mentions with known answers: regularised logistic regression.

A candidate's score is the probability that it is what was meant, σ(b + w·x), where x says of each source
whether it found the candidate, at which rank and with which score. Fitted by Newton's method, also known as
iteratively reweighted least squares: the loss is convex, so the few steps end at its one minimum,

    Σ m (y log p + (1 - y) log(1 - p)) - λ/2 |w|²        p = σ(b + w·x)

over candidates, where m mentions had this candidate in their list and it was the answer of a share y of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kbtools import config
from kbtools.errors import ArtefactError, ConfigError
from kbtools.linkers.index.fusion import ALIAS, Pool

Floats = NDArray[np.float64]

LEAST_PRIOR = 1e-6  # what a smaller prior counts as, where its logarithm is taken
STEPS, CLOSE = 100, 1e-9
DIGITS = 9  # of a saved number: below what differs between one processor and another
POPULARITY = "popularity"


@dataclass(frozen=True, kw_only=True)
class Logistic:
    """Weights of features that were brought to mean 0 and deviation 1; `fusion.toml` holds these fields."""

    sources: tuple[str, ...]
    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    ridge: float
    mentions: int

    def __post_init__(self) -> None:
        sizes = {len(column) for column in (self.features, self.means, self.scales, self.weights)}
        numbers = (*self.means, *self.scales, *self.weights, self.bias)
        if len(sizes) != 1 or not np.isfinite(numbers).all() or not all(scale > 0 for scale in self.scales):
            raise ConfigError("features, means, scales and weights are lists of one length, scales above 0")

    def score(self, values: Floats) -> NDArray[np.float32]:
        """Return the probability of each candidate, from features [U, F]."""
        scaled = (values - np.array(self.means)) / np.array(self.scales)
        return _sigmoid(scaled @ np.array(self.weights) + self.bias).astype(np.float32)

    def fits(self, sources: Sequence[str], names: Sequence[str], where: str) -> None:
        """Refuse to be used with other sources or features than it was fitted with."""
        if tuple(sources) != self.sources or tuple(names) != self.features:
            raise ArtefactError(
                f"{where}: fitted with {', '.join(self.sources)} and {', '.join(self.features)}; "
                f"here are {', '.join(sources)} and {', '.join(names)}: fit it again"
            )

    def to_toml(self) -> bytes:
        """Write it as text that `load` reads."""

        def line(name: str) -> str:
            value = getattr(self, name)
            if isinstance(value, tuple):
                return f"{name} = [{', '.join(map(_typed, value))}]"
            return f"{name} = {_typed(value)}"

        return ("\n".join(line(name) for name in self.__dataclass_fields__) + "\n").encode()


def load(path: Path) -> Logistic:
    """Read `fusion.toml`."""
    return config.load(path, Logistic)


def features(
    found: Pool, sources: Sequence[str], popularity: Floats | None = None
) -> tuple[tuple[str, ...], Floats]:
    """Describe each candidate by numbers; return their names and [U, F].

    Of every source: found (0 or 1), 1 / rank, score; of the alias table, the logarithm of the prior too. What
    a source did not find has zeros. `popularity` [U] is whatever says how well known a candidate is.
    """
    names: list[str] = []
    columns: list[Floats] = []
    for place, source in enumerate(sources):
        rank, score = found.rank[:, place], found.score[:, place].astype(np.float64)
        there = rank > 0
        names += [f"{source} found", f"{source} rank", f"{source} score"]
        columns += [there.astype(np.float64), np.where(there, 1 / np.maximum(rank, 1), 0.0), score]
        if source == ALIAS:
            names.append(f"{source} log score")
            # above 0, so that to be found with the smallest prior is next to not being found
            columns.append(np.where(there, np.log(np.maximum(score, LEAST_PRIOR) / LEAST_PRIOR), 0.0))
    if popularity is not None:
        names.append(POPULARITY)
        columns.append(np.log1p(popularity))
    return tuple(names), np.stack(columns, axis=1)


def fit(
    values: Floats,
    shares: Floats,
    mentions: Floats,
    *,
    sources: Sequence[str],
    names: Sequence[str],
    ridge: float = 1.0,
) -> Logistic:
    """Fit weights: of candidate u, `shares[u]` of `mentions[u]` meant it."""
    positives = float(shares @ mentions)
    if not 0 < positives < float(mentions.sum()):
        raise ConfigError(
            "fusion cannot be fitted: of the mentions to fit on, "
            f"{'every candidate is' if positives else 'no candidate is'} the answer; give it more of them"
        )
    means = np.average(values, axis=0, weights=mentions)
    scales = np.sqrt(np.average((values - means) ** 2, axis=0, weights=mentions))
    scales = np.where(scales > 1e-9, scales, 1.0)  # a feature that never varies says nothing: its weight is 0
    scaled = np.column_stack([(values - means) / scales, np.ones(len(values))])
    penalty = np.full(scaled.shape[1], ridge)
    penalty[-1] = 1e-9  # the bias is free
    found = _newton(scaled, shares, mentions, penalty)
    rounded = [tuple(float(f"{value:.{DIGITS}g}") for value in column) for column in (means, scales, found)]
    return Logistic(
        sources=tuple(sources), features=tuple(names), means=rounded[0], scales=rounded[1],
        weights=rounded[2][:-1], bias=rounded[2][-1], ridge=ridge, mentions=int(shares @ mentions),
    )  # fmt: skip


def _newton(x: Floats, y: Floats, m: Floats, penalty: Floats) -> Floats:
    """Minimise the loss; a step that would raise it is halved."""
    w = np.zeros(x.shape[1])
    loss = _loss(x, y, m, penalty, w)
    for _ in range(STEPS):
        p = _sigmoid(x @ w)
        gradient = x.T @ (m * (p - y)) + penalty * w
        curvature = (x * (m * p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while (lower := _loss(x, y, m, penalty, w - size * step)) > loss and size > CLOSE:
            size /= 2
        if lower > loss:
            break
        w, loss = w - size * step, lower
        if np.abs(step).max() < CLOSE:
            break
    return w


def _loss(x: Floats, y: Floats, m: Floats, penalty: Floats, w: Floats) -> float:
    z = x @ w
    return float(m @ (np.logaddexp(0, z) - y * z) + (penalty * w * w).sum() / 2)


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -z)))


def _typed(value: object) -> str:
    if not isinstance(value, str):
        return repr(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
