"""The normal forms of columns of names; most names are plain ASCII, where they are quickly told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.kb.schema import STR
from kbtools.text import BARE, CASE, EXACT, FOLDED, normalise_many

Words: TypeAlias = pa.StringArray
SURROGATE = re.compile("[\ud800-\udfff]")


class Rungs(NamedTuple):
    """What names are on the rungs between their exact spelling and their norm."""

    case: Words
    folded: Words


class Spelt(NamedTuple):
    """Names without accidents of typing (EXACT), and the key that each is found by."""

    exact: Words
    norm: Words


def words(texts: Sequence[str]) -> Words:
    """Return texts from anywhere as a column; half a character, for which UTF-8 has no word, is U+FFFD."""
    return pa.array([text if text.isascii() else SURROGATE.sub("\ufffd", text) for text in texts], STR)


def spell(text: Words) -> Spelt:
    """Normalise names. The norm is the BARE form; FOLDED if nothing is left of it.

    >>> spell(pa.array(["O'Hara ", "!!!"])).norm.to_pylist()
    ['ohara', '!!!']
    """
    odd = pa.array(~plain(text))
    exact = normalise_many(text.filter(odd).to_pylist(), EXACT)
    return Spelt(_with(text, odd, exact), _with(pc.ascii_lower(text), odd, _norms(exact)))


def rungs(surface: Words) -> Rungs:
    """Return the CASE and the FOLDED forms of names spelt EXACTly."""
    odd = pa.array(~plain(surface))
    lower = pc.ascii_lower(surface)
    case = normalise_many(surface.filter(odd).to_pylist(), CASE)
    return Rungs(_with(lower, odd, case), _with(lower, odd, normalise_many(case, FOLDED)))


def _norms(surfaces: list[str]) -> list[str]:
    bare = normalise_many(surfaces, BARE)
    if lost := [i for i, name in enumerate(bare) if not name]:
        for i, name in zip(lost, normalise_many([surfaces[i] for i in lost], FOLDED), strict=True):
            bare[i] = name
    return bare


def _with(simple: Words, odd: pa.BooleanArray, names: list[str]) -> Words:
    """Put names in the places that are odd."""
    return pc.replace_with_mask(simple, odd, pa.array(names, STR)) if names else simple


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
    found = np.ones(len(text), bool)
    found[np.searchsorted(offsets, np.flatnonzero(odd), side="right") - 1] = False
    return found


@cache
def _odd() -> NDArray[np.bool_]:
    table = np.ones(256, bool)
    for char in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ":
        table[ord(char)] = False
    return table
