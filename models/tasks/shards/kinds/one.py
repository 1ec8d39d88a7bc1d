"""One class of several: accuracy, F1 of classes, which is taken for which; matching, where rows have groups.

`gold` [M], `scores` [M, C] probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from kbtools.errors import ConfigError
from kbtools.metrics import Measure, classes, matching
from kbtools.models.objectives.base import Answers
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.kinds.base import (
    Asked,
    Columns,
    Longs,
    Told,
    calibrated,
    classes_of,
    confused,
    micro,
    of_classes,
    share,
    sound,
    told,
)


def keep(answers: Answers, settings: Settings) -> Mapping[str, Tensor]:
    """Keep the likeliest class and, where answers may be ranked, how likely the positive one is."""
    scores = answers.columns["scores"].float()
    best = scores.max(dim=-1)
    kept = {"gold": answers.columns["gold"], "answer": best.indices, "score": best.values}
    place(answers.names, settings.negative, "negative")  # a class that there is not is told at once
    positive = place(answers.names, settings.positive, "positive")
    if positive >= 0 or len(answers.names) == 2:
        kept["positive"] = scores[:, positive]
    return {
        name: value.to(torch.float32 if value.is_floating_point() else torch.int32)
        for name, value in kept.items()
    }


def tell(example: Longs, kept: Columns, asked: Asked) -> Told:
    """Score; a class that nobody has and nobody says counts for nothing."""
    gold, answer, many = kept["gold"].astype(np.int64), kept["answer"].astype(np.int64), len(asked.names)
    right = gold == answer
    negative = place(asked.names, asked.settings.negative, "negative")
    measures = [share(asked, "accuracy", right, example)]
    if negative >= 0:
        measures += micro(asked, classes.without(gold, answer, negative))
    macro = classes.macro_f1(gold, answer, many, negative, **asked.draws)
    measures.append(told(asked, "macro F1", macro, len(gold)))
    measures += _matching(kept, gold, asked)
    sure, curves = calibrated(asked, kept["score"], right)
    table = classes.confusion(gold, answer, many)
    found = classes.by_class(table)
    each, drawn = of_classes(asked, "class", asked.names, found.scores, found.gold)
    heats, files = confused(asked, table)
    predictions = {
        "gold": classes_of(asked, gold), "answer": classes_of(asked, answer), "score": kept["score"],
        "right": right,
    }  # fmt: skip
    if asked.group is not None and "positive" in kept:
        predictions["positive"] = kept["positive"]
    return Told(
        sound([*measures, *sure, *each]), np.arange(len(gold)), predictions, curves=[*drawn, *curves],
        heats=heats, files=files,
    )  # fmt: skip


def place(names: object, wanted: str, what: str) -> int:
    """Return the number of a class that is named in the settings; −1: none is."""
    known = list(names)  # type: ignore[call-overload]
    if wanted and wanted not in known:
        raise ConfigError(f"{what}: no class {wanted!r}; there are {', '.join(known[:10])}")
    return known.index(wanted) if wanted else -1


def _matching(kept: Columns, gold: Longs, asked: Asked) -> list[Measure]:
    if asked.group is None or "positive" not in kept:
        return []
    positive = place(asked.names, asked.settings.positive, "positive") % len(asked.names)
    found = matching.first_right(kept["positive"].astype(np.float64), gold == positive, asked.group)
    both = zip(("MRR", "P@1"), matching.mrr_and_first(found, **asked.draws), strict=True)
    return [told(asked, name, value, len(found.rank)) for name, value in both]
