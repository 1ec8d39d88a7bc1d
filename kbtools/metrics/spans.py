"""Names with types among tags of tokens, and which of them were found.

Tags are a letter and a type: B-LOC, I-LOC, O. All ways to write them are read alike, as the scorer of the
CoNLL shared tasks reads them (Tjong Kim Sang and De Meulder 2003): I alone begins a name where none goes on
(IOB1), E or L ends one, S, U or W is one by itself (IOBES, BILOU), M is I; what has a type and no letter is
I. So no tags are wrong, some only odd. A name is found if its place and its type are just those of gold.

    prefix   O 0 · B 1 · I 2 · E 3 · S 4

Nothing but arithmetic and indexing is done to arrays: tensors may be given in their place, on any device.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

OUTSIDE = "O"
LETTERS = {"B": 1, "I": 2, "M": 2, "E": 3, "L": 3, "S": 4, "U": 4, "W": 4}
O, B, I, E, S = range(5)  # noqa: E741 - the names that tags have

_TAG = re.compile(r"([BIMELSUW])(?:[-_](.+))?")

Array = Any  # of numpy, or a tensor


class Scheme(NamedTuple):
    """What classes mean as tags."""

    prefix: list[int]  # by class
    type: list[int]  # by class, a place in `types`; −1: outside
    types: list[str]


class Marks(NamedTuple):
    """Where names are, token by token."""

    begins: Array  # [M] bool
    ends: Array  # [M] bool
    since: Array  # [M] int, the token that began the last name up to here; −1: there was none
    type: Array  # [M] int


class Spans(NamedTuple):
    """Names, one after the other; places are those of the tokens that have a tag."""

    start: Array
    end: Array  # the last token
    type: Array


def scheme(names: Sequence[str]) -> Scheme | None:
    """Read classes as tags; None: they are no tags of names, but parts of speech, say.

    >>> scheme(["B-LOC", "I-LOC", "O"])
    Scheme(prefix=[1, 2, 0], type=[0, 0, -1], types=['LOC'])
    """
    read = [_TAG.fullmatch(name) for name in names]
    outside = [name == OUTSIDE for name in names]
    if not any(outside) and not all(read):
        return None
    told = [
        (O, "") if out else (LETTERS[one[1]], one[2] or "") if one else (I, name)
        for name, one, out in zip(names, read, outside, strict=True)
    ]
    types = sorted({kind for letter, kind in told if letter})
    return Scheme(
        [letter for letter, _ in told],
        [types.index(kind) if letter else -1 for letter, kind in told],
        types,
    )


def marks(
    prefix: Array, type_: Array, sequence: Array, latest: Callable[[Array], Array] = np.maximum.accumulate
) -> Marks:
    """Mark where names begin and end; `latest` is the running maximum.

    Tokens [M] stand in order, those of a `sequence` (a number) together: no name goes from one into another.
    """
    at = (prefix >= O).cumsum(0) - 1  # 0, 1, 2 ...
    last = len(prefix) - 1
    before, behind = (at - 1).clip(min=0), (at + 1).clip(max=max(last, 0))
    opens = (at == 0) | (sequence[before] != sequence)
    closes = (at == last) | (sequence[behind] != sequence)
    begins = _goes_over(prefix[before] * ~opens, prefix, type_[before], type_)
    ends = _stops(prefix, prefix[behind] * ~closes, type_, type_[behind])
    return Marks(begins, ends, latest((at + 1) * begins) - 1, type_)


def found(gold: Marks, answer: Marks) -> Array:
    """Mark the last token of each name that is in both, [M] bool."""
    same = (gold.since == answer.since) & (gold.type == answer.type)
    return gold.ends & answer.ends & same


def names(told: Marks) -> Spans:
    """List names, in order."""
    end = np.flatnonzero(told.ends)
    start = np.asarray(told.since)[end]
    return Spans(start, end, np.asarray(told.type)[end])


def _goes_over(before: Array, here: Array, type_before: Array, type_here: Array) -> Array:
    """Tell whether a name begins here, by the tag before."""
    begins = (here == B) | (here == S)
    fresh = (before == O) | (before == E) | (before == S) | (type_before != type_here)
    return begins | ((here != O) & fresh)


def _stops(here: Array, behind: Array, type_here: Array, type_behind: Array) -> Array:
    """Tell whether a name ends here, by the tag behind."""
    ends = (here == E) | (here == S)
    fresh = (behind == O) | (behind == B) | (behind == S) | (type_behind != type_here)
    return ends | ((here != O) & fresh)
