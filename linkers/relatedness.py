"""How related two entities are: by the neighbours that they share, and by being neighbours.

    related(a, b) = max(0, 1 − (log max(|A|,|B|) − log |A∩B|) / (log W − log min(|A|,|B|))),  0 if |A∩B| < 2

A and B are the neighbours of a and b (pages that link to them, or entities that share a triple with them), W
is how many entities have any (Milne and Witten 2008; the limit of two: Ferragina and Scaiella 2010).

Of an entity with very many neighbours only those with the smallest hashes are stored: everyone leaves out by
the same measure, so what two entities share is a fair part of what they share altogether. With t the largest
hash stored, as a part of 1, those below t are a part t of all: |A∩B| ≈ |A'∩B'| / min(t, t') without bias
(Beyer et al. 2007, Dasgupta et al. 2016). Counts |A| and |B| are always the true ones.

One sum tells all of a pair. Entity a is a row with 1 at each of its neighbours, and with B = 2²⁴ at itself:

    row(a) · row(b) = |A∩B| + B·([b ∈ A] + [a ∈ B]) + B²·[a = b]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.extras import need
from kbtools.linkers.base import Longs
from kbtools.linkers.index.profile.csr import drawn

if TYPE_CHECKING:
    from kbtools.linkers.index.profile import Profile

Doubles = NDArray[np.float64]

AT_ITSELF = 1 << 24  # more than any number of neighbours stored
AT_ONCE = 1 << 22  # neighbours of pairs that are worked on together


class Neighbours(NamedTuple):
    """The neighbours of E entities: those of entity i are values[offsets[i]:offsets[i + 1]], ascending."""

    offsets: NDArray[np.integer[Any]]  # [E + 1]
    values: NDArray[np.integer[Any]]  # entities, as rows of this table
    degrees: NDArray[np.integer[Any]]  # [E] how many there are, also where fewer are stored
    entities: int  # W of the formula: how many have neighbours

    def lengths(self, rows: Longs) -> Longs:
        """Return how many neighbours are stored; none of row −1."""
        row = np.maximum(rows, 0)
        stored = np.asarray(self.offsets[row + 1], np.int64) - np.asarray(self.offsets[row], np.int64)
        return np.where(rows >= 0, stored, 0)


def neighbours_of(profile: Profile) -> Neighbours:
    """Take them from what is known of entities."""
    rows = profile.neighbours
    return Neighbours(rows.offsets, rows.values, profile.degrees, profile.linked)


class Sizes(NamedTuple):
    """How large the sets of neighbours of N entities are."""

    degree: Longs  # [N]
    share: Doubles  # [N] the part t of all neighbours that is stored

    def at(self, places: Longs) -> Sizes:
        """Return some of them."""
        return Sizes(self.degree[places], self.share[places])


class Sets(NamedTuple):
    """The neighbours of N entities, put together; an entity may come several times."""

    row: Longs  # [N] −1: unknown, without neighbours
    sizes: Sizes
    lengths: Longs  # [N]
    values: Longs  # those of the first, the second …; an entity's own number is among them
    weights: Longs  # 1, or AT_ITSELF at an entity's own number


def sets_of(neighbours: Neighbours, rows: Longs) -> Sets:
    """Gather the neighbours of some entities."""
    known = rows >= 0
    row = np.where(known, rows, 0)
    lengths = neighbours.lengths(rows)
    degree = np.where(known, neighbours.degrees[row], 0).astype(np.int64)
    values = np.asarray(neighbours.values[ranges(neighbours.offsets[row], lengths)], np.int64)
    share = np.ones(len(rows))
    part = np.flatnonzero(degree > lengths)
    part = part[lengths[part] > 0]
    if len(part):
        values, lengths = _below_the_largest(values, lengths, part, share)
    return _with_itself(Sets(rows, Sizes(degree, share), lengths, values, np.ones(0, np.int64)))


def _below_the_largest(values: Longs, lengths: Longs, part: Longs, share: Doubles) -> tuple[Longs, Longs]:
    """Take away the neighbour with the largest hash where some are not stored; its hash is their share."""
    begin = (np.cumsum(lengths) - lengths)[part]
    at = ranges(begin, lengths[part])
    hashes = drawn(values[at])
    largest = np.maximum.reduceat(hashes, np.cumsum(lengths[part]) - lengths[part])
    share[part] = np.maximum(largest.astype(np.float64), 1.0) / 2.0**64
    kept = np.ones(len(values), np.bool_)
    kept[at[hashes == np.repeat(largest, lengths[part])]] = False
    lengths = lengths.copy()
    lengths[part] -= 1  # different neighbours have different hashes: the mixing can be undone
    return values[kept], lengths


def _with_itself(found: Sets) -> Sets:
    known = found.row >= 0
    ends = np.cumsum(found.lengths)[known]
    return found._replace(
        lengths=found.lengths + known,
        values=np.insert(found.values, ends, found.row[known]),
        weights=np.insert(np.ones(len(found.values), np.int64), ends, AT_ITSELF),
    )


def related(sums: Longs, a: Sizes, b: Sizes, entities: int, *, direct: float, same: float) -> Doubles:
    """Turn sums of pairs into relatedness; `a` and `b` are the pairs' sides.

    `direct` is how related a triple alone makes two entities, `same` how related an entity is to itself.
    """
    both = (sums % AT_ITSELF) / np.minimum(a.share, b.share)
    smaller, larger = np.minimum(a.degree, b.degree), np.maximum(a.degree, b.degree)
    both = np.minimum(both, smaller)
    found = np.where(both >= 2, milne_witten(larger, smaller, np.maximum(both, 1), entities), 0.0)
    joined = sums // AT_ITSELF % AT_ITSELF > 0
    found = np.where(joined, 1 - (1 - found) * (1 - direct), found)
    return np.where(sums >= AT_ITSELF**2, same, found)


def milne_witten(larger: Longs, smaller: Longs, both: Doubles, entities: int) -> Doubles:
    """Return the formula's value; `both` is at least 1."""
    above = np.log(np.maximum(larger, 1)) - np.log(both)
    below = np.log(max(entities, 1)) - np.log(np.maximum(smaller, 1))
    ratio = np.divide(above, below, out=np.where(above > 0, 1.0, 0.0), where=below > 0)
    found: Doubles = np.maximum(0.0, 1 - ratio)
    return found


