"""Classes of tokens: accuracy and, where they are tags of names, precision, recall and F1 of typed names.

`gold` [M], `scores` [M, C] probabilities. Names stand on the tokens that have a tag: of a tree, its trunk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from kbtools.metrics import classes, spans
from kbtools.metrics.linking.counts import Counts, measured
from kbtools.metrics.spans import Scheme, Spans
from kbtools.models.objectives.base import Answers
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.kinds.base import (
    Asked,
    Bools,
    Columns,
    Longs,
    Told,
    by_example,
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
    """Keep the likeliest class of each token."""
    best = answers.columns["scores"].float().max(dim=-1)
    return {
        "gold": answers.columns["gold"].to(torch.int32),
        "answer": best.indices.to(torch.int32),
        "score": best.values,
    }


def tell(example: Longs, kept: Columns, asked: Asked) -> Told:
    """Score tokens, and names if there are any."""
    gold, answer = kept["gold"].astype(np.int64), kept["answer"].astype(np.int64)
    right = gold == answer
    measures = [share(asked, "token accuracy", right, example)]
    sure, curves = calibrated(asked, kept["score"], right)
    table = classes.confusion(gold, answer, len(asked.names))
    heats, files = confused(asked, table)
    scheme = spans.scheme(asked.names)
    if scheme is None:
        found = classes.by_class(table)
        macro = classes.macro_f1(gold, answer, len(asked.names), **asked.draws)
        each, drawn = of_classes(asked, "class", asked.names, found.scores, found.gold)
        predictions = {
            "gold": classes_of(asked, gold), "answer": classes_of(asked, answer), "score": kept["score"],
            "right": right,
        }  # fmt: skip
        measures += [told(asked, "macro F1", macro, len(gold)), *sure, *each]
        rows = np.arange(len(gold))
        return Told(sound(measures), rows, predictions, curves=[*drawn, *curves], heats=heats, files=files)
    names = _Names(example, gold, answer, scheme)
    each, drawn = of_classes(asked, "type", scheme.types, *names.by_type())
    measures = [*micro(asked, names.counts()), *measures, *sure, *each]
    rows, predictions = names.predictions(kept["score"])
    return Told(sound(measures), rows, predictions, curves=[*drawn, *curves], heats=heats, files=files)


class _Names:
    """The names of gold, those that were found, and which are in both."""

    def __init__(self, example: Longs, gold: Longs, answer: Longs, scheme: Scheme) -> None:
        prefix, kinds = np.array(scheme.prefix, np.int64), np.array(scheme.type, np.int64)
        self.example, self.types = example, scheme.types
        marks = [spans.marks(prefix[tags], kinds[tags], example) for tags in (gold, answer)]
        self.gold, self.answer = map(spans.names, marks)
        self.hit: Bools = spans.found(*marks)  # by token: the last one of a name

    def counts(self) -> Counts:
        """Count names, example by example."""
        gold, said = (self._ends(one) for one in (self.gold, self.answer))
        hit, asked, told_ = (by_example(one, self.example).astype(np.int64) for one in (self.hit, gold, said))
        return Counts(hit, told_ - hit, asked - hit)

    def by_type(self) -> tuple[NDArray[np.float64], Longs]:
        """Return the scores of types [C, 3], and how many names of each there are."""
        many = len(self.types)
        gold, said = (np.bincount(one.type, minlength=many) for one in (self.gold, self.answer))
        hit = np.bincount(self.gold.type[self.hit[self.gold.end]], minlength=many)
        return measured(np.stack([hit, said - hit, gold - hit], axis=1)), gold

    def predictions(self, score: NDArray[Any]) -> tuple[Longs, dict[str, Any]]:
        """Lay down the names of either side; one in both is a row. A name is as sure as its least token."""
        extra = ~self.hit[self.answer.end]
        both = [
            np.concatenate([one, other[extra]]) for one, other in zip(self.gold, self.answer, strict=True)
        ]
        start, end, kind = both
        asked = np.arange(len(start)) < len(self.gold.end)
        hit = np.append(self.hit[self.gold.end], np.zeros(int(extra.sum()), np.bool_))
        order = np.lexsort([~asked, end, start])
        edges = np.stack([start, end + 1], axis=1).ravel()
        sure = np.minimum.reduceat(np.append(score, 1.0), edges)[::2] if len(start) else np.zeros(0)
        types = pa.array(self.types, pa.string())
        said = ~asked | hit
        return start[order], {
            "gold": types.take(pa.array(kind[order], mask=~asked[order])),
            "answer": types.take(pa.array(kind[order], mask=~said[order])),
            "score": pa.array(np.where(said, sure, 0.0)[order], mask=~said[order]),
            "right": hit[order],
            "last": end[order],
        }

    def _ends(self, names: Spans) -> Bools:
        found = np.zeros(len(self.example), np.bool_)
        found[names.end] = True
        return found
