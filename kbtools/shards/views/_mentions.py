"""The mentions of a batch of documents, linked or of a corpus that has links: columns, with candidates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.kb.resolving import resolve
from kbtools.kb.schema import STR
from kbtools.shards.base import I64, NIL, NONE, Bools, Here, Texts
from kbtools.shards.spans import Snap, align

TOLD = ("gold", "anchor", "user")  # kinds of mentions whose entity somebody told
UNNAMED = "ner"  # the kind of links that say nothing of an entity
F32 = NDArray[np.float32]


class Candidates(NamedTuple):
    """What M mentions may mean, best first."""

    offsets: I64  # [M + 1]
    eid: I64
    prior: F32
    p: F32

    def take(self, rows: I64) -> Candidates:
        """Keep those of some mentions."""
        lengths = np.diff(self.offsets)[rows]
        at = ranges(self.offsets[rows], lengths)
        return Candidates(_offsets(lengths), self.eid[at], self.prior[at], self.p[at])

    def filter(self, kept: Bools) -> Candidates:
        """Keep some candidates of all mentions."""
        before = np.append(0, np.cumsum(kept))
        return Candidates(before[self.offsets], self.eid[kept], self.prior[kept], self.p[kept])


class Mentions(NamedTuple):
    """M mentions in order (document, start, −end), each of one knowledge base."""

    document: I64
    start: I64  # code points of the text
    end: I64
    kb: NDArray[np.int16]  # a place in `here.kbs`; −1: of none
    best: I64  # the entity that was decided on; NIL, or NONE: nothing was decided
    gold: I64  # the one that somebody told; NIL, or NONE
    p: F32  # how likely `best` is
    link: I64  # its row among all links, or mentions, of the batch
    candidates: Candidates

    def take(self, rows: I64) -> Mentions:
        """Keep some."""
        return Mentions._make([*(one[rows] for one in self[:-1]), self.candidates.take(rows)])


def mentions_of(texts: Texts, here: Here) -> Mentions:
    """Return all mentions of the documents."""
    if "mentions" in texts.documents.schema.names:
        return _linked(texts.documents["mentions"])
    return _links(texts.documents["links"], here)


def aligned(
    found: Mentions, texts: Texts, snap: Snap, here: Here, what: str = "mentions"
) -> tuple[Mentions, I64]:
    """Return the mentions that have tokens, and their spans in the stream; they are counted as `what`."""
    here.counts[what] += len(found.document)
    placed = align(texts.stream, found.document, found.start, found.end)
    kept = placed.kept(snap, here.counts, what)
    return found.take(kept), placed.spans[kept]


def apart(spans: I64, group: NDArray[Any], *keys: NDArray[Any]) -> Bools:
    """Choose among spans that overlap, by the group: tell which to keep.

    One is kept if it comes before all that overlap it, by the keys, the first key first; those go, and so on
    with the rest. Spans are in order of their starts.
    """
    each = np.arange(len(spans))
    kept, open_ = np.zeros(len(spans), np.bool_), np.ones(len(spans), np.bool_)
    follow = np.maximum(np.searchsorted(spans[:, 0], spans[:, 1]) - each - 1, 0)  # that start within
    one, other = np.repeat(each, follow), ranges(each + 1, follow)
    same = group[one] == group[other]
    one, other = one[same], other[same]
    place = _places(keys, np.unique(np.concatenate([one, other])), len(spans))
    while len(one):
        wins = open_.copy()
        wins[np.where(place[one] < place[other], other, one)] = False
        kept |= wins
        open_ &= ~wins
        open_[one[wins[other]]] = False
        open_[other[wins[one]]] = False
        both = open_[one] & open_[other]
        one, other = one[both], other[both]
    return kept | open_


def longest(spans: I64) -> tuple[I64, I64]:
    """Return the keys by which longer spans come first, then earlier ones."""
    return spans[:, 0] - spans[:, 1], spans[:, 0]


def _places(keys: tuple[NDArray[Any], ...], some: I64, count: int) -> I64:
    """Return the places of some rows when they are ordered by the keys; others are at 0."""
    place = np.zeros(count, np.int64)
    place[some[np.lexsort([key[some] for key in keys[::-1]])]] = np.arange(len(some))
    return place


def _linked(column: pa.ListArray) -> Mentions:
    values = column.flatten()
    get: Callable[[str], pa.Array] = values.field
    numbers = {name: get(name).to_numpy().astype(np.int64) for name in ("start", "end")}
    best = pc.fill_null(get("eid").cast(pa.int64()), NIL).to_numpy()
    told = pc.is_in(get("kind").cast(STR), pa.array(TOLD, STR)).to_numpy(zero_copy_only=False)
    listed = get("candidates")
    each = listed.flatten()
    columns = [each.field(name).to_numpy() for name in ("eid", "prior", "p")]
    return Mentions(
        pc.list_parent_indices(column).to_numpy().astype(np.int64),
        numbers["start"],
        numbers["end"],
        get("kb").to_numpy().astype(np.int16),
        best,
        np.where(told, best, NONE),
        get("p").to_numpy().astype(np.float32),
        np.arange(len(values)),
        Candidates(_offsets(listed.value_lengths().to_numpy()), columns[0].astype(np.int64), *columns[1:]),
    )


def _links(column: pa.ListArray, here: Here) -> Mentions:
    """Take links as mentions that somebody told; their entities are the only candidates."""
    values = column.flatten()
    kb, best = _entities(values, here)
    kind = values.field("kind")
    told = pc.or_(pc.is_null(kind), pc.is_in(kind, pa.array(TOLD, STR))).to_numpy(zero_copy_only=False)
    row, kb = _of_each(kb, best, len(here.kbs))
    document = pc.list_parent_indices(column).to_numpy().astype(np.int64)[row]
    start, end = (values.field(name).to_numpy().astype(np.int64)[row] for name in ("start", "end"))
    order = np.lexsort((kb, -end, start, document))
    row, document, start, end, kb = (one[order] for one in (row, document, start, end, kb))
    best = best[row]
    known = best >= 0
    ones = np.ones(int(known.sum()), np.float32)
    p = pc.fill_null(values.field("p"), 1.0).to_numpy().astype(np.float32)[row]
    return Mentions(
        document, start, end, kb.astype(np.int16), best, np.where(told[row], best, NONE), p, row,
        Candidates(_offsets(known), best[known], ones, ones),
    )  # fmt: skip


def _of_each(kb: I64, best: I64, kbs: int) -> tuple[I64, I64]:
    """Say of each knowledge base what is said of all: that an entity is in none. Rows, and whose."""
    nobody = (kb < 0) & (best == NIL) & (kbs > 0)
    some, none = np.flatnonzero(~nobody), np.flatnonzero(nobody)
    row = np.concatenate([some, np.repeat(none, kbs)])
    return row, np.concatenate([kb[some], np.tile(np.arange(kbs), len(none))])


def _entities(values: pa.StructArray, here: Here) -> tuple[NDArray[np.int64], I64]:
    """Return whose entity each link leads to, and which; ids are looked up in the knowledge bases here."""
    names = [one.name for one in here.kbs]
    ids, spaces = values.field("id"), values.field("kb")
    kb = pc.fill_null(pc.index_in(spaces, pa.array(names, STR)), -1).to_numpy().astype(np.int64)
    eid = pc.fill_null(values.field("eid").cast(pa.int64()), NONE).to_numpy().copy()
    eid[kb < 0] = NONE  # a number of something that is not here
    nothing = pc.and_(pc.is_null(ids), pc.is_null(values.field("eid")))
    gold = pc.fill_null(pc.not_equal(values.field("kind"), UNNAMED), True)
    eid[pc.and_(nothing, gold).to_numpy(zero_copy_only=False)] = NIL
    if here.bases and ids.null_count < len(ids):
        found = resolve(here.bases, ids, spaces)
        known = found.eid >= 0
        eid[known], kb[known] = found.eid[known], found.kb[known]
        here.counts["links to no entity here"] += int(pc.is_valid(ids).to_numpy(False)[~known].sum())
    return kb, eid


def _offsets(lengths: NDArray[Any]) -> I64:
    found = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=found[1:])
    return found
