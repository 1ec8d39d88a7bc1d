"""Candidates that a mention names by a part of their name: "Kissinger", "Dolphins", "Angelina".

A profile knows the first and last words of names and how likely each means whom. Where the table of names
knows others by the mention, it speaks first: they keep their priors, and whoever is called so in part shares
`partial_worth` of that. What is written in small letters is no part of a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import hashing, normal
from kbtools.linkers import endings
from kbtools.linkers.base import Floats, Longs
from kbtools.linkers.index.profile import Profile

WHOLE = 255  # of `covered`


class Called(NamedTuple):
    """H entities that names are parts of the names of; those of one name the best known first."""

    name: Longs  # [H] the place of the name that was asked
    kb: NDArray[np.uint8]
    eid: NDArray[np.uint32]
    prior: Floats
    covered: Floats  # how much of the whole name the part is


def called(profile: Profile, surfaces: Sequence[str], most: int) -> Called:
    """Return whom names are parts of the names of."""
    row = profile.called(hashing.of_strings(normal.words(endings.shortened(surfaces))))
    row[[surface == surface.lower() != surface.upper() for surface in surfaces]] = -1
    lengths, at = profile.parts.take(row)
    kb, eid = profile.entities(profile.parts.values[at].astype(np.int64))
    name = np.repeat(np.arange(len(row)), lengths)
    here = (kb >= 0) & (_ranks(name, kb) < most)
    return Called(
        name[here],
        kb[here].astype(np.uint8),
        eid[here],
        profile.arrays["parts.priors"][at[here]],
        (profile.arrays["parts.covered"][at[here]] / np.float32(WHOLE)).astype(np.float32),
    )


def _ranks(name: Longs, kb: Longs) -> Longs:
    """Count the entities of each name in each knowledge base from 0."""
    new = np.ones(len(name), np.bool_)
    new[1:] = (name[1:] != name[:-1]) | (kb[1:] != kb[:-1])
    first = np.flatnonzero(new)
    return np.arange(len(name)) - np.repeat(first, np.diff(first, append=len(name)))
