"""Ranks in, numbers out: MRR, mean rank, hits, and how far that is above chance; plots, every query.

    AMRI = 1 − (MR − 1) / (E[MR] − 1)       E[MR]: the mean rank of answers in a random order

is 1 where all right answers come first, 0 for chance, below 0 for worse (Berrendorf et al. 2020). Unlike mean
ranks, it can be compared where numbers of candidates differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools import metrics
from kbtools.metrics import Curve, Line, Measure
from kbtools.tasks.candidates.groups import Groups
from kbtools.tasks.linkprediction import Settings
from kbtools.tasks.linkprediction.ranks import F64, I64, Ranks, Ties

AT = (1, 3, 10)  # the k of Hits@k
TIES: tuple[Ties, ...] = ("realistic", "optimistic", "pessimistic")
MAIN = "MRR"


class System(NamedTuple):
    """One way to rank the same queries."""

    name: str
    ranks: F64  # [N, 2]
    candidates: I64  # [N, 2]
    counts: bool  # whether it is the one to look at: intervals, and a line in each breakdown


def systems(ranks: Ranks, settings: Settings) -> list[System]:
    """List the ways to rank: filtered and raw, with ties in the middle, then first and last."""
    ways = [("raw", True)] if settings.filter == "none" else [("filtered", False), ("raw", True)]
    return [
        System(f"{way}, {ties}", ranks.of(ties, raw=raw), ranks.candidates(raw=raw), ties == TIES[0])
        for way, raw in ways
        for ties in TIES
    ]


def measures(
    ways: Sequence[System], groups: Sequence[Groups], settings: Settings, seed: int
) -> Iterator[Measure]:
    """Measure each way over all queries, those that count in each group, too."""
    everything = Groups("", [""], np.zeros(ways[0].ranks.shape, np.int64))
    for one in (everything, *groups):
        for at, name in enumerate(one.names):
            inside = one.group == at
            if not inside.any():
                continue
            for way in ways:
                if way.counts or not one.by:
                    yield from _measures(way, inside, settings, seed, (one.by, name))


def _measures(
    way: System, inside: NDArray[np.bool_], settings: Settings, seed: int, told: tuple[str, str]
) -> Iterator[Measure]:
    """Measure some queries; `told` says by what they are told apart, and which they are."""
    ranks, chance = way.ranks[inside], (way.candidates[inside] + 1) / 2
    each = {MAIN: 1 / ranks, **{f"Hits@{k}": (ranks <= k).astype(np.float64) for k in AT}, "MR": ranks}
    for metric, values in each.items():
        interval = None
        if way.counts:
            coarse = _coarse(values) if metric in {MAIN, "MR"} else values
            interval = metrics.bootstrap(
                coarse, seed=seed, resamples=settings.resamples, level=settings.level
            )
        yield _measure(way.name, metric, metrics.mean(values), len(ranks), told, interval=interval)
    above = float(chance.mean()) - 1  # the interval is that of MR, which came last, upside down
    if above > 0:
        ends = interval and metrics.Interval(*(1 - (interval[at] - 1) / above for at in (0, 2, 1)))
        amri = 1 - (float(ranks.mean()) - 1) / above
        yield _measure(way.name, "AMRI", amri, len(ranks), told, interval=ends)


def _measure(
    system: str,
    metric: str,
    value: float,
    n: int,
    told: tuple[str, str],
    *,
    interval: metrics.Interval | None = None,
) -> Measure:
    return Measure(
        system=system, metric=metric, value=value, n=n, by=told[0], group=told[1],
        low=interval and interval.low, high=interval and interval.high,
    )  # fmt: skip


def _coarse(values: F64) -> F64:
    """Round to three digits: what is resampled are the distinct values, and an interval is no more exact."""
    size = 10.0 ** np.floor(np.log10(values) - 2)
    found: F64 = np.round(values / size) * size
    return found


def curves(told: Sequence[Measure]) -> Iterator[Curve]:
    """Draw hits over k, and MRR in the groups that are few."""
    ways = metrics.systems(one for one in told if one.by)
    yield Curve(
        name="hits",
        title="The right answer is among the first k",
        x="k",
        y="Hits@k",
        log_x=True,
        lines=[
            _line(way, [(at, one) for at in AT for one in told if _is(one, way, "", f"Hits@{at}")])
            for way in ways
        ],
    )
    for by in ("category and what is asked for", "seen in training"):
        lines = [_line(way, [(one.group, one) for one in told if _is(one, way, by, MAIN)]) for way in ways]
        if any(len(line.x) > 1 for line in lines):
            yield Curve(name=by.split()[0], title=f"MRR by {by}", x=by, y=MAIN, lines=lines)


def _is(one: Measure, system: str, by: str, metric: str) -> bool:
    return (one.system, one.by, one.metric) == (system, by, metric)


def _line(name: str, points: Sequence[tuple[float | str, Measure]]) -> Line:
    return Line(
        name=name,
        x=[x for x, _ in points],
        y=[one.value for _, one in points],
        low=[one.value if one.low is None else one.low for _, one in points],
        high=[one.value if one.high is None else one.high for _, one in points],
    )
