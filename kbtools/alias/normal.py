"""The normal forms of columns of names; most names are plain ASCII, where they are quickly told."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.kb.schema import STR
from kbtools.text import BARE, CASE, EXACT, FOLDED, Form, normalise_many

Words: TypeAlias = pa.StringArray


class Rungs(NamedTuple):
    """What names are on the rungs between their exact spelling and their norm."""

    case: Words
    folded: Words


def exact(text: Words) -> Words:
    """Return names without accidents of typing: the EXACT form."""
    return _by_hand(text, text, _forms(EXACT))


def norm(surface: Words) -> Words:
    """Return the key that a name, spelt EXACTly, is found by: its BARE form; FOLDED if nothing is left of it.

    >>> norm(pa.array(["O'Hara", "!!!"])).to_pylist()
    ['ohara', '!!!']
    """
    return _by_hand(surface, pc.ascii_lower(surface), _norms)


def rungs(surface: Words) -> Rungs:
    """Return the CASE and the FOLDED forms of names spelt EXACTly."""
    lower = pc.ascii_lower(surface)
    case = _by_hand(surface, lower, _forms(CASE))
    return Rungs(case, _by_hand(surface, lower, _forms(CASE, FOLDED)))


def _forms(*forms: Form) -> Callable[[list[str]], list[str]]:
    def run(names: list[str]) -> list[str]:
        for form in forms:
            names = normalise_many(names, form)
        return names

    return run


def _norms(surfaces: list[str]) -> list[str]:
    bare = normalise_many(surfaces, BARE)
    if lost := [i for i, name in enumerate(bare) if not name]:
        for i, name in zip(lost, normalise_many([surfaces[i] for i in lost], FOLDED), strict=True):
            bare[i] = name
    return bare


def _by_hand(text: Words, simple: Words, work: Callable[[list[str]], list[str]]) -> Words:
    """Return `simple`, but what `work` makes of names that are not plain."""
    odd = ~plain(text)
    if not odd.any():
        return simple
    mask = pa.array(odd)
    return pc.replace_with_mask(simple, mask, pa.array(work(text.filter(mask).to_pylist()), STR))


def plain(text: Words) -> NDArray[np.bool_]:
    """Mark names of ASCII letters, digits and single spaces: only by case can they differ from their norm."""
    data, offsets = hashing.buffers(text)
    odd = _odd()[data]
    space = data == ord(" ")
    odd[1:] |= space[1:] & space[:-1]
    filled = np.flatnonzero(offsets[1:] > offsets[:-1])
    firsts, lasts = offsets[:-1][filled], offsets[1:][filled] - 1
    odd[firsts] |= space[firsts]
    odd[lasts] |= space[lasts]
    sums = np.zeros(len(data) + 1, np.int32)
    np.cumsum(odd, out=sums[1:])
    found: NDArray[np.bool_] = sums[offsets[1:]] == sums[offsets[:-1]]
    return found


@cache
def _odd() -> NDArray[np.bool_]:
    table = np.ones(256, bool)
    for char in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ":
        table[ord(char)] = False
    return table
