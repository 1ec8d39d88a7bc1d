"""Plots of a report as SVG; the same numbers give the same bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kbtools.extras import need

if TYPE_CHECKING:
    from kbtools.metrics import Curve, Line

STYLE = {
    "svg.hashsalt": "kbtools",  # else its ids are random
    "svg.fonttype": "none",  # text stays text: it can be searched, and any script is shown
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
MARKS = "osD^vPX"
MARKED = 12  # of the points of a long line, about as many have a mark
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")  # Okabe and Ito


def check() -> None:
    """Say what is missing before hours of work, not after."""
    need("matplotlib", extra="plot", why="drawing plots")


@contextmanager
def canvas(width: float, height: float) -> Iterator[Any]:
    """Give a figure of so many inches; it is drawn on and turned into SVG in here, so that all look alike."""
    matplotlib: Any = need("matplotlib", extra="plot", why="drawing plots")
    figures: Any = need("matplotlib.figure", extra="plot", why="drawing plots")
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the reader's fonts are used, not ours
        yield figures.Figure(figsize=(width, height), layout="constrained")


def svg(figure: Any) -> bytes:
    """Write a figure as SVG; no date stands in it."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def draw(curve: Curve) -> bytes:
    """Draw one plot."""
    with canvas(7.5, 4.2) as figure:
        axes = figure.subplots()
        words = _words(curve)
        for number, line in enumerate(curve.lines):
            _add(axes, line, words, number, len(curve.lines))
        if words:
            axes.set_xticks(range(len(words)), [plain(word) for word in words])
            if max(map(len, words)) > 8:
                for label in axes.get_xticklabels():
                    label.set(rotation=30, ha="right", rotation_mode="anchor")
        elif curve.log_x:
            ticks = sorted({float(x) for line in curve.lines for x in line.x})
            axes.set_xscale("log")
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
            axes.minorticks_off()
        axes.set(title=plain(curve.title, 80), xlabel=plain(curve.x), ylabel=plain(curve.y))
        axes.grid(axis="y", alpha=0.3)
        if curve.lines:
            figure.legend(frameon=False, loc="outside right upper")
        return svg(figure)


def _add(axes: Any, line: Line, words: list[str], number: int, lines: int) -> None:
    """Draw a line with a band, or over words: points side by side with bars."""
    look = {"marker": MARKS[number % len(MARKS)], "color": COLOURS[number % len(COLOURS)]}
    if not words:
        some = max(1, len(line.x) // MARKED)
        axes.plot(line.x, line.y, label=plain(line.name), markevery=some, **look)
        if line.low:
            axes.fill_between(line.x, line.low, line.high, alpha=0.15, linewidth=0, color=look["color"])
        return
    place = {word: at for at, word in enumerate(words)}
    shift = (number - (lines - 1) / 2) * 0.8 / max(lines, 4)
    at = [place[str(x)] + shift for x in line.x]
    spread = None
    if line.low:
        spread = [
            [max(0.0, y - low) for y, low in zip(line.y, line.low, strict=True)],
            [max(0.0, high - y) for y, high in zip(line.y, line.high, strict=True)],
        ]
    axes.errorbar(at, line.y, yerr=spread, linestyle="", label=plain(line.name), capsize=2, **look)


def _words(curve: Curve) -> list[str]:
    """List the words on the x axis in order of appearance; none if there are numbers."""
    return list(dict.fromkeys(x for line in curve.lines for x in line.x if isinstance(x, str)))


def plain(text: str, most: int = 40) -> str:
    """Take away what would be read as a formula or as another line."""
    short = " ".join(text.split()).replace("$", r"\$")
    return short if len(short) <= most else short[: most - 1] + "…"
