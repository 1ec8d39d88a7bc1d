"""Where the tokens of a tree stand in a drawing: the trunk in lines, branches below their words.

All is counted in cells of a terminal (a Chinese character has two) and in rows of tokens: row 0 is the trunk.
Branches of words on the right stand as high as they can, those on the left below what they would run into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from rich.cells import cell_len

GAP = 2  # cells between tokens
STEM = 3  # cells that lead to a branch
NARROWEST = 20  # cells that are used at the least
EMPTY = "∅"  # a token that is no text at all


class Tree(Protocol):
    """What is drawn: arrays of one length, as a row of `trees` has them."""

    @property
    def tokens(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def soft(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def branch(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def word(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def segment(self) -> Sequence[int]: ...  # noqa: D102


class Token(NamedTuple):
    """A token, as it is shown."""

    place: int  # in the row
    text: str
    soft: int
    branch: int
    word: int
    segment: int

    @property
    def width(self) -> int:
        """Cells that it and its soft position need."""
        return max(cell_len(self.text), len(str(self.soft)))


class Placed(NamedTuple):
    """A token and where it stands."""

    token: Token
    row: int
    column: int


class Hung(NamedTuple):
    """A branch and where it hangs: its stem goes down one column, from `top`, to its first row."""

    column: int
    top: int  # the row above which the stem is not its own: 1, or behind the branch before it
    tokens: list[Placed]
    final: bool  # the last of its word

    @property
    def row(self) -> int:
        """Where it begins."""
        return self.tokens[0].row

    @property
    def bottom(self) -> int:
        """Behind its last row."""
        return self.tokens[-1].row + 1


class Head(NamedTuple):
    """A word that has branches: its columns."""

    first: int
    last: int
    several: bool  # tokens


class Line(NamedTuple):
    """A line of the trunk with what hangs below it."""

    trunk: list[Placed]
    heads: list[Head]
    branches: list[Hung]

    @property
    def rows(self) -> int:
        """How many rows it needs."""
        return max((one.bottom for one in self.branches), default=1)


def lay(tree: Tree, width: int, shown: Callable[[str], str]) -> list[Line]:
    """Lay a tree out in lines of at most `width` cells; `shown` makes a token fit to be seen."""
    width = max(width, NARROWEST)
    tokens = list(_tokens(tree, shown))
    branches: dict[int, list[list[Token]]] = {}
    inside = (one for one in tokens if one.branch)
    for (word, _), group in groupby(inside, lambda one: (one.word, one.branch)):
        branches.setdefault(word, []).append(list(group))
    trunk = [one for one in tokens if not one.branch]
    return [_line(line, branches, width) for line in _broken(trunk, branches, width)]


def _tokens(tree: Tree, shown: Callable[[str], str]) -> Iterator[Token]:
    segment = list(tree.segment) or [0] * len(tree.tokens)
    columns = zip(tree.tokens, tree.soft, tree.branch, tree.word, segment, strict=False)
    for place, (text, *rest) in enumerate(columns):
        yield Token(place, shown(text) or EMPTY, *rest)


def _long(tokens: Sequence[Token]) -> int:
    return sum(one.width for one in tokens) + GAP * (len(tokens) - 1)


def _broken(trunk: list[Token], branches: dict[int, list[list[Token]]], width: int) -> Iterator[list[Token]]:
    """Break the trunk into lines: a word stands where there is room for its branches below it."""
    line: list[Token] = []
    for (word, segment), group in groupby(trunk, lambda one: (one.word, one.segment)):
        tokens = list(group)
        below = max((STEM + _long(one) for one in branches.get(word, [])), default=0)
        at = _long(line) + GAP if line else 0
        if line and (at + max(_long(tokens), below) > width or line[-1].segment != segment):
            yield line
            line = []
        for one in tokens:  # a word may be longer than a line
            if line and _long([*line, one]) > width:
                yield line
                line = []
            line.append(one)
    if line:
        yield line


def _line(line: list[Token], branches: dict[int, list[list[Token]]], width: int) -> Line:
    trunk = list(_side_by_side(line, 0, 0))
    free = [1] * (width + STEM + GAP)  # the first free row of each column
    heads: list[Head] = []
    hung: list[Hung] = []
    for word in reversed(list(dict.fromkeys(one.word for one in line))):
        if word in branches:
            mine = [one for one in trunk if one.token.word == word]
            last = mine[-1].column + mine[-1].token.width - 1
            heads.append(Head(mine[0].column, last, len(mine) > 1))
            hung += _hung(branches.pop(word), mine[0].column, free, width)
    return Line(trunk, heads, hung)


def _hung(them: list[list[Token]], column: int, free: list[int], width: int) -> Iterator[Hung]:
    """Hang branches under a column, each as high as there is room for it."""
    row = top = 1
    for number, tokens in enumerate(them):
        chunks = _wrapped(tokens, max(width - column - STEM, 1))
        right = min(column + STEM + max(_long(one) for one in chunks) + GAP, len(free))
        row = max(row, *free[column:right])
        placed = [
            one for at, chunk in enumerate(chunks) for one in _side_by_side(chunk, row + at, column + STEM)
        ]
        yield Hung(column, top, placed, number == len(them) - 1)
        row = top = row + len(chunks)
        free[column:right] = [row] * (right - column)


def _side_by_side(tokens: Sequence[Token], row: int, column: int) -> Iterator[Placed]:
    for one in tokens:
        yield Placed(one, row, column)
        column += one.width + GAP


def _wrapped(tokens: Sequence[Token], width: int) -> list[list[Token]]:
    """Break a branch into rows."""
    found: list[list[Token]] = [[]]
    for one in tokens:
        if found[-1] and _long([*found[-1], one]) > width:
            found.append([])
        found[-1].append(one)
    return found
