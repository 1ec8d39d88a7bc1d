"""Mentions of which it is known what they mean, as models learn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kbtools.arrays import ranges
from kbtools.linkers.base import Longs, Marks
from kbtools.linkers.fitting.evidence import Doubles, Evidence


class Scores(NamedTuple):
    """Log-odds of candidates and of none, up to what all of a mention have in common."""

    candidate: Doubles  # [C]
    nil: Doubles  # [M]


@dataclass(frozen=True, eq=False)
class Examples:
    """M mentions with C candidates; where no candidate is right, none is meant."""

    evidence: Evidence
    offsets: Longs  # [M + 1]
    right: Marks  # [C]

    @cached_property
    def owner(self) -> Longs:
        """The mention of each candidate."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @cached_property
    def none(self) -> Marks:
        """Which mentions mean none of their candidates, [M]."""
        none: Marks = np.bincount(self.owner[self.right], minlength=len(self.offsets) - 1) == 0
        return none

    @cached_property
    def some(self) -> Longs:
        """The mentions with candidates."""
        return np.flatnonzero(np.diff(self.offsets))

    def take(self, rows: Longs) -> Examples:
        """Keep some mentions."""
        lengths = np.diff(self.offsets)[rows]
        at = ranges(self.offsets[:-1][rows], lengths)
        kept = Evidence(self.evidence.candidate[at], self.evidence.nil[rows])
        return Examples(kept, np.concatenate([[0], np.cumsum(lengths)]), self.right[at])


def together(parts: Sequence[Examples]) -> Examples:
    """Put examples one after the other."""
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return Examples(
        Evidence(*(np.concatenate(columns) for columns in zip(*(p.evidence for p in parts), strict=True))),
        np.concatenate([[0], np.cumsum(lengths)]),
        np.concatenate([part.right for part in parts]),
    )


def shares(
    examples: Examples, scores: Scores, only: tuple[Marks, Marks] | None = None
) -> tuple[Scores, Doubles]:
    """Return the softmax over each mention's candidates and none, and the logarithm of its sum.

    `only` marks the candidates, and the mentions whose none, that take part.
    """
    owner, count = examples.owner, len(examples.offsets) - 1
    candidate, nil = scores
    if only is not None:
        candidate = np.where(only[0], candidate, -np.inf)
        nil = np.where(only[1], nil, -np.inf)
    top = nil.copy()
    some = examples.some
    if len(some):
        top[some] = np.maximum(top[some], np.maximum.reduceat(candidate, examples.offsets[:-1][some]))
    parts, rest = np.exp(candidate - top[owner]), np.exp(nil - top)
    total = rest + np.bincount(owner, weights=parts, minlength=count)
    return Scores(parts / total[owner], rest / total), np.log(total) + top


def loss(examples: Examples, scores: Scores) -> tuple[float, Scores]:
    """Return −Σ ln p(what is right), and how it changes with each score."""
    said, whole = shares(examples, scores)
    wanted, part = shares(examples, scores, (examples.right, examples.none))
    change = Scores(said.candidate - wanted.candidate, said.nil - wanted.nil)
    return float((whole - part).sum()), change