def between(neighbours: Neighbours, a: Longs, b: Longs, *, direct: float = 0.0, same: float = 1.0) -> Doubles:
    """Return how related each a is to its b; both are rows of `neighbours`, −1 is related to nothing."""
    sparse = need("scipy.sparse", extra="link", why="relatedness of entities")
    found = np.zeros(len(a))
    cost = np.cumsum(neighbours.lengths(a) + neighbours.lengths(b) + 2)
    for pairs in np.split(np.arange(len(a)), np.flatnonzero(np.diff(cost // AT_ONCE)) + 1):
        one, two = sets_of(neighbours, a[pairs]), sets_of(neighbours, b[pairs])
        sums = _matrix(sparse, one, len(neighbours.degrees)).multiply(
            _matrix(sparse, two, len(neighbours.degrees))
        )
        total = np.asarray(sums.sum(axis=1)).ravel()
        found[pairs] = related(total, one.sizes, two.sizes, neighbours.entities, direct=direct, same=same)
    return found


def _matrix(sparse: Any, sets: Sets, columns: int) -> Any:
    """Return entities × neighbours, with the columns of a row in order: two such rows are merged quickly."""
    ends = np.concatenate([[0], np.cumsum(sets.lengths)])
    matrix = sparse.csr_array((sets.weights, sets.values, ends), shape=(len(sets.row), columns))
    matrix.sum_duplicates()  # sorts; an entity that is its own neighbour has two numbers at one place
    return matrix
