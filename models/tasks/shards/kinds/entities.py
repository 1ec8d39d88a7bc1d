"""Entities of mentions, chosen among candidates: accuracy, what the priors alone would say, NIL.

`gold` and `answer` are eids [M], −2: it is in no knowledge base (targets of which nothing is told, −1, are
not asked); `score` of the answer. Where there are any: `prior`, the likeliest candidate by prior; `among` [M]
bool, whether the right one is a candidate; `rank` of the right one among them, from 1; 0: it is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor

from kbtools.metrics import Measure
from kbtools.metrics.linking.counts import Counts
from kbtools.models.objectives.base import Answers
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.kinds.base import (
    Asked,
    Columns,
    Longs,
    Told,
    by_example,
    micro,
    share,
    sound,
)
from kbtools.shards.base import NIL

Array = NDArray[Any]


def keep(answers: Answers, settings: Settings) -> Mapping[str, Tensor]:
    """Keep all."""
    return {
        name: value.float() if value.is_floating_point() else value for name, value in answers.columns.items()
    }


def tell(example: Longs, kept: Columns, asked: Asked) -> Told:
    """Score the model, and beside it the priors."""
    gold, answer = kept["gold"], kept["answer"]
    measures = _scored(example, kept, answer, asked)
    if "rank" in kept:
        there = kept["rank"] > 0
        value = np.divide(1.0, kept["rank"], out=np.zeros(len(gold)), where=there)
        measures.append(share(asked, "MRR", value[gold >= 0], example[gold >= 0]))
    if "prior" in kept:
        beside = asked._replace(system=f"{asked.system}: priors alone")
        measures += _scored(example, kept, kept["prior"], beside)
    predictions = {
        "gold": _ids(gold, asked), "answer": _ids(answer, asked), "score": kept.get("score"),
        "right": gold == answer, **{name: kept[name] for name in ("among", "rank") if name in kept},
    }  # fmt: skip
    if "prior" in kept:
        predictions["likeliest by prior"] = _ids(kept["prior"], asked)
    return Told(sound(measures), np.arange(len(gold)), predictions)


def _scored(example: Longs, kept: Columns, answer: Array, asked: Asked) -> list[Measure]:
    gold = kept["gold"]
    right, known = gold == answer, gold >= 0
    found = [share(asked, "accuracy", right[known], example[known])]
    if "among" in kept:
        there = known & kept["among"].astype(np.bool_)
        found.append(share(asked, "accuracy, right one a candidate", right[there], example[there]))
    found += micro(asked, _counts(example, right, answer >= 0, known))
    nil = gold == NIL
    if nil.any() or (answer == NIL).any():
        found += micro(asked, _counts(example, right, answer == NIL, nil), "NIL ")
    return found


def _counts(example: Longs, right: Array, said: Array, wanted: Array) -> Counts:
    each = (right & said & wanted, ~right & said, ~right & wanted)
    return Counts(*(by_example(one, example).astype(np.int64) for one in each))


def _ids(eids: Array, asked: Asked) -> pa.Array:
    if asked.entities is not None:
        return asked.entities(eids.astype(np.int64))
    return pa.array([str(eid) for eid in eids.tolist()], pa.string())
