"""What a kind of question is made of.

    Answers of a batch ──keep──▶ few numbers a target ──(all batches, in the order of examples)──▶ tell

A module has `keep` and `tell`. What is kept is all that memory has to hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor

from kbtools.metrics import Cloud, Curve, Line, Measure
from kbtools.metrics.linking.calibration import calibration_error, reliability
from kbtools.metrics.linking.counts import METRICS, Counts
from kbtools.metrics.linking.intervals import micro_intervals
from kbtools.metrics.ranking import Interval, bootstrap
from kbtools.metrics.results import Heat
from kbtools.models.objectives.base import Answers
from kbtools.models.tasks.shards import Settings

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]
Columns = Mapping[str, NDArray[Any]]  # [M, ...]


class Asked(NamedTuple):
    """What is known of the questions beside the answers."""

    system: str  # what they are called in the report
    names: Sequence[str]  # of classes
    settings: Settings
    seed: int
    group: Longs | None = None  # of each target: examples that are judged together; below 0: none
    words: Callable[[Longs], pa.Array] | None = None  # of token ids
    entities: Callable[[Longs], pa.Array] | None = None  # ids by eid

    @property
    def draws(self) -> dict[str, Any]:
        """What intervals are drawn with."""
        return {"seed": self.seed, "resamples": self.settings.resamples, "level": self.settings.level}


@dataclass
class Told:
    """What is found out; `rows` are the targets that predictions speak of."""

    measures: list[Measure]
    rows: Longs
    predictions: dict[str, Any]  # gold, answer, score, right, and what else there is
    curves: list[Curve] = field(default_factory=list)
    heats: list[Heat] = field(default_factory=list)
    clouds: list[Cloud] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Kind(Protocol):
    """A module of this folder."""

    def keep(self, answers: Answers, settings: Settings) -> Mapping[str, Tensor]:
        """Return what is needed later, [M, ...]."""
        ...

    def tell(self, example: Longs, kept: Columns, asked: Asked) -> Told:
        """Score M targets; those of an example stand together, in their order."""
        ...


def told(asked: Asked, metric: str, value: Interval, n: int, *, by: str = "", group: str = "") -> Measure:
    """Write down a number with its interval."""
    sure = {} if np.isnan(value.low) else {"low": value.low, "high": value.high}
    return Measure(system=asked.system, metric=metric, value=value.mean, n=n, by=by, group=group, **sure)


def sound(measures: Iterable[Measure]) -> list[Measure]:
    """Leave out what is no number: there was nothing to measure."""
    return [one for one in measures if not np.isnan(one.value)]


def share(asked: Asked, metric: str, right: NDArray[Any], example: Longs) -> Measure:
    """Return a mean over targets; examples are drawn for its interval, with all their targets."""
    if len(np.unique(example)) == len(example):
        return told(asked, metric, bootstrap(right, **asked.draws), len(right))
    from kbtools.metrics.resampling import intervals  # noqa: PLC0415

    rows = np.stack([by_example(right, example), by_example(np.ones(len(right)), example)], axis=1)
    (found,) = intervals(rows, lambda sums: sums[..., :1] / np.maximum(sums[..., 1:], 1), **asked.draws)
    return told(asked, metric, found, len(right))


def by_example(values: NDArray[Any], example: Longs) -> Floats:
    """Sum values of targets that stand together, example by example."""
    first = np.flatnonzero(np.append(True, example[1:] != example[:-1])) if len(example) else np.zeros(0, int)
    found: Floats = np.add.reduceat(values.astype(np.float64), first) if len(first) else np.zeros(0)
    return found


def micro(asked: Asked, counts: Counts, prefix: str = "") -> list[Measure]:
    """Return precision, recall and F1 over all counts [D]; n is how many there are to be found."""
    found = micro_intervals(counts, **asked.draws)
    n = int(counts.tp.sum() + counts.fn.sum())
    return [told(asked, f"{prefix}{name}", one, n) for name, one in zip(METRICS, found, strict=True)]


def of_classes(
    asked: Asked, by: str, names: Sequence[str], scores: Floats, gold: Longs
) -> tuple[list[Measure], list[Curve]]:
    """Return a line of the report for each class, and a plot of the most frequent ones; scores [C, 3]."""
    order = np.argsort(-gold, kind="stable")
    order = order[gold[order] > 0]
    measures = [
        Measure(system=asked.system, metric=metric, value=float(scores[at, place]), n=int(gold[at]), by=by,
                group=names[at])
        for at in order.tolist() for place, metric in enumerate(METRICS)
    ]  # fmt: skip
    some = order[: asked.settings.classes].tolist()
    lines = [
        Line(name=metric, x=[names[at] for at in some], y=[float(scores[at, place]) for at in some])
        for place, metric in enumerate(METRICS)
    ]
    title = f"{asked.system}: {by}"
    curve = Curve(name=_file(f"{asked.system} {by}"), title=title, x=by, y="score", lines=lines)
    return measures, [curve] if some else []


def calibrated(asked: Asked, score: NDArray[Any], right: Bools) -> tuple[list[Measure], list[Curve]]:
    """Tell whether what is said to be likely is."""
    bins = reliability(np.asarray(score, np.float64), right)
    error = calibration_error(bins)
    measure = Measure(system=asked.system, metric="calibration error", value=error, n=len(right))
    lines = [
        Line(name=asked.system, x=bins.said.tolist(), y=bins.right.tolist()),
        Line(name="as it should be", x=[0.0, 1.0], y=[0.0, 1.0]),
    ]
    curve = Curve(
        name=_file(f"{asked.system} calibration"), title=f"{asked.system}: is it as sure as it is right?",
        x="said", y="right", lines=lines,
    )  # fmt: skip
    return ([measure], [curve]) if len(right) else ([], [])


def confused(asked: Asked, table: Longs) -> tuple[list[Heat], dict[str, bytes]]:
    """Show which class is taken for which: the most frequent ones as a picture, all as text."""
    names, total = asked.names, table.sum(axis=0) + table.sum(axis=1)
    head = "\t".join(["gold", *names])
    rows = ["\t".join([name, *map(str, row)]) for name, row in zip(names, table.tolist(), strict=True)]
    text = "\n".join([head, *rows, ""]).encode()
    name = _file(f"{asked.system} confusion")
    some = np.sort(np.argsort(-total, kind="stable")[: asked.settings.classes])
    words = [names[at] for at in some.tolist()]
    heat = Heat(
        name=name, title=f"{asked.system}: which class is taken for which", x="answer", y="gold",
        columns=words, rows=words, values=table[np.ix_(some, some)].astype(float).tolist(),
    )  # fmt: skip
    return [heat], {f"{name}.tsv": text}


def classes_of(asked: Asked, numbers: NDArray[Any]) -> pa.Array:
    """Name classes by number; below 0: null."""
    at = np.asarray(numbers, np.int64)
    return pa.array(asked.names, pa.string()).take(pa.array(at, mask=at < 0))


def _file(words: str) -> str:
    return "-".join("".join(one if one.isalnum() else " " for one in words).split())
