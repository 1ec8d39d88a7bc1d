"""How spans of running text are spelt: the hashes of their forms, and with them their entries.

Most spans are their own norm, letter for letter. In most others a form is what the form's table makes of each
code point, so that one running sum over the block has the hashes of all. Where code points meet (marks, runs
of spaces), and where only few are asked for, spans are normalised by themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.alias.scanning import finding
from kbtools.alias.scanning.finding import I64, INFLECTED, NORM, U64, Arrays
from kbtools.alias.scanning.walking import Walked
from kbtools.text import CASE, EXACT, FOLDED, Form
from kbtools.text.bulk import ASCII_WALL, WALL, Block, Codes, dirty, map_codes, normalise_block

FEW = 4

Entries = tuple[I64, NDArray[np.uint8]]  # and their levels


class Spelt(NamedTuple):
    """Spans of a block of original code points, their norms and the hashes of their EXACT forms."""

    norms: I64
    starts: I64
    ends: I64
    exact: U64

    def take(self, rows: NDArray[np.intp]) -> Spelt:
        """Keep some of them."""
        parts: list[Any] = [part.take(rows) for part in self]
        return Spelt(*parts)


def entries(arrays: Arrays, walked: Walked, normal: Block, codes: Codes) -> tuple[Spelt, Entries]:
    """Return spans found, and the entry and the level of each; a plural stands for its norm as a whole."""
    starts, ends = normal.starts.take(walked.starts), normal.end(walked.ends - 1)
    exact = walked.hashes.copy()
    other = np.flatnonzero(_changed(walked, normal, codes, ends - starts))
    exact[other] = form_hashes(codes, EXACT, starts.take(other), ends.take(other))
    spelt = Spelt(walked.norms, starts, ends, exact)
    found, level = finding.entries(arrays, walked.norms, exact)
    rest = other[level[other] == NORM]
    rest = rest[exact[rest] != walked.hashes[rest]]  # else all its forms are the same
    found[rest], level[rest] = _on_all_rungs(
        arrays, codes, Spelt(walked.norms, starts, ends, exact).take(rest)
    )
    plurals = np.flatnonzero(walked.plural)
    found[plurals], level[plurals] = arrays["entries"][walked.norms[plurals]], INFLECTED
    return spelt, (found, level)


def entries_of(arrays: Arrays, codes: Codes, norms: I64, starts: I64, ends: I64) -> Entries:
    """Return the entry and the level of spans whose norms are known."""
    exact = form_hashes(codes, EXACT, starts, ends)
    return _on_all_rungs(arrays, codes, Spelt(norms, starts, ends, exact))


def _on_all_rungs(arrays: Arrays, codes: Codes, spelt: Spelt) -> Entries:
    found, level = finding.entries(arrays, spelt.norms, spelt.exact)
    rest = np.flatnonzero(level == NORM)
    rest = rest[finding.has_forms(arrays, spelt.norms[rest])]
    if len(rest):
        some = spelt.take(rest)
        case = form_hashes(codes, CASE, some.starts, some.ends)
        folded = case  # so it is in ASCII
        if codes.dtype != np.uint8:
            folded = form_hashes(codes, FOLDED, some.starts, some.ends)
        found[rest], level[rest] = finding.entries(arrays, some.norms, some.exact, case, folded)
    return found, level


def _changed(walked: Walked, normal: Block, codes: Codes, lengths: I64) -> NDArray[np.bool_]:
    """Tell which spans are not, letter for letter, what they became."""
    before = np.zeros(len(normal.codes) + 1, dtype=np.int32)
    np.cumsum(normal.codes != codes.take(normal.starts), out=before[1:])
    changed: NDArray[np.bool_] = before.take(walked.ends) != before.take(walked.starts)
    changed |= walked.ends - walked.starts != lengths
    return changed


def form_hashes(codes: Codes, form: Form, starts: I64, ends: I64) -> U64:
    """Return the hash of form(text[start:end]) for each span of the block of original code points."""
    if int((ends - starts).sum()) * FEW < len(codes):
        return _one_by_one(codes, form, starts, ends)
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
    normal, firsts, lasts = copied(codes, form, starts, ends)
    return hashing.spans(hashing.prefix(normal), firsts, lasts)


def copied(codes: Codes, form: Form, starts: I64, ends: I64) -> tuple[Codes, I64, I64]:
    """Copy spans out, walls between, and normalise them as texts of their own; return where each lies."""
    wall = ASCII_WALL if codes.dtype == np.uint8 else WALL
    lengths = ends - starts + 1
    after = np.cumsum(lengths)
    inside = np.ones(int(after[-1]) if len(after) else 0, dtype=np.int64)  # steps from one place to the next
    if len(after):
        inside[0] = starts[0]
        inside[after[:-1]] = starts[1:] - ends[:-1]
        np.cumsum(inside, out=inside)
    texts = codes.take(inside, mode="clip")
    texts[after - 1] = wall
    normal = normalise_block(texts, form).codes
    lasts = np.flatnonzero(normal == wall)
    firsts = np.zeros(len(lasts), dtype=np.int64)
    firsts[1:] = lasts[:-1] + 1
    return normal, firsts, lasts
