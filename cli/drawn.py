"""A sentence tree drawn in a terminal: the trunk, branches below their words, soft positions below tokens.

Tim  Cook  is  visiting  Beijing  now
1    2    3      4         5      6
│                  │
└─ CEO  Apple      ├─ capital  China
3     4        │     6       7
└─ is_a  City
6     7
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import click
from rich.cells import cell_len

from kbtools.cli.printing import cell
from kbtools.trees.explaining.lines import Head, Hung, Line, Placed, Tree, lay

COLOURS = ("green", "magenta", "yellow", "cyan", "red")  # of branches, in turn
PLAIN, BOLD, DIM = 0, -1, -2  # looks; above 0: the number of a branch


class Piece(NamedTuple):
    """Something drawn."""

    row: int
    column: int
    text: str
    look: int


def show(tree: Tree, width: int, *, indent: int = 0) -> None:
    """Print the tree, coloured if the terminal can."""
    for row in rows(tree, width - indent):
        click.echo((" " * indent + "".join(_styled(text, look) for text, look in row)).rstrip())


def lines(tree: Tree, width: int) -> list[str]:
    """Return the drawing as plain text."""
    return ["".join(text for text, _ in row).rstrip() for row in rows(tree, width)]


def rows(tree: Tree, width: int) -> Iterator[list[tuple[str, int]]]:
    """Yield the rows of the drawing as texts and looks."""
    for at, line in enumerate(lay(tree, width, cell)):
        if at:
            yield []
        pieces = sorted(_drawn(line))
        for _, row in groupby(pieces, lambda piece: piece.row):
            yield _filled(row)


def _drawn(line: Line) -> Iterator[Piece]:
    heads = {one.first for one in line.heads}
    words = {one.token.word for one in line.trunk if one.column in heads}
    for one in line.trunk:
        yield from _token(one, BOLD if one.token.word in words else PLAIN)
    for head in line.heads:
        yield Piece(2, head.first, _across(head), DIM)
    for branch in line.branches:
        for one in branch.tokens:
            yield from _token(one, one.token.branch)
        yield from _stem(branch)


def _token(one: Placed, look: int) -> Iterator[Piece]:
    """Write a token, and its soft position in the row below, both in the middle."""
    row, soft = _height(one.row), str(one.token.soft)
    for at, (text, kind) in enumerate([(one.token.text, look), (soft, DIM)]):
        yield Piece(row + at, one.column + (one.token.width - cell_len(text)) // 2, text, kind)


def _height(row: int) -> int:
    """Turn rows of tokens into rows of the terminal: each has two, and stems begin below the trunk."""
    return 2 * row + (row > 0)


def _across(head: Head) -> str:
    return "├" + "─" * (head.last - head.first - 1) + "┘" if head.several else "│"


def _stem(one: Hung) -> Iterator[Piece]:
    first, last = _height(one.row), _height(one.bottom)
    for above in range(_height(one.top), first):
        yield Piece(above, one.column, "│", DIM)
    yield Piece(first, one.column, "└─" if one.final else "├─", DIM)
    if not one.final:
        for below in range(first + 1, last):
            yield Piece(below, one.column, "│", DIM)


def _filled(pieces: Iterable[Piece]) -> list[tuple[str, int]]:
    """Put spaces between the pieces of a row."""
    at, texts = 0, []
    for piece in pieces:
        texts += [(" " * (piece.column - at), PLAIN), (piece.text, piece.look)]
        at = piece.column + cell_len(piece.text)
    return texts


def _styled(text: str, look: int) -> str:
    if look > 0:
        return click.style(text, fg=COLOURS[(look - 1) % len(COLOURS)])
    if look == BOLD:
        return click.style(text, bold=True)
    return click.style(text, dim=True) if look == DIM else text
