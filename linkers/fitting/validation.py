"""How good what is learnt will be: each document is judged by what the others teach.

Documents are dealt out to folds; a model that has not seen a fold says what it thinks of it. From that come
the calibration, the threshold, and every figure: for a figure, calibration and threshold of a fold come from
the other folds as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools import plugins
from kbtools.errors import ConfigError
from kbtools.linkers import calibration
from kbtools.linkers.base import Floats, Longs, Marks, Mentions, Ranked, best
from kbtools.linkers.calibration import Calibration
from kbtools.linkers.fitting.evidence import Names
from kbtools.linkers.fitting.examples import Examples, shares, together
from kbtools.linkers.fitting.gathering import Gathered, Seen
from kbtools.linkers.fitting.opening import MODELS, Fitted
from kbtools.linkers.fitting.settings import Settings
from kbtools.metrics.linking.thresholds import folds as deal


class Answers(NamedTuple):
    """The best candidate of each of M mentions; `text` counts the documents of the corpus."""

    text: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    kb: NDArray[np.uint8]
    eid: Longs  # −1: there is no candidate
    p: Floats
    nil: Floats
    told: Marks  # gold says what it means, or that it is nothing
    meant: Marks  # an entity that is here
    right: Marks  # the best candidate is


class Looked(NamedTuple):
    """One way to look at the corpus, and what models that had not seen a document say of it."""

    seen: Seen
    raw: Ranked  # scores of the model
    ranked: Ranked  # chances

    def answers(self) -> Answers:
        """Return the answers, before any threshold and whatever overlaps."""
        mentions, _, told, meant, right, _ = self.seen
        choice = best(mentions, self.ranked.p)
        eid, p = np.full(len(mentions), -1, np.int64), np.zeros(len(mentions), np.float32)
        good = np.zeros(len(mentions), np.bool_)
        rows = np.flatnonzero(choice >= 0)
        at = choice[rows]
        eid[rows], p[rows], good[rows] = mentions.eid[at], self.ranked.p[at], right[at]
        return Answers(*mentions[:4], eid, p, self.ranked.nil, told, meant, good)


class Crossed(NamedTuple):
    """The answers of models for documents that they have not seen."""

    documents: list[str]
    fold: Longs  # of each document
    given: Looked  # mentions of gold
    found: Looked | None  # what the linker finds by itself


def learn(parts: Sequence[Examples], names: Names, settings: Settings) -> Fitted:
    """Fit the model to examples."""
    whole = together(parts)
    if not whole.right.any():
        raise ConfigError(
            "nothing can be learnt: no gold of the documents to learn from means one of its candidates; give "
            "more of it, or a linker that finds more candidates"
        )
    arrays = plugins.load(MODELS, settings.model).fit(whole, names, settings)
    return Fitted(settings.model, names, arrays, None)


def cross(gathered: Gathered, settings: Settings, parts: Sequence[Examples]) -> Crossed:
    """Let models judge what they have not seen; `parts` are the mentions of each way to look."""
    looks = gathered.looks
    fold = _folds(gathered, settings)
    of = [fold[seen.mentions.text] for seen in looks]
    raw = [_empty(seen.mentions) for seen in looks]
    scores = plugins.load(MODELS, settings.model).scores
    for one in range(int(fold.max()) + 1):
        known = [
            part.take(np.flatnonzero(seen.told & (mine != one)))
            for part, seen, mine in zip(parts, looks, of, strict=True)
        ]
        fitted = learn(known, gathered.names, settings)
        for part, mine, ranked in zip(parts, of, raw, strict=True):
            held = part.take(np.flatnonzero(mine == one))
            said, _ = shares(held, scores(fitted.arrays, held.evidence, held.owner))
            ranked.nil[mine == one] = said.nil
            ranked.p[(mine == one)[part.owner]] = said.candidate
    chances = _calibrated(looks, of, raw)
    found = [Looked(*one) for one in zip(looks, raw, chances, strict=True)]
    return Crossed(gathered.documents, fold, found[0], found[1] if len(found) > 1 else None)


def calibrate(crossed: Crossed) -> Calibration:
    """Fit the calibration on all folds."""
    looks = [look for look in (crossed.given, crossed.found) if look is not None]
    return _calibration(
        [look.seen for look in looks], [look.raw for look in looks], [look.seen.told for look in looks]
    )


def _calibration(looks: Sequence[Seen], raw: list[Ranked], rows: list[Marks]) -> Calibration:
    """Fit on the mentions that are marked."""
    p, nil, right, none = [], [], [], []
    for seen, ranked, marked in zip(looks, raw, rows, strict=True):
        mine = marked & (seen.mentions.lengths > 0)  # without candidates there is nothing to doubt
        p.append(ranked.p[mine[seen.mentions.owner]])
        right.append(seen.right[mine[seen.mentions.owner]])
        nil.append(ranked.nil[mine])
        none.append((np.bincount(seen.mentions.owner[seen.right], minlength=len(mine)) == 0)[mine])
    return calibration.fit_both(
        Ranked(np.concatenate(p), np.concatenate(nil)), np.concatenate(right), np.concatenate(none)
    )


def _calibrated(looks: Sequence[Seen], of: list[Longs], raw: list[Ranked]) -> list[Ranked]:
    """Calibrate each fold by the others."""
    chances = [_empty(seen.mentions) for seen in looks]
    for one in range(max(int(mine.max(initial=0)) for mine in of) + 1):
        steps = _calibration(
            looks, raw, [seen.told & (mine != one) for seen, mine in zip(looks, of, strict=True)]
        )
        for seen, mine, ranked, chance in zip(looks, of, raw, chances, strict=True):
            judged = calibration.calibrated(seen.mentions, ranked, steps)
            rows = mine == one
            chance.nil[rows] = judged.nil[rows]
            at = rows[seen.mentions.owner]
            chance.p[at] = judged.p[at]
    return chances


def _folds(gathered: Gathered, settings: Settings) -> Longs:
    """Deal out the documents with gold, so that each fold has as many; the others are in none that counts."""
    with_gold = np.unique(gathered.given.mentions.text[gathered.given.told])
    if len(with_gold) < 2:
        raise ConfigError(
            "gold is of one document alone: what is learnt from it cannot be judged; give two at least"
        )
    fold = np.zeros(len(gathered.documents), np.int64)
    fold[with_gold] = deal(len(with_gold), min(settings.folds, len(with_gold)), settings.seed)
    return fold


def _empty(mentions: Mentions) -> Ranked:
    return Ranked(np.zeros(len(mentions.eid), np.float32), np.zeros(len(mentions), np.float32))
