"""How likely a name means each of its candidates: the estimate of contracts §3, over one range of norms.

For a norm m as a whole, with n(m, e) = Σ w_s n_s(m, e) over the sources s:

    p(e|m) = (n(m, e) + α π(e)) / (n(m) + α),    π(e) ∝ (1 + sitelinks)^β (1 + in_degree)^γ

so that a name never seen in text gets a prior shaped by popularity, and no dictionary entry outweighs links.

Sums run over rows in the order of the table, one range by one process: they do not depend on how many work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias.schema import SOURCES
from kbtools.kb.schema import STR

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LINKS = tuple(SOURCES.index(word) for word in ("anchor", "prior"))  # whose counts --min-count is about


class Counts(NamedTuple):
    """Rows of `counts` of one range, as arrays; in order of norm, surface, kb, eid, source."""

    norms: pa.StringArray  # [N]
    surfaces: pa.StringArray  # [S]
    norm_of: Ints  # [S] the norm of each surface
    surface: Ints  # [R]
    kb: NDArray[np.uint8]  # [R]
    eid: NDArray[np.uint32]  # [R]
    source: NDArray[np.uint8]  # [R]
    n: NDArray[np.uint64]  # [R]

    @property
    def norm(self) -> Ints:
        """The norm of each row."""
        return self.norm_of[self.surface]


class Pairs(NamedTuple):
    """The candidates of norms as a whole, in order of norm, kb, rank."""

    norm: Ints
    kb: NDArray[np.uint8]
    eid: NDArray[np.uint32]
    n: Floats
    prior: Floats
    sources: NDArray[np.uint32]


class Estimate(NamedTuple):
    """What the formula needs besides the counts."""

    weights: Sequence[float]  # by source
    alpha: float
    kappa: float
    most: int
    min_count: int
    popularity: Sequence[Floats]  # by kb, by eid


def arrays(table: pa.Table) -> Counts:
    """Take a range of `counts` apart."""
    rows = table.combine_chunks()
    norm, surface = _whole(rows["norm"]), _whole(rows["surface"])
    new_norm = changes(norm)
    new_surface = new_norm | changes(surface)
    first = np.flatnonzero(new_surface)
    return Counts(
        norms=norm.take(pa.array(np.flatnonzero(new_norm))),
        surfaces=surface.take(pa.array(first)),
        norm_of=(np.cumsum(new_norm) - 1)[first],
        surface=np.cumsum(new_surface) - 1,
        kb=rows["kb"].to_numpy(),
        eid=rows["eid"].to_numpy(),
        source=rows["source"].to_numpy(),
        n=rows["n"].to_numpy(),
    )


def _whole(column: pa.ChunkedArray) -> pa.StringArray:
    return column.chunk(0) if column.num_chunks else pa.array([], STR)


def changes(column: pa.Array) -> NDArray[np.bool_]:
    """Mark the rows that differ from the row before."""
    new = np.ones(len(column), bool)
    if len(column) > 1:
        new[1:] = pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return new


class Weighed(NamedTuple):
    """The candidates of whole norms; of each row of `counts` its candidate (−1: cut) and weighted count."""

    pairs: Pairs
    place: Ints
    n: Floats


def weigh(counts: Counts, how: Estimate) -> Weighed:
    """Weigh the candidates of whole norms."""
    weighted = np.asarray(how.weights)[counts.source] * counts.n.astype(float)
    pair, first = _pairs(counts)
    used = _enough(counts, pair, how.min_count)
    weighted[~used] = 0
    total = sums(pair, weighted, len(first))
    bits = np.zeros(len(first), np.uint32)
    for source in np.unique(counts.source):
        bits[pair[used & (counts.source == source)]] |= np.uint32(1 << int(source))
    alive = bits > 0
    norm, kb, eid = counts.norm[first], counts.kb[first], counts.eid[first]
    popularity = _popularity(kb, eid, how.popularity)
    group = np.cumsum(new(norm, kb)) - 1 if len(first) else np.zeros(0, np.int64)
    groups = int(group[-1]) + 1 if len(group) else 0
    popularity[~alive] = 0
    share = popularity / np.maximum(sums(group, popularity, groups), np.finfo(float).tiny)[group]
    mass = sums(group, total, groups)[group]
    alpha = np.where(mass + how.alpha > 0, how.alpha, 1.0)  # with nothing to go by: popularity alone
    prior = np.where(alive, (total + alpha * share) / (mass + alpha), -1.0)
    order = _sorted(np.bincount(group)[group] > 1, group, -prior, eid)
    rank = ranks(group[order])
    kept = order[(rank < how.most) & alive[order]]
    prior = prior[kept] / sums(group[kept], prior[kept], groups)[group[kept]]
    place = np.full(len(first), -1, np.int64)
    place[kept] = np.arange(len(kept))
    pairs = Pairs(norm[kept], kb[kept], eid[kept], total[kept], prior, bits[kept])
    return Weighed(pairs, place[pair], weighted)


def _pairs(counts: Counts) -> tuple[Ints, Ints]:
    """Give each (norm, kb, eid) a number; return that of each row, and a row of each."""
    if not len(counts.n):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    norm = counts.norm
    several = np.bincount(counts.norm_of)[norm] > 1  # surfaces; rows of a norm of one are in order
    order = _sorted(several, norm, counts.kb, counts.eid)
    fresh = new(norm[order], counts.kb[order], counts.eid[order])
    pair = np.empty(len(order), np.int64)
    pair[order] = np.cumsum(fresh) - 1
    return pair, order[fresh]


def _sorted(mixed: NDArray[np.bool_], group: Ints, *keys: NDArray[Any]) -> Ints:
    """Sort rows, which are in order of their group, within each; only the groups that are `mixed` need it."""
    order = np.arange(len(group))
    rows = np.flatnonzero(mixed)
    order[rows] = rows[np.lexsort((*(key[rows] for key in reversed(keys)), group[rows]))]
    return order


def _enough(counts: Counts, pair: Ints, least: int) -> NDArray[np.bool_]:
    """Mark the rows that count: links only where there are enough of them."""
    if least <= 1:
        return np.ones(len(pair), bool)
    linked = np.isin(counts.source, LINKS)
    links = sums(pair, np.where(linked, counts.n, 0).astype(float), int(pair.max(initial=-1)) + 1)
    enough: NDArray[np.bool_] = ~linked | (links[pair] >= least)
    return enough


def _popularity(kb: NDArray[np.uint8], eid: NDArray[np.uint32], known: Sequence[Floats]) -> Floats:
    found = np.ones(len(kb))
    for place, popularity in enumerate(known):
        mine = kb == place
        found[mine] = popularity[eid[mine]]
    return found


def ranks(group: Ints) -> Ints:
    """Count the rows of each run of equal groups from 0."""
    if not len(group):
        return np.zeros(0, np.int64)
    first = np.flatnonzero(new(group))
    found: Ints = np.arange(len(group)) - np.repeat(first, np.diff(first, append=len(group)))
    return found


def new(*columns: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Mark the rows at which a column differs from the row before."""
    found = np.zeros(len(columns[0]), bool)
    found[:1] = True
    for column in columns:
        found[1:] |= column[1:] != column[:-1]
    return found


def sums(group: Ints, values: Floats, groups: int) -> Floats:
    """Sum values by group, in order."""
    found: Floats = np.bincount(group, values, minlength=groups).astype(float)
    return found
