"""What there is to say of a fitted linker: how often it is right for documents that it has not seen.

accuracy     of the links of gold that mean an entity which is here: the best candidate is right
with NIL     of all links of gold: the right entity, or none where none is right
F1           of what the linker finds by itself, against gold that means an entity which is here
ECE          how far off its chances are
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kbtools.linkers.base import Floats, Longs, Ranked, best
from kbtools.linkers.fitting.examples import Marks
from kbtools.linkers.fitting.gathering import Seen
from kbtools.linkers.fitting.validation import Crossed
from kbtools.linkers.linking import Linker
from kbtools.metrics.linking import thresholds
from kbtools.metrics.linking.calibration import calibration_error, reliability
from kbtools.metrics.linking.counts import Counts
from kbtools.metrics.linking.intervals import compare, micro_intervals

DIGITS = 4
RIGHT = "right"


class Kept:
    """The links that a linker finds by itself and keeps, before any threshold."""

    def __init__(self, linker: Linker, seen: Seen, ranked: Ranked, known: Longs) -> None:
        features = {**seen.features, RIGHT: seen.right.astype(np.float32)}  # goes along with its candidate
        decided = linker.decided(seen.mentions, features, ranked)
        rows = np.flatnonzero(decided.choice >= 0)
        rows = rows[np.isin(decided.mentions.kb[rows], np.unique(seen.mentions.kb[seen.told]))]
        at = decided.choice[rows]
        self.document = decided.mentions.text[rows].astype(np.int64)
        self.score = decided.ranked.p[at].astype(np.float64)
        self.right = decided.features[RIGHT][at] > 0
        self.known = known  # links to find, document by document

    def threshold(self, documents: Marks) -> float:
        """Return the threshold with the best F1 on the documents that are marked."""
        mine = documents[self.document]
        swept = thresholds.sweep(self.score[mine], self.right[mine], int(self.known[documents].sum()))
        return float(np.clip(thresholds.best(swept), 0, 1))

    def counts(self, threshold: Floats | float = 0.0) -> Counts:
        """Count document by document, each with its threshold."""
        passes = self.score >= np.broadcast_to(threshold, len(self.known))[self.document]
        tp, fp = (
            np.bincount(self.document[passes & marked], minlength=len(self.known))
            for marked in (self.right, ~self.right)
        )
        return Counts(tp, fp, self.known - tp)


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
    found = np.zeros(len(seen.mentions), np.bool_)
    found[np.unique(seen.mentions.owner[seen.right])] = True
    told["among the candidates"] = round(float(found[seen.meant].mean()), DIGITS)
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
    crossed: Crossed, linkers: Mapping[str, tuple[Linker, Ranked]], seed: int
) -> tuple[dict[str, Any], float]:
    """Return F1 with mentions that linkers find; of the last, whose threshold is picked, that as well."""
    looked = crossed.found
    if looked is None or not looked.seen.outside.any():
        return {}, 0.0  # nothing says what is no mention
    given = crossed.given.seen
    known = np.bincount(given.mentions.text[given.meant], minlength=len(crossed.documents))
    told: dict[str, Any] = {}
    here = np.isin(np.arange(len(known)), given.mentions.text)
    *others, (last, (linker, ranked)) = linkers.items()
    for name, (other, theirs) in others:
        told |= _scores(name, Kept(other, looked.seen, theirs, known).counts().of(here), seed)
    kept = Kept(linker, looked.seen, ranked, known)
    told |= _scores(f"{last}, no threshold", kept.counts().of(here), seed)
    parts = [kept.threshold(here & (crossed.fold != one)) for one in range(int(crossed.fold.max()) + 1)]
    told |= _scores(last, kept.counts(np.array(parts)[crossed.fold]).of(here), seed)
    return told, kept.threshold(here)


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
