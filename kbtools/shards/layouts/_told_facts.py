"""Facts that a corpus tells of its documents: `meta.relations`, by what they join.

{"relation": "P69", "head": 0, "tail": 1}                            numbers of mentions, as they stood
{"type": "P69", "head": "Q1001", "tail": "Q193196", "head_at": [0, 14], "tail_at": [30, 55]}        places
{"type": "CID", "args": ["D008874", "D006323"]}                      ids: the first mention of each
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb.schema import STR
from kbtools.shards.base import I64, Here

Place = tuple[int, int]


class Facts(NamedTuple):
    """F facts in order of their documents; places are code points of the text."""

    document: I64
    head: I64  # [F, 2]
    tail: I64  # [F, 2]
    relation: pa.Array
    head_id: pa.Array
    tail_id: pa.Array


class _Relation(msgspec.Struct):
    relation: str | None = None
    type: str | None = None
    head: int | str | None = None
    tail: int | str | None = None
    head_at: Place | None = None
    tail_at: Place | None = None
    args: Any = None


class _Meta(msgspec.Struct):
    relations: list[msgspec.Raw] = []


_meta = msgspec.json.Decoder(_Meta)
_relation = msgspec.json.Decoder(_Relation)


class _Mentions(NamedTuple):
    """The mentions of one document, each place once."""

    at: list[Place]
    ids: list[str | None]

    def find(self, told: int | str | None, at: Place | None) -> tuple[Place, str | None] | None:
        """Return where one end of a fact stands, and its id."""
        if at is not None:
            return at, told if isinstance(told, str) else None
        if isinstance(told, str):
            return (self.at[self.ids.index(told)], told) if told in self.ids else None
        if told is None or not 0 <= told < len(self.at):
            return None
        return self.at[told], self.ids[told]


def facts(documents: pa.RecordBatch, chosen: I64, kb: str | None, here: Here) -> Facts:
    """Read the facts of some documents; JSON is read document by document, at some µs each."""
    rows: list[tuple[int, Place, Place, str, str | None, str | None]] = []
    own = "links" in documents.schema.names  # of linked documents, the mentions are a linker's
    links = _Links(documents["links"]) if own else None
    metas = documents["meta"].take(pa.array(chosen)).to_pylist()
    for number, meta in zip(chosen.tolist(), metas, strict=True):
        if not meta or '"relations"' not in meta:
            continue
        told = _relations(meta, here)
        mentions = _mentions(links.of(number), kb) if links is not None and told else _Mentions([], [])
        for one in told:
            if not own and not (one.head_at and one.tail_at):
                here.counts["facts without places: link keeps no numbers of mentions"] += 1
                continue
            found = _row(number, one, mentions)
            here.counts["facts"] += 1
            here.counts["facts of which an end is nowhere"] += found is None
            rows += [found] if found else []
    columns = [*zip(*rows, strict=True)] or [()] * 6
    ends = [np.array(column, np.int64).reshape(-1, 2) for column in columns[1:3]]
    return Facts(np.array(columns[0], np.int64), *ends, *(pa.array(column, STR) for column in columns[3:]))


def _relations(meta: str, here: Here) -> list[_Relation]:
    found = []
    try:
        told = _meta.decode(meta).relations
    except (msgspec.DecodeError, RecursionError):
        told = []
        here.counts["documents whose relations cannot be read"] += 1
    for one in told:
        try:
            found.append(_relation.decode(one))
        except (msgspec.DecodeError, UnicodeDecodeError):
            here.counts["facts that cannot be read"] += 1
    return found


class _Links:
    """What is needed of the links of all documents, as plain lists."""

    def __init__(self, column: pa.ListArray) -> None:
        values = column.flatten()
        self._columns = [values.field(name).to_pylist() for name in ("start", "end", "id", "kb")]
        self._ends = np.cumsum([0, *pc.fill_null(pc.list_value_length(column), 0).to_pylist()]).tolist()

    def of(self, number: int) -> Iterator[tuple[int, int, str | None, str | None]]:
        """Yield start, end, id and knowledge base of the links of a document."""
        some = slice(self._ends[number], self._ends[number + 1])
        return zip(*(column[some] for column in self._columns), strict=True)


def _mentions(links: Iterator[tuple[int, int, str | None, str | None]], kb: str | None) -> _Mentions:
    """Gather what is said of each place; of several ids that of `kb`, else the first."""
    by_place: dict[Place, str | None] = {}
    mine: set[Place] = set()
    for start, end, own, whose in links:
        place = (start, end)
        wanted = kb is not None and whose == kb and place not in mine
        if wanted or by_place.get(place) is None:
            by_place[place] = own
        if wanted:
            mine.add(place)
    return _Mentions(list(by_place), list(by_place.values()))


def _row(number: int, one: _Relation, mentions: _Mentions) -> tuple[Any, ...] | None:
    relation = one.relation if one.relation is not None else one.type
    head, tail = one.head, one.tail
    if head is None and tail is None and isinstance(one.args, list) and len(one.args) == 2:
        head, tail = (arg if isinstance(arg, str) else None for arg in one.args)
    ends = mentions.find(head, one.head_at), mentions.find(tail, one.tail_at)
    if relation is None or ends[0] is None or ends[1] is None:
        return None
    return number, ends[0][0], ends[1][0], relation, ends[0][1], ends[1][1]
