"""How likely a normal of a name means each of its candidates: NATO is not Nato, and obama is still Obama.

A form f of a norm is a group of its surfaces: one of them, those of one CASE string, or of one FOLDED string.
Whose next rung g (exact → case → folded → the norm as a whole) has more surfaces, is mixed with it:

    p_f(e) = (n_f(e) + κ T_f p_g(e)) / (n_f + κ T_f),    T_f = the number of candidates seen as f

after Witten and Bell (1991): the fewer counts a form has for its many candidates, the more it trusts the next
rung. Norms of one surface, or of one candidate in each knowledge base, need no forms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias.building.weighing import Counts, Floats, Ints, Weighed, new
from kbtools.alias.normal import Rungs


class Forms(NamedTuple):
    """The forms with a distribution of their own. Row r: form[r] means pair[r] with prior[r].

    Rows are in order of norm, form, kb, rank; `pair` is a place among the candidates of whole norms.
    """

    norm: Ints  # [F] in order of norm, text
    text: pa.StringArray  # [F]
    form: Ints  # [X]
    pair: Ints  # [X]
    n: Floats  # [X]
    prior: Floats  # [X]


class Rung(NamedTuple):
    """Surfaces grouped by what they are on one rung."""

    group: Ints  # [S] −1: of a norm that needs no forms
    text: pa.StringArray  # [G]
    norm: Ints  # [G]
    size: Ints  # [G] its surfaces


def estimate(counts: Counts, weighed: Weighed, spelt: Rungs, kappa: float) -> Forms:
    """Estimate the forms of the norms that have several, and several candidates in one knowledge base."""
    ladder = _Ladder(counts, weighed, kappa)
    chosen = np.flatnonzero(ladder.several()[counts.norm_of])
    whole = counts.norms.take(pa.array(counts.norm_of))
    above = _rung(counts, chosen, whole)
    pointer = ladder.of_norm[above.norm]
    told = []
    for text in (spelt.folded, spelt.case, counts.surfaces):
        rung = _rung(counts, chosen, text)
        parent = np.zeros(len(rung.text), np.int64)
        parent[rung.group[chosen]] = above.group[chosen]
        own = rung.size < above.size[parent]
        pointer = np.where(own, ladder.mix(rung, own, pointer[parent]), pointer[parent])
        told.append((rung, own | (text is counts.surfaces), pointer))
        above = rung
    return ladder.named(told[::-1])


def _rung(counts: Counts, chosen: Ints, text: pa.Array) -> Rung:
    """Group the chosen surfaces by norm and `text`."""
    codes = text.take(pa.array(chosen)).dictionary_encode()
    key = counts.norm_of[chosen] * (len(codes.dictionary) + 1) + codes.indices.to_numpy(zero_copy_only=False)
    _, first, inverse, size = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    group = np.full(len(counts.norm_of), -1, np.int64)
    group[chosen] = inverse
    return Rung(group, text.take(pa.array(chosen[first])), counts.norm_of[chosen[first]], size)


class _Ladder:
    """All distributions in one array: those of whole norms, then what each rung adds."""

    def __init__(self, counts: Counts, weighed: Weighed, kappa: float) -> None:
        self.counts, self.weighed, self.kappa = counts, weighed, kappa
        self.pairs = weighed.pairs
        self.of_norm = np.searchsorted(self.pairs.norm, np.arange(len(counts.norms) + 1))
        self.prior, self.n = self.pairs.prior, self.pairs.n

    def several(self) -> NDArray[np.bool_]:
        """Mark the norms that need forms."""
        norm, kb = self.pairs.norm, self.pairs.kb
        found = np.zeros(len(self.counts.norms), bool)
        found[norm[1:][(norm[1:] == norm[:-1]) & (kb[1:] == kb[:-1])]] = True
        surfaces: Ints = np.bincount(self.counts.norm_of, minlength=len(found))
        return found & (surfaces > 1)

    def mix(self, rung: Rung, own: NDArray[np.bool_], above: Ints) -> Ints:
        """Mix the groups marked `own` with the distributions at `above`; return where theirs begin."""
        width = np.where(own, self.of_norm[rung.norm + 1] - self.of_norm[rung.norm], 0)
        ends = np.cumsum(width)
        begin, size = ends - width, int(ends[-1]) if len(ends) else 0
        seen = np.bincount(*self._seen(rung, own, begin), minlength=size)
        owner = np.repeat(np.arange(len(width)), width)
        inner = np.arange(size) - begin[owner]
        kb = self.pairs.kb[self.of_norm[rung.norm[owner]] + inner]
        part = np.cumsum(new(owner, kb)) - 1  # a group in one knowledge base
        mass = np.bincount(part, seen)[part] if size else seen
        trust = self.kappa * np.bincount(part, seen > 0)[part] if size else seen
        parent = self.prior[above[owner] + inner]
        mixed = np.where(mass > 0, (seen + trust * parent) / np.where(mass > 0, mass + trust, 1), parent)
        start = len(self.prior)
        self.prior, self.n = np.concatenate([self.prior, mixed]), np.concatenate([self.n, seen])
        places: Ints = start + begin
        return places

    def _seen(self, rung: Rung, own: NDArray[np.bool_], begin: Ints) -> tuple[Ints, Floats]:
        """Say where the rows of `counts` go among the groups' candidates, and with what weight."""
        place = self.weighed.place
        group = rung.group[self.counts.surface]
        rows = np.flatnonzero((group >= 0) & (place >= 0))
        rows = rows[own[group[rows]]]
        mine = group[rows]
        at = begin[mine] + place[rows] - self.of_norm[rung.norm[mine]]
        return at, self.weighed.n[rows]

    def named(self, told: list[tuple[Rung, NDArray[np.bool_], Ints]]) -> Forms:
        """Name the distributions after the groups shown; of equal names in a norm, the first counts."""
        shown = [np.flatnonzero(mask) for _, mask, _ in told]
        norm = np.concatenate([rung.norm[mine] for (rung, _, _), mine in zip(told, shown, strict=True)])
        begin = np.concatenate([at[mine] for (_, _, at), mine in zip(told, shown, strict=True)])
        level = np.repeat(np.arange(len(told)), [len(mine) for mine in shown])
        text = pa.concat_arrays(
            [rung.text.take(pa.array(mine)) for (rung, _, _), mine in zip(told, shown, strict=True)]
        )
        rank = alphabetical(text)
        order = np.lexsort((level, rank, norm))
        order = order[new(norm[order], rank[order])]
        norm, begin, text = norm[order], begin[order], text.take(pa.array(order))
        width = self.of_norm[norm + 1] - self.of_norm[norm]
        form = np.repeat(np.arange(len(norm)), width)
        inner = np.arange(len(form)) - np.repeat(np.cumsum(width) - width, width)
        pair, at = self.of_norm[norm[form]] + inner, begin[form] + inner
        best = np.lexsort((self.pairs.eid[pair], -self.prior[at], self.pairs.kb[pair], form))
        return Forms(norm, text, form, pair[best], self.n[at[best]], self.prior[at[best]])


def alphabetical(text: pa.StringArray) -> Ints:
    """Return for each string its place among the distinct ones, sorted."""
    codes = text.dictionary_encode()
    place = np.empty(len(codes.dictionary), np.int64)
    place[pc.sort_indices(codes.dictionary).to_numpy()] = np.arange(len(place))
    found: Ints = place[codes.indices.to_numpy(zero_copy_only=False)]
    return found
