"""Put examples together from pieces of the stream, and find in them what stood in the stream."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.arrays import ranges
from kbtools.shards.base import I32, I64, Rows, Segments
from kbtools.tokens.stream import Stream


def assemble(stream: Stream, segments: Segments) -> Rows:
    """Lay the tokens of the segments, and special tokens around them, end to end."""
    before, after = (segments.before >= 0).astype(np.int64), (segments.after >= 0).astype(np.int64)
    inside = segments.stop - segments.start
    size = before + inside + after
    ends = np.cumsum(size)
    count = int(segments.example[-1]) + 1 if len(segments.example) else 0
    offsets = np.zeros(count + 1, np.int64)
    np.add.at(offsets, segments.example + 1, size)
    np.cumsum(offsets, out=offsets)
    total = int(offsets[-1])
    source = np.full(total, -1, np.int64)
    first = ends - size + before  # of each segment's own tokens, counted through all rows
    source[ranges(first, inside)] = ranges(segments.start, inside)
    ids = np.empty(total, np.int32)
    told = source >= 0
    ids[told] = stream.ids[source[told]]
    ids[(first - 1)[before > 0]] = segments.before[before > 0]
    ids[(ends - 1)[after > 0]] = segments.after[after > 0]
    kind = np.repeat(segments.kind, size)
    return Rows(offsets, ids, kind, source, segments, first - offsets[segments.example])


class Placed(NamedTuple):
    """Where spans of the stream stand in rows: those that no cut went through."""

    span: I64  # [P] which span
    row: I64  # [P] never falls
    start: I64  # [P] place in the row
    end: I64  # [P]

    def offsets(self, rows: int) -> I32:
        """Where the spans of each row begin, as the offsets of a list column."""
        return np.searchsorted(self.row, np.arange(rows + 1)).astype(np.int32)


def place(rows: Rows, spans: I64) -> Placed:
    """Find spans [K, 2], ordered by their starts, in the rows: once in each segment that holds them whole."""
    segments = rows.segments
    low = np.searchsorted(spans[:, 0], segments.start)
    high = np.searchsorted(spans[:, 0], segments.stop)
    span = ranges(low, high - low)
    segment = np.repeat(np.arange(len(low)), high - low)
    kept = spans[span, 1] <= segments.stop[segment]
    span, segment = span[kept], segment[kept]
    shift = rows.at[segment] - segments.start[segment]
    return Placed(span, segments.example[segment], spans[span, 0] + shift, spans[span, 1] + shift)


def lists(offsets: I64 | I32, values: pa.Array) -> pa.ListArray:
    """Make a list column of values that lie end to end."""
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
