"""Pictures of tables of counts: the darker a cell, the greater its share of its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kbtools.report.plots import canvas, plain, svg

if TYPE_CHECKING:
    from kbtools.metrics import Heat

LEAST, CELL = 4.0, 0.42  # inches
NUMBERED = 20  # rows up to which counts are written into the cells
DARK = 0.55  # a share from which on they are written in white


def draw(heat: Heat) -> bytes:
    """Draw one."""
    wide = max(LEAST, CELL * len(heat.columns) + 2)
    high = max(LEAST, CELL * len(heat.rows) + 1.5)
    with canvas(wide, high) as figure:
        axes = figure.subplots()
        shares = [[value / max(sum(row), 1e-12) for value in row] for row in heat.values]
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(heat.columns)), [plain(one, 20) for one in heat.columns])
        axes.set_yticks(range(len(heat.rows)), [plain(one, 20) for one in heat.rows])
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right", rotation_mode="anchor")
        for row, values in enumerate(heat.values if len(heat.rows) <= NUMBERED else []):
            for column, value in enumerate(values):
                if value:
                    colour = "white" if shares[row][column] > DARK else "black"
                    axes.text(column, row, f"{value:g}", ha="center", va="center", color=colour, fontsize=8)
        axes.set(title=plain(heat.title, 60), xlabel=plain(heat.x), ylabel=plain(heat.y))
        return svg(figure)
