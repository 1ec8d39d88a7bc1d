"""Several examples in one row: which go together, so that little room is left."""

from __future__ import annotations

import numpy as np

from kbtools.shards.base import I64
from kbtools.shards.reading.ragged import Ragged


def pack(lengths: I64, room: int) -> Ragged:
    """Put examples into rows of `room` tokens; say which examples each row has.

    Best fit, longest first: each goes where it leaves the least room. A loop over examples, of a microsecond
    each, as every choice rests on those before it; what room there is, is a set of bits.
    """
    order = np.argsort(-lengths, kind="stable")
    row = np.empty(len(lengths), np.int64)
    by_room: list[list[int]] = [[] for _ in range(room + 1)]
    some, rows = 0, 0
    for place, length in zip(order.tolist(), lengths[order].tolist(), strict=True):
        fits = some >> length
        if fits:
            left = length + (fits & -fits).bit_length() - 1
            chosen = by_room[left].pop()
            if not by_room[left]:
                some ^= 1 << left
        else:
            left, chosen = room, rows
            rows += 1
        row[place] = chosen
        left -= length
        by_room[left].append(chosen)
        some |= 1 << left
    members = np.argsort(row, kind="stable")
    return Ragged(np.searchsorted(row[members], np.arange(rows + 1)), members)
