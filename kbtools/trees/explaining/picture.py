"""A tree, and who sees whom in it, as SVG that stands in a page and has its colours from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from kbtools.io.html import line, seen
from kbtools.trees.explaining.lines import EMPTY, Head, Hung, Line, Placed, Tree, lay

HUES = 5  # of branches, in turn
CELLS, CELL = 112, 8.43  # of a line; how wide one is in a monospaced font of 14
ROW, BOX, PAD = 58, 26, 5
LARGEST, SMALLEST, WIDEST = 26, 3, 940  # a square of the matrix, and the whole
READABLE = 9  # squares that have room for a name
SINGLE = 64  # tokens, up to which each square says what it means
NAME = 18  # cells of a token beside the matrix


def hue(branch: int, segment: int = 0) -> str:
    """Return the class that colours a token."""
    return f"b{(branch - 1) % HUES}" if branch else ("second" if segment else "trunk")


def tree(one: Tree) -> str:
    """Draw the trunk in lines, branches below their words, soft positions below tokens."""
    parts, top, right = [], 1.0, 0.0
    for each in lay(one, CELLS, seen):
        parts.append(f'<g transform="translate(1 {top:g})">{"".join(_line(each))}</g>')
        placed = [*each.trunk, *(token for branch in each.branches for token in branch.tokens)]
        right = max(right, *(_x(token.column + token.token.width) for token in placed))
        top += each.rows * ROW + PAD
    return (
        f'<svg class="drawn" role="img" aria-label="the tree" width="{right + 2 * PAD:g}" height="{top:g}" '
        f'viewBox="0 0 {right + 2 * PAD:g} {top:g}">{"".join(parts)}</svg>'
    )


def _x(column: int) -> float:
    return PAD + column * CELL


def _line(one: Line) -> Iterator[str]:
    for head in one.heads:
        yield _under(head)
    for branch in one.branches:
        yield _stem(branch)
    for placed in one.trunk:
        yield _box(placed)
    for branch in one.branches:
        yield "".join(_box(placed) for placed in branch.tokens)


def _under(head: Head) -> str:
    """Draw a line below the tokens of a word, from which its branches hang."""
    low = BOX + 21
    return f'<path class="stem" d="M{_x(head.first):.1f} {low}H{_x(head.last + 1):.1f}"/>'


def _stem(one: Hung) -> str:
    x, middle = _x(one.column) + PAD, one.row * ROW + BOX / 2
    top = BOX + 21
    right = _x(one.tokens[0].column) - PAD
    return f'<path class="stem" d="M{x:.1f} {top}V{middle - 6:.1f}q0 6 6 6H{right:.1f}"/>'


def _box(placed: Placed) -> str:
    token, y = placed.token, placed.row * ROW
    x, width = _x(placed.column) - PAD, token.width * CELL + 2 * PAD
    what = f"branch {token.branch} of word {token.word}" if token.branch else f"trunk, word {token.word}"
    title = f"{token.text}: {what}, soft position {token.soft}"
    return (
        f'<g class="{hue(token.branch, token.segment)}"><title>{line(title)}</title>'
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BOX}" rx="5"/>'
        f'<text class="token" x="{x + width / 2:.1f}" y="{y + 18}">{line(token.text)}</text>'
        f'<text class="at" x="{x + width / 2:.1f}" y="{y + BOX + 14}">{token.soft}</text></g>'
    )


class _Grid(NamedTuple):
    """The squares of a matrix: what stands at its edges, how large they are, and where the first one is."""

    names: list[str]
    looks: list[str]  # classes
    branch: Sequence[int]
    size: int
    letters: int  # their height; 0: names have no room
    left: float

    def at(self, place: int) -> float:
        """Return where a row, or a column, begins."""
        return self.left + place * self.size


def matrix(one: Tree, visible: NDArray[np.bool_]) -> str:
    """Draw who sees whom: a row for each token that looks, a column for each that is seen."""
    names = [_short(seen(text) or EMPTY) for text in one.tokens]
    count = len(names)
    size = min(LARGEST, max(SMALLEST, WIDEST // max(count, 1)))
    letters = min(13, size - 1) if size >= READABLE else 0
    left = 12 + max((cell_len(name) for name in names), default=0) * letters * 0.61
    looks = [hue(*pair) for pair in zip(one.branch, list(one.segment) or [0] * count, strict=False)]
    grid = _Grid(names, looks, one.branch, size, letters, left)
    side, whole = count * size, left + count * size + 1
    parts = [
        f'<rect class="none" x="{left:.1f}" y="{left:.1f}" width="{side}" height="{side}"/>',
        *(_row(at, visible[at], grid) for at in range(count)),
        *(_edge(at, grid) for at in range(count)),
    ]
    return (
        f'<svg class="drawn" role="img" aria-label="who sees whom" width="{whole:.1f}" height="{whole:.1f}" '
        f'viewBox="0 0 {whole:.1f} {whole:.1f}">{"".join(parts)}</svg>'
    )


def _short(name: str) -> str:
    """Cut a long token."""
    if cell_len(name) <= NAME:
        return name
    while cell_len(name) >= NAME:
        name = name[:-1]
    return name + "…"


def _row(at: int, visible: NDArray[np.bool_], grid: _Grid) -> str:
    """Draw the squares of a row; those alike side by side are one, where there are many."""
    single = len(grid.names) <= SINGLE
    places = np.flatnonzero(visible).tolist()
    keyed = [(_look(at, place, grid), place if single else place - nth) for nth, place in enumerate(places)]
    gap = 1 if grid.letters else 0
    parts = []
    for (look, _), group in groupby(zip(keyed, places, strict=True), lambda pair: pair[0]):
        run = [place for _, place in group]
        first, last = run[0], run[-1]
        title = f"{grid.names[at]} sees {grid.names[first]}"
        title += f" … {grid.names[last]}" if last > first else ""
        parts.append(
            f'<rect class="{look}" x="{grid.at(first):.1f}" y="{grid.at(at):.1f}" '
            f'width="{len(run) * grid.size - gap}" height="{grid.size - gap}">'
            f"<title>{line(title)}</title></rect>"
        )
    return "".join(parts)


def _look(mine: int, other: int, grid: _Grid) -> str:
    """Return the classes of a square: trunk among itself, a branch among itself, a head and its branch."""
    if grid.branch[mine] == grid.branch[other]:
        return f"within {grid.looks[mine] if grid.branch[mine] else 'trunk'}"
    return f"across {grid.looks[mine if grid.branch[mine] else other]}"


def _edge(at: int, grid: _Grid) -> str:
    """Write a name at both edges, or only strips of colour where there is no room."""
    name, begins, edge = line(grid.names[at]), grid.at(at), grid.left
    parts = [
        f'<g class="{grid.looks[at]}"><title>{name}</title>',
        f'<rect x="{edge - 4:.1f}" y="{begins:.1f}" width="3" height="{grid.size}"/>',
        f'<rect x="{begins:.1f}" y="{edge - 4:.1f}" width="{grid.size}" height="3"/>',
    ]
    if grid.letters:
        middle = begins + grid.size / 2 + grid.letters * 0.35
        turned = f'transform="translate({middle:.1f} {edge - 7:.1f}) rotate(-90)"'
        for place, anchor in ((f'x="{edge - 7:.1f}" y="{middle:.1f}"', "end"), (turned, "start")):
            parts.append(f'<text {place} text-anchor="{anchor}" font-size="{grid.letters}">{name}</text>')
    return "".join([*parts, "</g>"])
