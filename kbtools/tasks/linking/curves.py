"""The plots of an evaluation of links."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kbtools.metrics import Curve, Line, Measure, linking
from kbtools.tasks.linking import Settings
from kbtools.tasks.linking.judging import Judged
from kbtools.tasks.linking.slices import Slices

POINTS = 200  # of a precision-recall curve


def curves(
    systems: Sequence[Judged], measures: Sequence[Measure], slices: Sequence[Slices], settings: Settings
) -> Iterator[Curve]:
    """Draw precision over recall, reliability, candidates, and each way of slicing."""
    yield Curve(
        name="precision-recall",
        title="From the surest answer to all of them",
        x="recall",
        y="precision",
        lines=[_precision_recall(one) for one in systems if one.right.threshold.size],
    )
    bins = [(one, linking.reliability(one.linked.score, one.is_right, settings.bins)) for one in systems]
    yield Curve(
        name="reliability",
        title="Of the answers that are said to be so sure, as many are right",
        x="p, as said",
        y="share that is right",
        lines=[  # the ideal comes last: a linker has the same colour in all plots
            *(
                Line(name=one.name, x=told.said.tolist(), y=told.right.tolist())
                for one, told in bins
                if told.n.size
            ),
            Line(name="as it should be", x=[0.0, 1.0], y=[0.0, 1.0]),
        ],
    )
    ks = {f"first {k}": k for k in settings.at}
    yield Curve(
        name="candidates",
        title="The right entity is among the first k candidates",
        x="k",
        y="recall@k",
        log_x=True,
        lines=_lines(systems, [one for one in measures if one.by == "candidates"], lambda one: ks[one.group]),
    )
    for way in slices:
        told = [one for one in measures if one.by == way.by and one.metric == "recall"]
        yield Curve(
            name=way.by.replace(" ", "-"),
            title=f"Recall by {way.by}",
            x=way.by,
            y="recall",
            lines=_lines(systems, told, lambda one: one.group),
        )


def _precision_recall(one: Judged) -> Line:
    scores = linking.measured(one.right.counts)
    at = np.unique(np.linspace(0, len(scores) - 1, POINTS).astype(np.int64))
    return Line(name=one.name, x=scores[at, 1].tolist(), y=scores[at, 0].tolist())


def _lines(
    systems: Sequence[Judged], measures: Sequence[Measure], x: Callable[[Measure], float | str]
) -> list[Line]:
    lines = []
    for one in systems:
        mine = [measure for measure in measures if measure.system == one.name]
        lines.append(
            Line(
                name=one.name,
                x=[x(measure) for measure in mine],
                y=[measure.value for measure in mine],
                low=[measure.value if measure.low is None else measure.low for measure in mine],
                high=[measure.value if measure.high is None else measure.high for measure in mine],
            )
        )
    return lines
