"""Decided mentions as rows of `linked`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.kb.schema import DICT, STR, U32
from kbtools.linked.schema import CANDIDATE, DOCUMENTS, FEATURES, KINDS, MENTION, SCORES
from kbtools.linkers.base import Floats, Longs, best_first
from kbtools.linkers.linking import Decided

MOST = {"none": 0, "top5": 5, "all": 1 << 20}  # candidates that are written


def batch(documents: pa.RecordBatch, found: Decided, *, candidates: str, features: bool) -> pa.RecordBatch:
    """Put documents, as the corpus has them, and their mentions together."""
    offsets = np.searchsorted(found.mentions.text, np.arange(documents.num_rows + 1)).astype(np.int32)
    values = _mentions(found, offsets, MOST[candidates], features)
    return pa.RecordBatch.from_arrays(
        [
            documents["doc_id"],
            documents["text"],
            documents["lang"].dictionary_encode().cast(DICT),
            pa.nulls(documents.num_rows, STR),
            documents["meta"],
            pa.ListArray.from_arrays(pa.array(offsets), values, type=DOCUMENTS.field("mentions").type),
        ],
        schema=DOCUMENTS,
    )


def _mentions(found: Decided, firsts: NDArray[np.int32], most: int, features: bool) -> pa.StructArray:
    mentions, ranked, _, choice = found
    count, known = len(mentions), choice >= 0
    at = np.maximum(choice, 0)
    eid, p = (
        values[at] if len(values) else np.zeros(count, values.dtype) for values in (mentions.eid, ranked.p)
    )
    parent = mentions.parent - firsts[mentions.text]
    told, rows = _candidates(found, most)
    offsets = pa.array(np.searchsorted(mentions.owner[rows], np.arange(count + 1)).astype(np.int32))
    listed = pa.ListArray.from_arrays(offsets, told, type=MENTION.field("candidates").type)
    columns = [
        pa.array(mentions.start.astype(np.uint32)),
        pa.array(mentions.end.astype(np.uint32)),
        pa.array(mentions.kb),
        pa.array(eid, U32, mask=~known),
        pa.array(np.where(known, p, 0).astype(np.float32)),
        pa.array(shortened(ranked.nil)),
        pa.DictionaryArray.from_arrays(pa.array(mentions.kind.astype(np.int32)), pa.array(KINDS, STR)),
        pa.array(_groups(found, firsts)),
        pa.array(np.maximum(parent, 0).astype(np.uint32), U32, mask=mentions.parent < 0),
        listed,
        _features(found.features, rows, offsets, wanted=features),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(MENTION))


def _groups(found: Decided, firsts: NDArray[np.int32]) -> NDArray[np.uint32]:
    """Count the places of each document: mentions of several knowledge bases at one place share a number."""
    mentions = found.mentions
    if not len(mentions):
        return np.zeros(0, np.uint32)
    new = np.ones(len(mentions), np.bool_)
    new[1:] = (np.diff(mentions.start) != 0) | (np.diff(mentions.end) != 0) | (np.diff(mentions.text) != 0)
    number = np.cumsum(new) - 1
    return (number - number[firsts[mentions.text]]).astype(np.uint32)


def _candidates(found: Decided, most: int) -> tuple[pa.StructArray, Longs]:
    """Return the candidates that are written, best first, and their rows."""
    mentions, p = found.mentions, found.ranked.p
    rows = best_first(mentions, p)
    place = np.arange(len(rows)) - np.repeat(mentions.offsets[:-1], mentions.lengths)
    rows = rows[place < most]
    columns = [pa.array(mentions.eid[rows]), pa.array(mentions.prior[rows]), pa.array(shortened(p[rows]))]
    return pa.StructArray.from_arrays(columns, fields=list(CANDIDATE)), rows


def shortened(p: Floats) -> Floats:
    """Drop the last bits of probabilities of candidates and NIL: a third of the bytes for a part in 4,000.

    They only become smaller, so what summed up to 1 at most still does.
    """
    bits = np.ascontiguousarray(p, np.float32).view(np.uint32) & np.uint32(0xFFFFF800)
    return bits.view(np.float32)


def _features(features: dict[str, Floats], rows: Longs, offsets: pa.Array, *, wanted: bool) -> pa.Array:
    kind = MENTION.field("features").type
    if not wanted:
        return pa.nulls(len(offsets) - 1, kind)
    nothing = pa.nulls(len(rows), pa.float32())
    columns = [
        pa.array(features[name][rows], pa.float32()) if name in features else nothing for name in SCORES
    ]
    values = pa.StructArray.from_arrays(columns, fields=list(FEATURES))
    return pa.ListArray.from_arrays(offsets, values, type=kind)
