"""How spans of running text are spelt: the hashes of their forms, and with them their entries.

In most spans a form is what the form's table makes of each code point, so that one running sum over the block
has the hashes of all. Where code points meet (marks, runs of spaces) spans are normalised by themselves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import finding, hashing
from kbtools.alias.finding import I64, INFLECTED, NORM, U64, Arrays
from kbtools.alias.walking import Walked
from kbtools.text import CASE, EXACT, FOLDED, Form
from kbtools.text.bulk import ASCII_WALL, WALL, Codes, dirty, map_codes, normalise_block


def entries(
    arrays: Arrays, walked: Walked, codes: Codes, starts: I64, ends: I64
) -> tuple[I64, NDArray[np.uint8]]:
    """Return the entry and the level of each span found; a plural stands for its norm as a whole."""
    exact = form_hashes(codes, EXACT, starts, ends)
    found, level = finding.entries(arrays, walked.norms, exact, exact, exact)
    rest = np.flatnonzero((level == NORM) & (exact != walked.hashes))  # else all its forms are the same
    rest = rest[finding.has_forms(arrays, walked.norms[rest])]
    if len(rest):
        case = form_hashes(codes, CASE, starts[rest], ends[rest])
        folded = case  # so it is in ASCII
        if codes.dtype != np.uint8:
            folded = form_hashes(codes, FOLDED, starts[rest], ends[rest])
        found[rest], level[rest] = finding.entries(arrays, walked.norms[rest], exact[rest], case, folded)
    plurals = np.flatnonzero(walked.plural)
    found[plurals], level[plurals] = arrays["entries"][walked.norms[plurals]], INFLECTED
    return found, level


def form_hashes(codes: Codes, form: Form, starts: I64, ends: I64) -> U64:
    """Return the hash of form(text[start:end]) for each span of the block of original code points."""
    mapped = map_codes(codes, form)
    hashes = hashing.spans(hashing.prefix(mapped), starts, ends)
    marks = dirty(mapped, form)
    if marks.any():
        before = np.zeros(len(codes) + 1, dtype=np.int32)
        np.cumsum(marks, out=before[1:])
        rows = np.flatnonzero(before[starts] != before[ends])
        if len(rows):
            hashes[rows] = _one_by_one(codes, form, starts[rows], ends[rows])
    return hashes


def _one_by_one(codes: Codes, form: Form, starts: I64, ends: I64) -> U64:
    """Copy the spans out, walls between, and normalise them as texts of their own."""
    wall = ASCII_WALL if codes.dtype == np.uint8 else WALL
    lengths = ends - starts + 1
    begins = np.cumsum(lengths) - lengths
    inside = np.arange(lengths.sum()) + np.repeat(starts - begins, lengths)
    copied = codes[np.minimum(inside, len(codes) - 1)]
    copied[begins + lengths - 1] = wall
    block = normalise_block(copied, form)
    lasts = np.flatnonzero(block.codes == wall)
    firsts = np.concatenate([[0], lasts[:-1] + 1])
    return hashing.spans(hashing.prefix(block.codes), firsts, lasts)
