"""Pairs of mentions in one sentence: what a knowledge base says of them, and those it says nothing of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.arrays import ranges
from kbtools.kb import statements
from kbtools.kb.ids import Ids
from kbtools.kb.reader import Base
from kbtools.kb.schema import STR
from kbtools.shards.base import I64, Here, Texts
from kbtools.shards.keys import key, purpose
from kbtools.shards.layouts import _edges
from kbtools.shards.views._mentions import aligned, mentions_of


class Found(NamedTuple):
    """F facts among tokens, in order of their documents."""

    document: I64
    head: I64  # [F, 2] tokens of the stream
    tail: I64  # [F, 2]
    relation: pa.Array  # null: there is none between them
    head_id: pa.Array
    tail_id: pa.Array

    def take(self, which: I64) -> Found:
        """Return some of them."""
        places = pa.array(which)
        return Found(*(one[which] for one in self[:3]), *(one.take(places) for one in self[3:]))


class Pairs(NamedTuple):
    """Ordered pairs of mentions that do not overlap; each pair comes in both directions."""

    document: I64
    head: I64
    tail: I64
    head_eid: I64
    tail_eid: I64

    def found(self, which: I64, relation: pa.Array, ids: Ids | None) -> Found:
        """Make facts of some of them."""
        head_id, tail_id = (
            pa.nulls(len(which), STR) if ids is None else ids.take(eid[which])
            for eid in (self.head_eid, self.tail_eid)
        )
        return Found(self.document[which], self.head[which], self.tail[which], relation, head_id, tail_id)


def pairs(texts: Texts, chosen: I64, kb: int, reach: int, here: Here) -> Pairs:
    """Return the mentions of a knowledge base joined with up to `reach` that follow in the same sentence."""
    found = mentions_of(texts, replace(here, counts=Counter()))  # asked for once for each split
    found = found.take(np.flatnonzero(((found.kb == kb) | (found.kb < 0)) & np.isin(found.document, chosen)))
    found, spans = aligned(found, texts, "drop", here, "mentions in pairs")
    document, eid = found.document, np.where(found.gold >= 0, found.gold, found.best)
    sentence = np.searchsorted(texts.sentences, spans[:, 0], side="right")
    last = np.searchsorted(sentence, sentence, side="right")  # behind the last of the same sentence
    behind = np.minimum(last - np.arange(len(eid)) - 1, reach)
    one = np.repeat(np.arange(len(eid)), behind)
    other = ranges(np.arange(len(eid)) + 1, behind)
    apart = (spans[one, 1] <= spans[other, 0]) & ((eid[one] != eid[other]) | (eid[one] < 0))
    one, other = one[apart], other[apart]
    heads, tails = np.concatenate([one, other]), np.concatenate([other, one])
    order = np.lexsort((spans[tails, 0], spans[heads, 0], document[heads]))
    heads, tails = heads[order], tails[order]
    return Pairs(document[heads], spans[heads], spans[tails], eid[heads], eid[tails])


def distant(told: Pairs, base: Base, here: Here) -> Found:
    """Return what the knowledge base says of the pairs: perhaps not what the sentence says."""
    place, rid = _edges.edges(base, here).between(told.head_eid, told.tail_eid)
    relations = statements.relations(base)
    by_rid = pa.array(
        np.full(int(relations["rid"].to_numpy().max(initial=0)) + 1, None, object), STR
    ).to_pylist()
    for number, name in zip(relations["rid"].to_pylist(), relations["id"].to_pylist(), strict=True):
        by_rid[number] = name
    here.counts["facts from the knowledge base"] += len(place)
    return told.found(place, pa.array(by_rid, STR).take(pa.array(rid)), Ids(base.kb))


class Draw(NamedTuple):
    """How pairs without a relation are chosen."""

    share: float  # for each fact of the document
    copy: int
    base: Base | None  # that must not know of one either


def unrelated(told: Pairs, facts: Found, texts: Texts, draw: Draw, here: Here) -> Found:
    """Choose pairs of which nothing is said, by a hash."""
    free = ~np.isin(_codes(told), np.concatenate([_codes(facts), _codes(facts, swapped=True)]))
    ids = None
    if draw.base is not None:
        ids, known = Ids(draw.base.kb), _edges.edges(draw.base, here)
        for ends in ((told.head_eid, told.tail_eid), (told.tail_eid, told.head_eid)):
            free[known.between(*ends)[0]] = False
    some = np.flatnonzero(free)
    names = texts.documents["doc_id"].take(pa.array(told.document[some]))
    begin = texts.stream.begins[told.document[some]]
    number = ((told.head[some, 0] - begin) << 32) + told.tail[some, 0] - begin
    keys = key(purpose(here.seed, f"unrelated {draw.copy}"), names, number)
    some = some[np.lexsort((keys, told.document[some]))]
    first = np.searchsorted(told.document[some], told.document[some])
    wanted = np.ceil(draw.share * np.bincount(facts.document, minlength=len(texts.stream)))
    some = np.sort(some[np.arange(len(some)) - first < wanted[told.document[some]]])
    here.counts["pairs without a relation"] += len(some)
    return told.found(some, pa.nulls(len(some), STR), ids)


def _codes(of: Pairs | Found, *, swapped: bool = False) -> I64:
    """Return a number for each pair of places; two facts between the same mentions have the same."""
    head, tail = (of.tail, of.head) if swapped else (of.head, of.tail)
    found: I64 = (head[:, 0] << 32) + tail[:, 0]
    return found


def joined(parts: list[Found]) -> Found:
    """Put facts together, in order of documents and places, each once."""
    every = Found(
        *(np.concatenate([one[at] for one in parts]) for at in range(3)),
        *(pa.concat_arrays([one[at] for one in parts]) for at in range(3, 6)),
    )
    relation = pc.fill_null(every.relation, "").dictionary_encode()
    names = (
        pc.rank(relation.dictionary, tiebreaker="first").to_numpy()
        if len(relation.dictionary)
        else np.zeros(0)
    )
    number = names[relation.indices.to_numpy()]
    rows = np.column_stack([every.document, every.head, every.tail, number]).astype(np.int64)
    _, first = np.unique(rows, axis=0, return_index=True)
    return every.take(first)
