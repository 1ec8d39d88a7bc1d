"""The entries of the look-up: a norm as a whole, and those of its forms that have something of their own.

An entry points at candidates. A form has one if its distribution differs, if text was counted (its link
probability differs), or if it has punctuation that the norm lacks: whoever reads running text needs to know
whether a span may cross a comma. A norm of one surface whose entry is alone carries that surface's tag.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.alias.building.candidates import Candidates
from kbtools.alias.building.forms import alphabetical
from kbtools.alias.building.weighing import Counts, Ints, new
from kbtools.alias.normal import Rungs
from kbtools.kb.schema import STR

WHOLE, OWN, EXTRA = 0, 1, 2  # which of two entries of one name stays: the first


class Entries(NamedTuple):
    """In order of norm, whole norms first, then forms in alphabetical order."""

    norm: Ints  # [E]
    text: pa.StringArray  # [E] null: the norm as a whole
    tag: NDArray[np.uint32]  # [E]
    first: Ints  # [E] among the candidates of the range
    length: Ints  # [E]


def entries(counts: Counts, found: Candidates, spelt: Rungs, *, counting: bool) -> Entries:
    """List the entries of a range."""
    norms = len(counts.norms)
    whole = _slices(found, norms)
    pointed = pc.not_equal(spelt.folded, counts.norms.take(pa.array(counts.norm_of)))
    punctuated = np.flatnonzero(pointed.to_numpy(zero_copy_only=False))
    apart = np.full(norms, counting)
    apart[counts.norm_of[punctuated]] = True
    surfaces = np.flatnonzero(apart[counts.norm_of])
    own = np.flatnonzero(found.new & found.form.is_valid().to_numpy(zero_copy_only=False))
    norm = np.concatenate(
        [np.arange(norms), found.norm[own], counts.norm_of[punctuated], counts.norm_of[surfaces]]
    )
    text = pa.concat_arrays(
        [
            pa.nulls(norms, STR),
            found.form.take(pa.array(own)),
            spelt.folded.take(pa.array(punctuated)),
            counts.surfaces.take(pa.array(surfaces)),
        ]
    )
    kind = np.repeat([WHOLE, OWN, EXTRA], [norms, len(own), len(punctuated) + len(surfaces)])
    length = np.diff(np.append(np.flatnonzero(found.new), len(found.norm)))
    lengths = np.zeros(len(found.norm), np.int64)
    lengths[found.new] = length
    first = np.where(kind == OWN, 0, whole.first[norm])
    size = np.where(kind == OWN, 0, whole.length[norm])
    first[kind == OWN], size[kind == OWN] = own, lengths[own]
    rank = np.where(kind == WHOLE, -1, alphabetical(text.fill_null("")))
    order = np.lexsort((kind, rank, norm))
    order = order[new(norm[order], rank[order])]
    chosen = text.take(pa.array(order))
    return Entries(norm[order], chosen, _tags(counts, norm[order], chosen), first[order], size[order])


class _Whole(NamedTuple):
    first: Ints
    length: Ints


def _slices(found: Candidates, norms: int) -> _Whole:
    """Return where the candidates of each norm as a whole lie; none if all were left out."""
    rows = np.flatnonzero(found.form.is_null().to_numpy(zero_copy_only=False))
    length = np.bincount(found.norm[rows], minlength=norms)
    first = np.zeros(norms, np.int64)
    begin = rows[new(found.norm[rows])]
    first[found.norm[begin]] = begin
    return _Whole(first, length)


def _tags(counts: Counts, norm: Ints, text: pa.StringArray) -> NDArray[np.uint32]:
    """Hash the forms; an entry that is alone stands for the only surface of its norm, if there is but one."""
    named = text
    alone = (np.bincount(norm, minlength=len(counts.norms)) == 1)[norm]
    single = np.bincount(counts.norm_of, minlength=len(counts.norms)) == 1
    if alone.any():
        surface = np.full(len(counts.norms), -1, np.int64)
        surface[counts.norm_of] = np.arange(len(counts.norm_of))
        mine = alone & single[norm]
        only = counts.surfaces.take(pa.array(surface[norm], mask=~mine))
        named = pc.coalesce(text, only)
    tags = hashing.of_strings(named.fill_null("")).astype(np.uint32)
    tags[named.is_null().to_numpy(zero_copy_only=False)] = 0
    return tags
