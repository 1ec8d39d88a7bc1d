"""`curves.svg`: how a training run went, on one page, drawn from metrics.jsonl.

The loss stands on top, with the borders of stages; below it, each smaller, what each objective costs, how
much of it is right, learning rates, the length of gradients and the pace. What was measured is pale, its
running mean is not; looks at dev are points. Same lines, same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kbtools.artefact.task import NEW
from kbtools.report import plots
from kbtools.runs import metrics
from kbtools.runs.metrics import Line, Points

STEP = "step"
WIDTH, TOP, ROW, LEAST = 11.0, 3.6, 2.4, 3  # inches; panels of a row
SHOWN = 400  # points of a line; of more, the means of neighbours are drawn
SMOOTH = 50  # the running mean reaches over this part of a line, to both sides
LEAST_SHARE = 0.05  # that an axis reaches to: below it there is little to see
SETTLED = 0.02  # of a run: losses before that are above the plot if those behind are far below
PALE, STRONG, DEV = "#9ecae1", "#0072B2", "#D55E00"
RATES = ("#009E73", *plots.COLOURS[3:], *plots.COLOURS[:2])


class Trace(NamedTuple):
    """One line of a panel."""

    points: Points
    name: str = ""
    smooth: bool = False


class Panel(NamedTuple):
    """One measure, or a few of a kind."""

    title: str
    train: list[Trace]
    dev: Points = Points([], [])
    share: bool = False  # from 0 to 1, shown in per cent
    zero: bool = False  # the axis begins at 0


def draw(path: Path) -> str:
    """Draw the run whose metrics.jsonl lies at `path`, finished or not; return SVG."""
    folder = path.resolve().parent
    name = folder.name if folder.name != NEW else folder.parent.name.removesuffix(".partial")
    return picture(metrics.read(path), name)


def picture(lines: Sequence[Line], title: str = "") -> str:
    """Draw a run from its lines."""
    found = list(panels(lines))
    if not found:
        found = [Panel("loss", [])]
    wide = LEAST if len(found) > LEAST else max(len(found) - 1, 1)
    rows = -(-(len(found) - 1) // wide)
    with plots.canvas(WIDTH, TOP + ROW * rows) as figure:
        grid = figure.add_gridspec(1 + rows, wide, height_ratios=[TOP / ROW, *[1.0] * rows])
        last = max((line["step"] for line in lines), default=1)
        borders = list(stages(lines))
        for number, panel in enumerate(found):
            place = grid[0, :] if not number else grid[1 + (number - 1) // wide, (number - 1) % wide]
            axes = figure.add_subplot(place)
            _fill(axes, panel, last)
            _borders(axes, borders, last, named=not number)
            if number:
                axes.set_title(plots.plain(panel.title), loc="left", fontsize=10)
            else:
                axes.set_ylabel(panel.title)
                axes.set_xlabel("step")
                axes.set_title(plots.plain(title, 80), loc="left", fontweight="bold", pad=18)
        return plots.svg(figure).decode()


def panels(lines: Sequence[Line]) -> Iterator[Panel]:
    """Lay out what there is to see, the loss first."""
    train, dev = metrics.trained(lines), metrics.looked(lines)
    loss = metrics.points(train, metrics.LOSS)
    if loss.steps or dev:
        yield Panel("loss", [Trace(loss, smooth=True)], metrics.points(dev, metrics.LOSS))
    for what, title_of in ((metrics.LOSS, "loss"), (metrics.RIGHT, "right"), (metrics.F1, "F1")):
        share = what != metrics.LOSS
        for name in metrics.measures([*train, *dev], what):
            title = f"{name.removesuffix(f'.{what}')}: {title_of}"
            mine = metrics.points(train, name), metrics.points(dev, name)
            if any(one.steps for one in mine):
                yield Panel(title, [Trace(mine[0], smooth=True)], mine[1], share=share)
    rates = dict(_rates(train))
    if rates:
        traces = [Trace(rate, name if len(rates) > 1 else "") for name, rate in rates.items()]
        yield Panel("learning rate", traces, zero=True)
    for name, title in (("grad_norm", "length of gradients"), ("tokens_per_second", "tokens a second")):
        if (one := metrics.points(train, name)).steps:
            yield Panel(title, [Trace(one, smooth=True)], zero=True)
    for name, title in (("mfu", "MFU"), ("loader_share", "waiting for batches")):
        if (one := metrics.points(train, name)).steps:
            yield Panel(title, [Trace(one)], share=True)


def _rates(train: Sequence[Line]) -> Iterator[tuple[str, Points]]:
    """Yield the learning rates of groups; of those that are the same all along, one."""
    told = [{**metrics.rates(one), STEP: one[STEP]} for one in train]
    seen = []
    for group in dict.fromkeys(name for one in told for name in one if name != STEP):
        rate = metrics.points(told, group)
        if rate.steps and rate not in seen:
            seen.append(rate)
            yield group, rate


def stages(lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    """Yield where each stage begins: the step before its first one, and its name."""
    before, last = None, 0
    for line in lines:
        name = line.get("stage")
        if name != before and isinstance(name, str) and "dev" not in line:
            yield last, name
            before = name
        last = line["step"]


def smoothed(points: Points) -> Points:
    """Return a running mean: of those around each point, the near ones count most (a bell curve)."""
    values = np.array(points.values)
    spread = len(values) / SMOOTH
    away = np.arange(-int(3 * spread), int(3 * spread) + 1)
    weights = np.exp(-0.5 * (away / max(spread, 1.0)) ** 2)
    reach = len(away) // 2
    sums, all_of = (
        np.convolve(one, weights)[reach : reach + len(values)] for one in (values, np.ones(len(values)))
    )
    return Points(points.steps, (sums / all_of).tolist())


def thinned(points: Points, most: int = SHOWN) -> Points:
    """Take the means of neighbours, if there are more points than can be seen."""
    if len(points.steps) <= most:
        return points
    parts = np.array_split(np.arange(len(points.steps)), most)
    steps, values = np.array(points.steps), np.array(points.values)
    return Points([int(steps[part[-1]]) for part in parts], [float(values[part].mean()) for part in parts])


def limits(panel: Panel) -> tuple[float, float] | None:
    """Choose the ends of the axis: what is settled is seen, an outlier and the first steps may not be."""
    raw = np.array([value for trace in panel.train for value in trace.points.values])
    settled = [
        value
        for trace in panel.train
        for value in trace.points.values[int(SETTLED * len(trace.points.values)) :]
    ]
    if panel.share:
        top = max([*raw, *panel.dev.values], default=1.0)
        return 0.0, min(1.0, max(1.1 * top, LEAST_SHARE))
    seen = [*panel.dev.values, *(np.quantile(settled, [0.0, 0.995]).tolist() if settled else [])]
    if not seen:
        return None
    low, high = (0.0 if panel.zero else min(seen)), max(seen)
    room = 0.06 * (high - low) or max(abs(high), 1.0) * 0.06
    return (0.0 if panel.zero else low - room), high + room


def _fill(axes: Any, panel: Panel, last: int) -> None:
    for number, trace in enumerate(panel.train):
        mine = thinned(trace.points)
        several = len(panel.train) > 1 or not trace.smooth
        colour = RATES[number % len(RATES)] if several else STRONG
        many = len(trace.points.steps) > SMOOTH and trace.smooth
        if many:
            pale = {"color": PALE} if not several else {"color": colour, "alpha": 0.3}
            axes.plot(*mine, linewidth=0.9, **pale)
            mine = smoothed(mine)
        dots = {"marker": "."} if len(mine.steps) < 3 else {}
        axes.plot(*mine, color=colour, linewidth=1.6, label=plots.plain(trace.name or "train"), **dots)
    if panel.dev.steps:
        axes.plot(*panel.dev, color=DEV, linewidth=0.8, marker="o", markersize=3.5, label="dev", zorder=5)
    axes.set_xlim(0, max(last, 1) * 1.01)
    if (ends := limits(panel)) is not None:
        axes.set_ylim(*ends)
    axes.xaxis.set_major_formatter(lambda x, _: _amount(x))
    axes.yaxis.set_major_formatter(
        (lambda y, _: f"{100 * y:.3g} %") if panel.share else (lambda y, _: _amount(y))
    )
    axes.locator_params(axis="x", nbins=6)
    axes.locator_params(axis="y", nbins=5)
    axes.grid(axis="y", alpha=0.25, linewidth=0.6)
    axes.tick_params(labelsize=8.5, length=2.5)
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(frameon=False, fontsize=8.5, loc="best")


def _borders(axes: Any, borders: Sequence[tuple[int, str]], last: int, *, named: bool) -> None:
    """Mark where stages begin, if there are several; name them over the largest panel."""
    if len(borders) < 2:
        return
    for step, name in borders:
        if step:
            axes.axvline(step, color="#888888", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        if named:
            axes.annotate(
                plots.plain(name, 24), (step / (max(last, 1) * 1.01), 1.0), xycoords="axes fraction",
                xytext=(3, 3), textcoords="offset points", fontsize=8.5, color="#555555",
            )  # fmt: skip


def _amount(value: float) -> str:
    """Write a number on an axis, in few characters.

    >>> _amount(20000), _amount(2500000), _amount(0.0001), _amount(1500), _amount(0)
    ('20k', '2.5M', '1e-4', '1,500', '0')
    """
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * unit or (abs(value) >= unit and unit == 1e6):
            return f"{value / unit:.6g}{name}"
    if value and abs(value) < 1e-2:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:,.5g}" if abs(value) < 1e3 else f"{value:,.0f}"
