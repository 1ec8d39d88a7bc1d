"""Numbers: squared error, correlation, correlation of ranks. `gold` [M], `answer` [M]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor

from kbtools.metrics import Cloud, Line, numbers
from kbtools.models.objectives.base import Answers
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.kinds.base import Asked, Columns, Longs, Told, sound, told

DRAWN = 2000  # points


def keep(answers: Answers, settings: Settings) -> Mapping[str, Tensor]:
    """Keep both."""
    return {name: answers.columns[name].float() for name in ("gold", "answer")}


def tell(example: Longs, kept: Columns, asked: Asked) -> Told:
    """Compare."""
    gold, answer = (kept[name].astype(np.float64) for name in ("gold", "answer"))
    found = numbers.nearness(gold, answer, **asked.draws)
    named = zip(("MSE", "Pearson", "Spearman"), found, strict=True)
    some = np.linspace(0, len(gold) - 1, min(len(gold), DRAWN)).astype(np.int64)
    points = Line(name="examples", x=gold[some].tolist(), y=answer[some].tolist())
    name, title = asked.system.replace(" ", "-"), f"{asked.system}: what is said, and what is right"
    cloud = Cloud(name=f"{name}-numbers", title=title, x="gold", y="answer", groups=[points])
    predictions: dict[str, Any] = {
        "gold": _written(gold),
        "answer": _written(answer),
        "score": None,
        "right": None,
    }
    predictions["error"] = answer - gold
    measures = sound(told(asked, name, value, len(gold)) for name, value in named)
    return Told(measures, np.arange(len(gold)), predictions, clouds=[cloud])


def _written(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pa.Array:
    return pa.array([f"{value:.6g}" for value in values.tolist()], pa.string())
