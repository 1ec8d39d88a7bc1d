"""How often a model reads both ends of a fact in one example, and beside them a word of its relation.

An example shows a fact if it names head and tail: its mentions mean what is told of them (gold), else what
was decided (best), else their first candidate. It shows it with a cue if a word of the relation's names
begins between two such mentions or within NEAR tokens of them, and in neither.

Memory: 40 bytes a fact (twice that while they are sorted), and a batch of examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.kb.reader import Base
from kbtools.metrics.cooccurrence import Pairs, keys_of
from kbtools.shards.base import I64, NIL, Bools
from kbtools.shards.cues import Cues, numbered

NEAR = 8  # tokens around two mentions in which a cue counts
CHUNK = 1 << 20  # pairs of mentions that are looked at together
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
U32 = NDArray[np.uint32]


class Facts(NamedTuple):
    """The facts of a knowledge base about two entities, each once, by the pair of its ends."""

    head: U32  # [F]
    relation: U32
    tail: U32
    pairs: Pairs
    begins: I64  # [P + 1] the facts of each pair
    alone: int  # facts that were left out: an entity about itself


def facts_of(base: Base) -> Facts:
    """Read the facts that are not deprecated."""
    parts = [
        _read(batch, first, shift)
        for part, first, shift in numbered(base)
        if "triples" in part.tables
        for batch in part.scan("triples", ["head", "relation", "tail", "rank"])
    ]
    head, relation, tail = np.concatenate(parts, axis=1) if parts else np.zeros((3, 0), np.uint32)
    apart = head != tail
    alone = int((~apart).sum())
    head, relation, tail = head[apart], relation[apart], tail[apart]
    keys = keys_of(head, tail)
    order = np.lexsort((tail, head, relation, keys))
    keys, head, relation, tail = keys[order], head[order], relation[order], tail[order]
    again = np.zeros(len(keys), np.bool_)
    again[1:] = (keys[1:] == keys[:-1]) & (relation[1:] == relation[:-1]) & (head[1:] == head[:-1])
    keys, head, relation, tail = keys[~again], head[~again], relation[~again], tail[~again]
    distinct, begins = np.unique(keys, return_index=True)
    return Facts(head, relation, tail, Pairs(distinct), np.append(begins, len(keys)), alone)


def _read(batch: pa.RecordBatch, first: int, shift: int) -> U32:
    kept = batch["rank"].to_numpy() >= 0
    found: U32 = np.stack([batch[name].to_numpy()[kept] for name in ("head", "relation", "tail")])
    found[1][found[1] >= first] += np.uint32(shift)
    return found


class Read(NamedTuple):
    """A batch of examples, flat."""

    offsets: I64  # [N + 1] where the tokens of each begin
    ids: NDArray[np.int32]  # [R]
    opens: Bools  # [R + 1] a word may begin here
    row: I64  # [K] whose mention it is
    start: I64  # [K] tokens of the batch
    end: I64
    entity: I64


def read(batch: pa.RecordBatch, kb: str, special: Sequence[int] = ()) -> Read:
    """Take tokens and mentions out of a batch of examples; `special` tokens are no words."""
    offsets, ids = _flat(batch["input_ids"])
    opens = np.ones(len(ids) + 1, np.bool_)
    if "word_start" in batch.schema.names:
        opens[:-1] = _flat(batch["word_start"])[1]
        opens[:-1] |= np.isin(ids, np.array(special, np.int64))
        opens[offsets] = True
    places, spans = _flat(batch[f"entities.{kb}.spans"], width=2)
    row = np.repeat(np.arange(batch.num_rows), np.diff(places))
    spans = spans.reshape(-1, 2).astype(np.int64) + offsets[row][:, None]
    entity = _entities(batch, kb, len(row))
    known = entity >= 0
    return Read(offsets, ids, opens, row[known], spans[known, 0], spans[known, 1], entity[known])


def _entities(batch: pa.RecordBatch, kb: str, count: int) -> I64:
    """Return the gold entity of each mention; where nothing is told, the one decided on, or the likeliest."""
    best = np.full(count, -1, np.int64)
    if f"entities.{kb}.eids" in batch.schema.names:
        begins, eids = _flat(batch[f"entities.{kb}.eids"].flatten())
        some = begins[:-1] < begins[1:]
        best[some] = eids[begins[:-1][some]]
    for column in ("best", "gold"):
        if f"entities.{kb}.{column}" in batch.schema.names:
            means = _flat(batch[f"entities.{kb}.{column}"])[1].astype(np.int64)
            told = (means >= 0) | (means == NIL)
            best[told] = means[told]
    return best


def _flat(column: pa.Array, width: int = 1) -> tuple[I64, NDArray[Any]]:
    """Return offsets from 0 and the values of a list column; of one of spans, their numbers."""
    offsets = np.append(0, np.cumsum(column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)))
    values = column.flatten()
    if width > 1:
        values = values.flatten()
    return offsets.astype(np.int64), values.to_numpy(zero_copy_only=False)


class Exposed:
    """Counts of facts, added up over batches of examples."""

    def __init__(self, facts: Facts, cues: Cues | None, near: int = NEAR) -> None:
        self.facts, self.cues, self.near = facts, cues, near
        self.together = np.zeros(len(facts.head), np.uint32)  # examples that name both ends
        self.with_cue = np.zeros(len(facts.head), np.uint32)  # and a word of the relation beside them
        self.examples = self.tokens = self.mentions = 0

    def add(self, some: Read) -> None:
        """Count the examples of a batch."""
        facts = self.facts
        self.examples += len(some.offsets) - 1
        self.tokens += len(some.ids)
        self.mentions += len(some.row)
        met = facts.pairs.meetings(some.row, some.entity)
        size = facts.begins[met.pair + 1] - facts.begins[met.pair]
        fact = ranges(facts.begins[met.pair], size)
        np.add.at(self.together, fact, 1)
        if self.cues is not None and len(fact):
            cued = self._cued(self.cues, some, np.repeat(met.unit, size), fact)
            np.add.at(self.with_cue, fact[cued], 1)

    def _cued(self, cues: Cues, some: Read, row: I64, fact: I64) -> Bools:
        """Tell which facts, each shown in a row, have a cue there."""
        count, rows = len(some.ids), len(some.offsets) - 1
        shows = np.zeros(rows, np.bool_)
        shows[row] = True
        of_token = np.repeat(np.arange(rows), np.diff(some.offsets))
        relation, place = cues.find(some.ids, some.opens, of_token, shows[of_token])
        hits = relation * count + place  # sorted
        base = self.facts.relation[fact].astype(np.int64) * count
        first, last = some.offsets[row], some.offsets[row + 1]
        cued: Bools = np.zeros(len(fact), np.bool_)
        asked = np.flatnonzero(_any(hits, base + first, base + last))
        key = (some.row.astype(np.uint64) << _HALF) | some.entity.astype(np.uint64)
        order = np.argsort(key, kind="stable")
        key = key[order]
        unit = row[asked].astype(np.uint64) << _HALF
        ends = [unit | side[fact[asked]].astype(np.uint64) for side in (self.facts.head, self.facts.tail)]
        begin = [np.searchsorted(key, end) for end in ends]
        size = [np.searchsorted(key, end, side="right") - low for end, low in zip(ends, begin, strict=True)]
        total = np.cumsum(size[0] * size[1])
        for part in np.split(np.arange(len(asked)), np.flatnonzero(np.diff(total // CHUNK)) + 1):
            sizes = size[0][part] * size[1][part]
            which = np.repeat(part, sizes)
            inner = ranges(np.zeros(len(part), np.int64), sizes)
            one = order[begin[0][which] + inner // size[1][which]]
            other = order[begin[1][which] + inner % size[1][which]]
            at = asked[which]
            low = np.maximum(np.minimum(some.start[one], some.start[other]) - self.near, first[at])
            high = np.minimum(np.maximum(some.end[one], some.end[other]) + self.near, last[at])
            swapped = some.start[one] > some.start[other]
            one, other = np.where(swapped, other, one), np.where(swapped, one, other)
            edges = [(low, some.start[one]), (some.end[one], some.start[other])]
            edges.append((np.maximum(some.end[one], some.end[other]), high))
            for begins, stops in edges:
                cued[at[_any(hits, base[at] + begins, base[at] + stops)]] = True
        return cued


def _any(hits: I64, low: I64, high: I64) -> Bools:
    """Tell whether some hit is at or above `low` and below `high`."""
    found: Bools = np.searchsorted(hits, low) < np.searchsorted(hits, high)
    return found
