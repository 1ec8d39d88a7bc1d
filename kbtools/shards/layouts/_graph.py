"""What leads from and to each entity: lists of neighbours, row after row, as samplers want them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from kbtools.kb import statements
from kbtools.kb.reader import Base
from kbtools.kb.statements import Triples
from kbtools.shards.assembly import lists
from kbtools.shards.base import I64
from kbtools.shards.layouts._choosing import Chooser

SCHEMA = pa.schema(
    [
        pa.field("eid", pa.int64(), False),
        pa.field("out_relations", pa.list_(pa.int32()), False),  # of (eid, relation, tail)
        pa.field("out_tails", pa.list_(pa.int64()), False),
        pa.field("in_relations", pa.list_(pa.int32()), False),  # of (head, relation, eid)
        pa.field("in_heads", pa.list_(pa.int64()), False),
    ]
)
AT_ONCE = 1 << 14  # entities in a batch
TRAIN = 0


def rows(base: Base, chooser: Chooser, low: int, high: int) -> Iterator[pa.RecordBatch]:
    """Yield the neighbours of entities low … high − 1; all triples are read, those at hand are held."""
    chooser.counts = Counter()  # what is left out is told where the triples are written
    held: list[Triples] = []
    for found in statements.all_of(base):
        near = (found.head >= low) & (found.head < high) | (found.tail >= low) & (found.tail < high)
        triples = chooser(found.take(near))
        held.append(triples.take(triples.split == TRAIN))
    if not held:
        held = [Triples(*(np.zeros(0, np.int64) for _ in Triples._fields))]  # type: ignore[arg-type]
    whole = Triples(*(np.concatenate(column) for column in zip(*held, strict=True)))
    out = _sorted(whole.head, whole.relation, whole.tail, low, high)
    into = _sorted(whole.tail, whole.relation, whole.head, low, high)
    for first in range(low, high, AT_ONCE):
        eids = np.arange(first, min(first + AT_ONCE, high))
        columns = [*_lists(*out, eids), *_lists(*into, eids)]
        yield pa.RecordBatch.from_arrays([pa.array(eids), *columns], schema=SCHEMA)


def _sorted(own: I64, relation: I64, other: I64, low: int, high: int) -> tuple[I64, I64, I64]:
    """Return edges by their own end, then relation, then the other end."""
    near = (own >= low) & (own < high)
    order = np.flatnonzero(near)
    order = order[np.lexsort((other[order], relation[order], own[order]))]
    return own[order], relation[order], other[order]


def _lists(own: I64, relation: I64, other: I64, eids: I64) -> list[pa.ListArray]:
    edges = np.searchsorted(own, [*eids, eids[-1] + 1])
    some, offsets = slice(edges[0], edges[-1]), edges - edges[0]
    return [lists(offsets, pa.array(relation[some].astype(np.int32))), lists(offsets, pa.array(other[some]))]
