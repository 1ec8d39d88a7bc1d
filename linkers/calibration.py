"""From scores to chances that can be believed: how often were such scores right where answers are known.

Isotonic regression: the steps that never fall and are nearest to what was seen (pool adjacent violators; for
probabilities: Zadrozny and Elkan 2002). Between two steps it goes straight. However few were seen, nothing is
certain: chances keep half an example's distance from 0 and 1.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.errors import ArtefactError, ConfigError
from kbtools.extras import need
from kbtools.linkers.base import Longs, Mentions, Ranked

Doubles = NDArray[np.float64]

ORDER_KEPT = 1e-3  # so much of the score itself: what a step makes equal stays in order
DIGITS = 9


@dataclass(frozen=True)
class Steps:
    """Scores in ascending order, and the chance at each."""

    scores: tuple[float, ...]
    chances: tuple[float, ...]

    def __call__(self, score: NDArray[Any]) -> Doubles:
        """Return the chance of each score."""
        chance = np.interp(score, self.scores, self.chances)
        return np.asarray((1 - ORDER_KEPT) * chance + ORDER_KEPT * np.clip(score, 0, 1))


@dataclass(frozen=True)
class Calibration:
    """What makes a linker's p and nil chances."""

    p: Steps
    nil: Steps


def fit(score: NDArray[Any], right: NDArray[Any]) -> Steps:
    """Find the steps for scores of which it is known whether each was right."""
    score, right = np.asarray(score, np.float64), np.asarray(right, np.float64)
    if not len(score) or not np.isfinite(score).all():
        raise ConfigError(
            "calibration asks for scores with known answers, all of them numbers; there are none"
        )
    regression = need("scipy.optimize", extra="link", why="calibration").isotonic_regression
    distinct, place, count = np.unique(score, return_inverse=True, return_counts=True)
    mean = np.bincount(place, weights=right) / count
    blocks = regression(mean, weights=count).blocks
    first, last = blocks[:-1], blocks[1:] - 1
    seen = np.add.reduceat(count, first)
    value = np.add.reduceat(mean * count, first) / seen
    half = 0.5 / len(score)
    value = np.clip(value, half, 1 - half) if len(score) > 1 else value * 0 + 0.5
    corners = np.stack([first, last], axis=1).ravel()
    values = np.repeat(value, 2)
    two = np.concatenate([[True], np.diff(corners) > 0])  # a block of one score is one corner
    return Steps(_rounded(distinct[corners[two]]), _rounded(values[two]))


def fit_both(ranked: Ranked, right: NDArray[np.bool_], none: NDArray[np.bool_]) -> Calibration:
    """Fit on mentions with gold: `right` marks candidates, `none` mentions that mean no candidate."""
    return Calibration(p=fit(ranked.p, right), nil=fit(ranked.nil, none))


def calibrated(mentions: Mentions, ranked: Ranked, calibration: Calibration) -> Ranked:
    """Return chances in place of scores; candidates keep their order, and a mention's sum is 1."""
    p, nil = calibration.p(ranked.p), calibration.nil(ranked.nil)
    owner: Longs = mentions.owner
    total = nil + np.bincount(owner, weights=p, minlength=len(mentions))
    total = np.where(total > 0, total, 1.0)
    nil = np.where(mentions.lengths > 0, nil / total, 1.0)
    return Ranked((p / total[owner]).astype(np.float32), nil.astype(np.float32))


def to_json(calibration: Calibration) -> str:
    """Write it as text."""
    return json.dumps(asdict(calibration), indent=1) + "\n"


def from_json(text: str, where: str) -> Calibration:
    """Read it again; `where` opens the message if it is none."""
    try:
        both = {name: Steps(tuple(map(float, steps["scores"])), tuple(map(float, steps["chances"])))
                for name, steps in json.loads(text).items()}  # fmt: skip
        found = Calibration(**both)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArtefactError(f"{where}: not a calibration; fit it again with `kbtools fit`") from error
    for steps in (found.p, found.nil):
        scores, chances = np.array(steps.scores), np.array(steps.chances)
        rising = len(scores) and (np.diff(scores) >= 0).all() and (np.diff(chances) >= 0).all()
        if len(scores) != len(chances) or not rising or not (chances[0] >= 0 and chances[-1] <= 1):
            raise ArtefactError(
                f"{where}: its steps do not rise from 0 to 1; fit it again with `kbtools fit`"
            )
    return found


def _rounded(values: Doubles) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in values)
