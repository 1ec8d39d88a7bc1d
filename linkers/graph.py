"""Candidates as nodes of a graph: which of them are related, of mentions that stand near each other.

    candidates ──nodes_of──▶ parts of many documents ──edges──▶ pairs of related candidates

Pairs are those of different mentions of one text and one knowledge base, at most `window` mentions apart,
that do not overlap in the text: overlapping mentions are rival readings and do not speak for each other.
Very long documents are cut into pieces that do not see each other.

Mentions are laid in tiles as long as the window, so those in reach are in the same tile or in the next. A
column is a neighbour in a tile; one sparse product of candidates × columns with its own transpose finds all
pairs that share a neighbour, and no others are ever looked at. Memory: about 24 bytes a related pair and 100
a neighbour, of a part of some thousand candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.extras import need
from kbtools.linkers.base import Longs, Mentions, best_first
from kbtools.linkers.relatedness import Doubles, Neighbours, Sets, related, sets_of

PIECE = 1000  # mentions of one document that see each other at most
NODES, VALUES = 1 << 13, 1 << 20  # of a part: candidates and their neighbours
ROWS = 1 << 10  # candidates that are multiplied at once


class Nodes(NamedTuple):
    """Some candidates, ordered by (kb, text, mention)."""

    candidate: Longs  # [N] its row among all candidates
    mention: Longs  # [N]
    group: Longs  # [N] a piece of a text with one knowledge base: 0, 1 …
    place: Longs  # [N] which mention of the group it belongs to: 0, 1 …
    start: Longs  # [N]
    end: Longs  # [N]
    row: Longs  # [N] the entity among the neighbours; −1: unknown


class Edges(NamedTuple):
    """Pairs of related nodes; a's mention stands before b's."""

    a: Longs
    b: Longs
    value: Doubles  # > 0


def nodes_of(mentions: Mentions, kept: NDArray[np.bool_], row: Longs) -> Nodes:
    """Make nodes of the candidates that are marked."""
    candidate = np.flatnonzero(kept)
    owner = mentions.owner[candidate]
    if len(mentions) and not (mentions.kb == mentions.kb[0]).all():
        order = np.argsort(mentions.kb[owner], kind="stable")
        candidate, owner = candidate[order], owner[order]
    new = _changes(owner)
    text, kb = mentions.text[owner], mentions.kb[owner]
    first = _changes(text) | _changes(kb)
    mention = np.cumsum(new) - 1
    place = mention - np.repeat(mention[first], np.diff(np.append(np.flatnonzero(first), len(owner))))
    group = np.cumsum(first | (new & (place % PIECE == 0))) - 1
    start, end = (np.asarray(column[owner], np.int64) for column in (mentions.start, mentions.end))
    return Nodes(candidate, owner, group, place % PIECE, start, end, row[candidate])


def parts(neighbours: Neighbours, nodes: Nodes) -> Iterator[Nodes]:
    """Cut nodes between groups, so that each part is small enough to be worked on at once."""
    if not len(nodes.row):
        return
    lengths = neighbours.lengths(nodes.row) + 1
    cost = np.cumsum(np.maximum(lengths / VALUES, 1 / NODES))
    first = np.flatnonzero(_changes(nodes.group))
    number = np.floor(cost[first] - cost[0])
    cuts = first[1:][np.diff(number) > 0]
    for begin, end in zip([0, *cuts], [*cuts, len(nodes.row)], strict=True):
        part = Nodes(*(column[begin:end] for column in nodes))
        yield part._replace(group=part.group - part.group[0])


def edges(
    neighbours: Neighbours, nodes: Nodes, *, window: int, direct: float = 0.0, same: float = 0.0
) -> Edges:
    """Return all related pairs among the nodes of a part, ordered by (a, b)."""
    sparse = need("scipy.sparse", extra="link", why="relatedness of entities")
    sets = sets_of(neighbours, nodes.row)
    left, right = _columns(sparse, sets, nodes, max(window, 1))
    found: list[Edges] = []
    for at in range(0, len(nodes.row), ROWS):
        a, b, sums = _near(left[at : at + ROWS] @ right, at, nodes, window)
        sizes = sets.sizes
        value = related(sums, sizes.at(a), sizes.at(b), neighbours.entities, direct=direct, same=same)
        some = value > 0
        found.append(Edges(a[some], b[some], value[some]))
    a, b, value = (np.concatenate(column) for column in zip(*found, strict=True))
    return Edges(a, b, value)


def _near(product: Any, first: int, nodes: Nodes, window: int) -> tuple[Longs, Longs, Longs]:
    """Return the pairs of some rows of the product that are in reach, in order, and what it says of them."""
    product.sort_indices()
    a = np.repeat(np.arange(first, first + product.shape[0]), np.diff(product.indptr))
    b = product.indices
    away = nodes.place[b] - nodes.place[a]
    apart = (nodes.end[a] <= nodes.start[b]) | (nodes.end[b] <= nodes.start[a])
    near = (away > 0) & (away <= window) & apart
    return a[near], b[near].astype(np.int64), product.data[near]


def _columns(sparse: Any, sets: Sets, nodes: Nodes, window: int) -> tuple[Any, Any]:
    """Return nodes × columns, with what the next tile has of the same neighbours, and columns × nodes."""
    tile = nodes.group * (PIECE // window + 2) + nodes.place // window  # one is left free between groups
    owner = np.repeat(np.arange(len(nodes.row)), sets.lengths)
    key = (tile[owner] << 32) | sets.values
    order = np.argsort(key)  # in what order equal ones come changes nothing: whole numbers are summed up
    sorted_keys = key[order]
    new = _changes(sorted_keys)
    column = np.empty(len(key), np.int64)
    column[order] = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    distinct = sorted_keys[first]
    after = np.searchsorted(distinct, distinct + (1 << 32))
    has = after < len(distinct)
    has[has] = distinct[after[has]] == distinct[has] + (1 << 32)
    shape = (len(nodes.row), len(distinct))
    begin = np.append(first, len(key))
    right = sparse.csr_array((sets.weights[order], owner[order], begin), shape=shape[::-1])
    more = has[column]
    rows = np.concatenate([owner, owner[more]])
    columns = np.concatenate([column, after[column[more]]])
    weights = np.concatenate([sets.weights, sets.weights[more]])
    left = sparse.csr_array((weights, (rows, columns)), shape=shape)
    return left, right


def others(nodes: Nodes, window: int) -> Longs:
    """Return, for nodes that are one a mention, how many others are in reach of each."""
    count = np.zeros(len(nodes.row), np.int64)
    for away in range(1, min(window, len(nodes.row) - 1) + 1):
        a, b = slice(None, -away), slice(away, None)
        apart = (nodes.end[a] <= nodes.start[b]) | (nodes.end[b] <= nodes.start[a])
        met = (nodes.group[a] == nodes.group[b]) & apart
        count[a] += met
        count[b] += met
    return count


def ranks(mentions: Mentions, score: NDArray[np.floating[Any]]) -> Longs:
    """Return the place of each candidate in its mention, best first: 0, 1 …; ties as in `base.best`."""
    order = best_first(mentions, score)
    found = np.empty(len(order), np.int64)
    found[order] = ranges(np.zeros(len(mentions), np.int64), mentions.lengths)
    return found


def shares(mentions: Mentions, score: NDArray[np.floating[Any]], least: float = 0.0) -> Doubles:
    """Divide scores, of which none counts less than `least`, by their sum in each mention."""
    owner = mentions.owner
    score = np.maximum(score.astype(np.float64), least)
    total = np.bincount(owner, weights=score, minlength=len(mentions))
    equal = 1 / np.maximum(mentions.lengths, 1)
    found: Doubles = np.divide(score, total[owner], out=equal[owner], where=total[owner] > 0)
    return found


def _changes(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark where a value differs from the one before it; the first always."""
    new = np.ones(len(column), np.bool_)
    new[1:] = column[1:] != column[:-1]
    return new
