"""Running text: whole sentences, as many as there is room for, of one document or of several.

    [CLS] s1 s2 s3 [SEP]                  pack = "documents": a document ends a sequence
    [CLS] s1 s2 [SEP] s1 s2 s3 [SEP]      pack = "full": the next document goes on behind a [SEP]

A sentence that is too long alone is cut between words, and never through a mention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from kbtools.arrays import ranges
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.shards.base import I64, Cut, Here, Segments, Texts
from kbtools.shards.cutting import greedy, whole


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a sequence holds."""

    pack: Literal["documents", "full"] = setting("Whether a sequence may hold several documents.", "full")
    shortest: int = setting("Sequences with fewer tokens of text are left out.", 1)


class Sequences:
    """Cuts documents into sequences."""

    takes: ClassVar[Literal["corpus"]] = "corpus"
    settings: ClassVar[type] = Settings
    fields: ClassVar[Sequence[pa.Field]] = ()

    def cut(self, texts: Texts, chosen: I64, settings: Settings, here: Here, copy: int) -> Cut:
        """Fill sequences with sentences, document after document."""
        room = here.max_length - 2
        if room < 1:
            raise ConfigError(f"max_length is {here.max_length}: no room for text between [CLS] and [SEP]")
        starts, stops, document = _sentences(texts, chosen, room, here)
        if not len(starts):
            return Cut(_segments(here, *(np.zeros(0, np.int64),) * 3), {})
        first = _fill(starts, stops, document, room, full=settings.pack == "full")
        opens = np.flatnonzero(first | np.append(True, document[1:] != document[:-1]))
        example = np.cumsum(first)[opens] - 1
        size = np.bincount(example, stops[np.append(opens[1:], len(starts)) - 1] - starts[opens])
        long = size >= settings.shortest
        here.counts["sequences too short"] += int((~long).sum())
        kept = long[example]
        number = (np.cumsum(long) - 1)[example[kept]]
        ends = stops[np.append(opens[1:], len(starts)) - 1]
        return Cut(_segments(here, number, starts[opens][kept], ends[kept]), {})


LAYOUT = Sequences()


def _sentences(texts: Texts, chosen: I64, room: int, here: Here) -> tuple[I64, I64, I64]:
    """Return the sentences of the documents, too long ones cut into several: start, stop, document."""
    begins, stops = texts.stream.begins[chosen], texts.stream.begins[chosen + 1]
    low, high = np.searchsorted(texts.sentences, begins), np.searchsorted(texts.sentences, stops)
    which = ranges(low, high - low)
    start, stop = texts.sentences[which], texts.sentences[which + 1]
    long = stop - start > room
    if long.any():
        spans = texts.whole  # what has no room at all has to be cut
        closed = whole(texts._replace(whole=spans[spans[:, 1] - spans[:, 0] <= room]))
        pieces = greedy(start[long], stop[long], closed, room)
        here.counts["sentences cut"] += int(long.sum())
        start = np.union1d(start, pieces)
        last = np.searchsorted(stops, start, side="right")
        stop = np.minimum(np.append(start[1:], stops[-1]), stops[last])
    document = np.searchsorted(stops, start, side="right")
    return start, stop, document


def _fill(
    starts: I64, stops: I64, document: I64, room: int, *, full: bool
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which sentences open a sequence: as late as there is room, so that sequences are full."""
    length = np.cumsum(stops - starts)
    if full:
        length += document - document[0]  # a [SEP] between two documents
    before = length - (stops - starts)
    limit = np.searchsorted(length, before + room, side="right")  # the first sentence there is no room for
    if not full:
        limit = np.minimum(limit, np.searchsorted(document, document, side="right"))
    following, first, at = limit.tolist(), np.zeros(len(starts), np.bool_), 0
    while at < len(starts):  # a step a sequence
        first[at] = True
        at = max(following[at], at + 1)
    return first


def _segments(here: Here, example: I64, start: I64, stop: I64) -> Segments:
    """Open a sequence with [CLS], close each document in it with [SEP]."""
    special = here.tokenizer.special
    opens = np.append(True, example[1:] != example[:-1])[: len(example)]
    return Segments(
        example=example,
        start=start,
        stop=stop,
        kind=np.zeros(len(example), np.int8),
        before=np.where(opens, special.cls, -1).astype(np.int32),
        after=np.full(len(example), special.sep, np.int32),
    )
