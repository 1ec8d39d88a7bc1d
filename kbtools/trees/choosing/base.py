"""What it takes to be a criterion, by which facts are scored.

A module of this package is one if it has a `CRITERION`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kbtools.trees.base import I64
from kbtools.trees.facts import Facts

Floats = NDArray[np.float64]
Encode = Callable[[Sequence[str]], NDArray[np.float32]]
FOLDER = "choosing"  # beside the facts: what is worked out once for all tasks


class Given(NamedTuple):
    """C facts to be scored; those of a sentence if the criterion asks for it."""

    facts: Facts
    rows: I64  # [C] of the facts
    texts: Sequence[str]  # sentences
    sentence: I64  # [C] a place in `texts`; empty if the criterion does not ask
    predicate: bool  # whether branches say the relation
    encode: Encode | None  # texts as vectors

    @property
    def folder(self) -> Path:
        """Where it lies that was worked out before."""
        return self.facts.folder / FOLDER


class Criterion(Protocol):
    """One way to tell facts that are worth a branch from others."""

    of_sentence: ClassVar[bool]  # whether a score depends on the sentence

    def prepare(self, facts: Facts, folder: Path) -> None:
        """Work out, once for all tasks, what all facts together tell; write it into the folder."""
        ...

    def score(self, given: Given) -> Floats:
        """Return C scores: between 0 and 1, or between −1 and 1 where there is an opposite."""
        ...
