"""What there is to say of a fitted linker: how often it is right for documents that it has not seen.

accuracy     of the links of gold that mean an entity which is here: the best candidate is right
with NIL     of all links of gold: the right entity, or none where none is right
F1           of what the linker finds by itself, against gold that means an entity which is here
ECE          how far off its chances are
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from kbtools.linkers.base import Floats, Longs, Marks, Ranked, best
from kbtools.linkers.fitting.gathering import Seen
from kbtools.linkers.fitting.validation import Crossed
from kbtools.linkers.linking import Linker
from kbtools.metrics.linking.calibration import calibration_error, reliability
from kbtools.metrics.linking.counts import Counts, measured
from kbtools.metrics.linking.intervals import compare, micro_intervals

DIGITS = 4
RIGHT = "right"
THRESHOLDS = [round(at / 40, 3) for at in range(1, 40)]


def found(linker: Linker, seen: Seen, ranked: Ranked, known: Longs) -> Counts:
    """Count what a linker finds by itself, document by document; `known` are the links to be found."""
    features = {**seen.features, RIGHT: seen.right.astype(np.float32)}  # goes along with its candidate
    decided = linker.decided(seen.mentions, features, ranked)
    rows = np.flatnonzero(decided.choice >= 0)
    rows = rows[np.isin(decided.mentions.kb[rows], np.unique(seen.mentions.kb[seen.told]))]
    right = decided.features[RIGHT][decided.choice[rows]] > 0
    text = decided.mentions.text[rows]
    tp, fp = (np.bincount(text[marked], minlength=len(known)) for marked in (right, ~right))
    return Counts(tp, fp, known - tp)


def with_threshold(linker: Linker, threshold: float) -> Linker:
    """Return a linker that keeps what is at least this likely, and asks nothing else."""
    other = copy(linker)
    other.preset = replace(linker.preset, nil=replace(linker.preset.nil, total=threshold, likelier=False))
    return other


def accuracy(crossed: Crossed, ranks: Mapping[str, Floats], seed: int) -> dict[str, Any]:
    """Compare ways to choose among the candidates of gold; the last is what was learnt."""
    seen = crossed.given.seen
    counts = {name: _counted(seen, _right(seen, p), seen.meant, crossed) for name, p in ranks.items()}
    *others, (last, ours) = counts.items()
    told: dict[str, Any] = {"links of gold": int(seen.told.sum()), "of entities here": int(seen.meant.sum())}
    for name, one in counts.items():
        told[f"accuracy {name}"] = _interval(micro_intervals(one, seed=seed).f1)
    for name, one in others:
        gap = compare(ours, one, seed=seed)
        told[f"{last} over {name}"] = [*_interval(gap[:3]), round(gap.p, DIGITS)]
    there = np.zeros(len(seen.mentions), np.bool_)
    there[np.unique(seen.mentions.owner[seen.right])] = True
    told["among the candidates"] = round(float(there[seen.meant].mean()), DIGITS)
    return told


def with_nil(crossed: Crossed, threshold: float, seed: int) -> dict[str, Any]:
    """Say how often the right entity or none was answered; without a threshold, the likelier one is."""
    seen, raw, ranked = crossed.given
    answered = _answered(seen, ranked, threshold)
    right = np.where(seen.meant, answered & _right(seen, ranked.p), ~answered)
    one = _counted(seen, right, seen.told, crossed)
    told: dict[str, Any] = {"accuracy with NIL": _interval(micro_intervals(one, seed=seed).f1)}
    for name, scores in (("before", raw), ("after", ranked)):
        choice = best(seen.mentions, scores.p)
        rows = np.flatnonzero(seen.told & (choice >= 0))
        at = choice[rows]
        error = calibration_error(reliability(scores.p[at].astype(np.float64), seen.right[at]))
        told[f"ECE {name} calibration"] = round(error, DIGITS)
    return told


def by_itself(
    crossed: Crossed, before: tuple[Linker, Ranked], fitted: Linker, seed: int
) -> tuple[dict[str, Any], float]:
    """Return F1 with mentions that linkers find, and the threshold that is best for the fitted one.

    For its F1, the threshold of a fold is the best of the others.
    """
    looked = crossed.found
    if looked is None or not looked.seen.outside.any():
        return {}, 0.0  # nothing says what is no mention
    given = crossed.given.seen
    known = np.bincount(given.mentions.text[given.meant], minlength=len(crossed.documents))
    here = np.isin(np.arange(len(known)), given.mentions.text)
    theirs = found(before[0], looked.seen, before[1], known)
    steps = [found(with_threshold(fitted, one), looked.seen, looked.ranked, known).rows for one in THRESHOLDS]
    rows = np.stack(steps)  # [T, D, 3]
    parts = [_best(rows[:, here & (crossed.fold != one)]) for one in range(int(crossed.fold.max()) + 1)]
    ours = rows[np.array(parts)[crossed.fold], np.arange(len(known))]
    told = _scores("before", theirs.of(here), seed) | _scores("fitted", Counts(*ours.T).of(here), seed)
    return told, THRESHOLDS[_best(rows[:, here])]


def _best(rows: Longs) -> int:
    """Return the place of the threshold with the best F1; of several the highest."""
    f1 = measured(rows.sum(axis=1))[:, 2]
    return len(f1) - 1 - int(np.argmax(f1[::-1]))


def _scores(name: str, counts: Counts, seed: int) -> dict[str, Any]:
    found = micro_intervals(counts, seed=seed)
    return {
        f"F1 {name}": _interval(found.f1),
        f"precision and recall {name}": [
            round(found.precision.mean, DIGITS),
            round(found.recall.mean, DIGITS),
        ],
    }


def _right(seen: Seen, score: Floats) -> Marks:
    choice = best(seen.mentions, score)
    if not len(seen.right):
        return choice >= 0
    return (choice >= 0) & seen.right[choice]


def _answered(seen: Seen, ranked: Ranked, threshold: float) -> Marks:
    choice = best(seen.mentions, ranked.p)
    if not len(ranked.p):
        return choice >= 0
    return (choice >= 0) & (ranked.p[choice] >= (threshold or ranked.nil))


def _counted(seen: Seen, right: Marks, counted: Marks, crossed: Crossed) -> Counts:
    """Count rights and wrongs document by document, so that F1 is the accuracy."""
    tp, wrong = (
        np.bincount(seen.mentions.text[counted & marked], minlength=len(crossed.documents))
        for marked in (right, ~right)
    )
    return Counts(tp, wrong, wrong).of(tp + wrong > 0)


def _interval(values: Any) -> list[float]:
    return [round(float(value), DIGITS) for value in values]
