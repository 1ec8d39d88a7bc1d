"""Pictures of many points: colours for groups, names for some, so that no two names lie on each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kbtools.report.plots import COLOURS, canvas, plain, svg

if TYPE_CHECKING:
    from kbtools.metrics import Cloud

WIDTH, HEIGHT = 9.0, 6.5  # inches
SHARE = 0.72  # of the width that is left beside the legend, about
SIZE = 8.0  # of names, in points
LETTER = 0.6  # the width of a letter by its height; wide ones (CJK) have 1
PALETTE = (*COLOURS, "#8C564B", "#9A9A9A", "#D0D0D0")  # greys for the rest, which lies below
FROM = 500  # points from which on they are drawn as one image: files stay small

Box = tuple[float, float, float, float]


def draw(cloud: Cloud) -> bytes:
    """Draw one."""
    with canvas(WIDTH, HEIGHT) as figure:
        axes = figure.subplots()
        many = sum(len(group.y) for group in cloud.groups)
        for number, group in enumerate(cloud.groups):
            axes.scatter(
                group.x, group.y, s=max(4.0, min(20.0, 20000 / max(many, 1))), linewidths=0, alpha=0.6,
                color=PALETTE[min(number, len(PALETTE) - 1)], zorder=-number,
                label=plain(group.name, 30), rasterized=many > FROM,
            )  # fmt: skip
        axes.set(title=plain(cloud.title, 80), xlabel=plain(cloud.x), ylabel=plain(cloud.y))
        for x, y, text, right in _placed(axes, cloud.names):
            axes.annotate(
                text, (x, y), xytext=(3 if right else -3, 2), textcoords="offset points", fontsize=SIZE,
                ha="left" if right else "right",
                bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "alpha": 0.6, "linewidth": 0},
            )  # fmt: skip
        if cloud.groups:
            figure.legend(frameon=False, loc="outside right upper", markerscale=2)
        figure.set_dpi(150)
        return svg(figure)


def _placed(axes: Any, names: Sequence[tuple[float, float, str]]) -> Iterator[tuple[float, float, str, bool]]:
    """Put names right of their points, or left; leave out those that would lie on another."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    across, up = (right - left) / (WIDTH * SHARE * 72), (high - low) / (HEIGHT * 0.85 * 72)  # of a point
    taken: list[Box] = []
    for x, y, said in names:
        text = plain(said, 28)
        width = sum(1.0 if ord(letter) > 0x2E7F else LETTER for letter in text) * SIZE * across
        height = 1.4 * SIZE * up
        for box, to_right in (((x, y, x + width, y + height), True), ((x - width, y, x, y + height), False)):
            inside = left <= box[0] and box[2] <= right
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                yield x, y, text, to_right
                break


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
