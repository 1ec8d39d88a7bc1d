"""Several classes at once, maybe none: exact, micro and macro scores of sets.

`gold` [M, C], `scores` [M, C] probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from torch import Tensor

from kbtools.metrics import classes
from kbtools.metrics.linking.counts import METRICS, measured
from kbtools.models.objectives.base import Answers
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.kinds.base import (
    Asked,
    Bools,
    Columns,
    Longs,
    Told,
    micro,
    of_classes,
    share,
    sound,
    told,
)


def keep(answers: Answers, settings: Settings) -> Mapping[str, Tensor]:
    """Keep which classes are right and which are said, and how likely the likeliest is."""
    scores = answers.columns["scores"].float()
    gold = answers.columns["gold"].bool()
    return {"gold": gold, "answer": scores > settings.threshold, "score": scores.max(dim=-1).values}


def tell(example: Longs, kept: Columns, asked: Asked) -> Told:
    """Score sets."""
    gold, answer = kept["gold"], kept["answer"]
    right = (gold == answer).all(axis=1)
    counts = classes.sets(gold, answer)
    macro = zip(METRICS, classes.macro_sets(counts, **asked.draws), strict=True)
    tp, fp, fn = (one.sum(axis=0) for one in (gold & answer, ~gold & answer, gold & ~answer))
    scores = measured(np.stack([tp, fp, fn], axis=1))
    each, drawn = of_classes(asked, "class", asked.names, scores, gold.sum(axis=0))
    measures = [
        share(asked, "exact", right, example),
        *micro(asked, counts),
        *(told(asked, f"macro {name}", value, len(gold)) for name, value in macro),
        *each,
    ]
    predictions = {
        "gold": _lists(gold, asked), "answer": _lists(answer, asked), "score": kept["score"], "right": right
    }  # fmt: skip
    return Told(sound(measures), np.arange(len(gold)), predictions, curves=drawn)


def _lists(held: Bools, asked: Asked) -> pa.Array:
    """Name the classes that are held, with commas between."""
    row, column = np.nonzero(held)
    words = pa.array(asked.names, pa.string()).take(pa.array(column)).to_pylist()
    ends = np.cumsum(np.bincount(row, minlength=len(held))).tolist()
    return pa.array([", ".join(words[a:b]) for a, b in zip([0, *ends[:-1]], ends, strict=True)], pa.string())
