"""Hidden tokens: perplexity, accuracy, and the mean of 1/rank of the right one among all of the vocabulary.

The last is how Peters et al. (2019) ask a language model for facts whose words are hidden. `gold`, `answer`,
`score` (how likely the answer is), `logp` of the right one and its `rank`, all [M].
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from kbtools.metrics.resampling import intervals
from kbtools.models.objectives.base import Answers
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.kinds.base import (
    Asked,
    Columns,
    Floats,
    Longs,
    Told,
    by_example,
    calibrated,
    share,
    sound,
    told,
)

TOP = 10


def keep(answers: Answers, settings: Settings) -> Mapping[str, Tensor]:
    """Keep all, as small numbers."""
    return {
        name: value.to(torch.float32 if value.is_floating_point() else torch.int32)
        for name, value in answers.columns.items()
    }


def tell(example: Longs, kept: Columns, asked: Asked) -> Told:
    """Score; those of an example are drawn together."""
    right = kept["gold"] == kept["answer"]
    rank = kept["rank"].astype(np.float64)
    rows = np.stack([by_example(-kept["logp"], example), by_example(np.ones(len(example)), example)], axis=1)
    (spread,) = intervals(rows, _perplexity, **asked.draws)
    sure, curves = calibrated(asked, kept["score"], right)
    measures = [
        told(asked, "perplexity", spread, len(example)),
        share(asked, "accuracy", right, example),
        share(asked, "MRR", 1 / rank, example),
        share(asked, f"hits@{TOP}", rank <= TOP, example),
        *sure,
    ]
    predictions = {
        "gold": _words(kept["gold"].astype(np.int64), asked),
        "answer": _words(kept["answer"].astype(np.int64), asked),
        "score": kept["score"], "right": right, "rank": kept["rank"], "log p of gold": kept["logp"],
    }  # fmt: skip
    return Told(sound(measures), np.arange(len(example)), predictions, curves=curves)


def _perplexity(sums: Floats) -> Floats:
    with np.errstate(all="ignore"):
        found: Floats = np.exp(sums[..., :1] / sums[..., 1:])
    return found


def _words(ids: Longs, asked: Asked) -> pa.Array:
    if asked.words is None:
        return pa.array([f"#{number}" for number in ids.tolist()], pa.string())
    return asked.words(ids)
