"""What `verify --deep` asks of linked documents: places, order, groups, numbers and probabilities."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import KbError
from kbtools.kb.soundness import guarded, many
from kbtools.linked.naming import Called
from kbtools.linked.reader import Linked
from kbtools.linked.schema import KINDS, TABLE

ROWS = 1024  # documents in a batch
OFF = 1e-3  # how far probabilities, which are float32, may be beyond 1

Array = NDArray[Any]
Fault = tuple[str, Array]  # what is wrong, and the mentions for which it is


def problems(
    path: Path, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield every problem in the documents, if their files are whole, in one sentence each."""
    if TABLE in tables:
        yield from guarded(TABLE, partial(_problems, Linked(path)))


def _problems(linked: Linked) -> Iterator[str]:
    sizes = _sizes(linked)
    counts: dict[str, int] = {}
    first: dict[str, str] = {}
    for batch in linked.scan(TABLE, ["doc_id", "text", "mentions"], rows=ROWS):
        mentions = _Mentions.of(batch)
        for what, rows in _faults(mentions, len(linked.kbs), sizes):
            if len(rows):
                counts[what] = counts.get(what, 0) + len(rows)
                first.setdefault(what, batch["doc_id"][int(mentions.owner[rows[0]])].as_py())
    for what, count in counts.items():
        yield f"{TABLE}: {many(count, 'mention')} {what}, such as in {first[what]!r}"


def _sizes(linked: Linked) -> dict[int, int]:
    """Count the entities of the knowledge bases that are at hand."""
    try:
        return Called(linked.manifest).sizes()
    except KbError:  # one that is damaged says so when it is verified itself
        return {}


class _Mentions(NamedTuple):
    """The mentions of some documents."""

    owner: Array  # [M] the row of the document
    text: Array  # [M] its length; −1: there is no text here
    nth: Array  # [M] the place in the document
    most: Array  # [M] how many mentions the document has
    values: pa.StructArray

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> _Mentions:
        """Take them out of a batch."""
        lengths = pc.list_value_length(batch["mentions"]).to_numpy(zero_copy_only=False)
        owner = np.repeat(np.arange(len(lengths)), lengths)
        firsts = np.cumsum(lengths) - lengths
        texts = pc.fill_null(pc.utf8_length(batch["text"]), -1).to_numpy(zero_copy_only=False)
        nth = np.arange(len(owner)) - firsts[owner]
        return cls(owner, texts[owner], nth, lengths[owner], batch["mentions"].flatten())

    def number(self, name: str, absent: int = -1) -> Array:
        """Return a column of whole numbers."""
        column = self.values.field(name).cast(pa.int64())
        found: Array = pc.fill_null(column, absent).to_numpy(zero_copy_only=False)
        return found

    def share(self, name: str) -> Array:
        """Return a column of probabilities."""
        found: Array = self.values.field(name).to_numpy(zero_copy_only=False).astype(np.float64)
        return found


def _faults(of: _Mentions, kbs: int, sizes: dict[int, int]) -> Iterator[Fault]:
    start, end, kb, eid = (of.number(name) for name in ("start", "end", "kb", "eid"))
    yield "of a place that is not in the text", _at((start >= end) | ((of.text >= 0) & (end > of.text)))
    yield "of a knowledge base that the manifest does not name", _at(kb >= kbs)
    most = np.array([sizes.get(place, 1 << 32) for place in range(256)])
    yield "of an entity that its knowledge base does not have", _at(eid >= most[kb])
    kinds = pc.is_in(of.values.field("kind").cast(pa.string()), pa.array(KINDS))
    yield "of an unknown kind", _at(~kinds.to_numpy(zero_copy_only=False))
    yield from _order(of, start, end, kb)
    p, nil = of.share("p"), of.share("nil")
    yield "whose p or nil is not from 0 to 1", _at(_outside(p) | _outside(nil))
    yield "whose p and nil are more than 1 together", _at(p + nil > 1 + OFF)
    yield "that mean nothing with p above 0", _at((eid < 0) & (p > 0))
    yield from _candidates(of, nil, most[kb])


def _order(of: _Mentions, start: Array, end: Array, kb: Array) -> Iterator[Fault]:
    """Check how mentions stand to those beside them, and to those they come from."""
    group, parent = of.number("group"), of.number("parent")
    beside = of.owner[1:] == of.owner[:-1]
    same = (start[1:] == start[:-1]) & (end[1:] == end[:-1])
    before = (start[1:] < start[:-1]) | (
        (start[1:] == start[:-1]) & ((end[1:] > end[:-1]) | ((end[1:] == end[:-1]) & (kb[1:] < kb[:-1])))
    )
    yield "out of order; they are sorted by start, −end and kb", _at(beside & before) + 1
    shared = group[1:] == group[:-1]
    yield (
        "that share a group with another place, or a place without its group",
        (_at(beside & (same != shared)) + 1),
    )
    yield (
        "whose parent is no other mention of the document",
        _at((parent >= of.most) | ((parent == of.nth) & (parent >= 0))),
    )


def _candidates(of: _Mentions, nil: Array, most: Array) -> Iterator[Fault]:
    listed = of.values.field("candidates")
    lengths = pc.list_value_length(listed).to_numpy(zero_copy_only=False)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    values = listed.flatten()
    eid, p = (values.field(name).to_numpy(zero_copy_only=False).astype(np.float64) for name in ("eid", "p"))
    beside = owner[1:] == owner[:-1]
    yield "whose candidates are not sorted by p", _once(owner[1:][beside & (p[1:] > p[:-1])])
    yield "with a candidate that its knowledge base does not have", _once(owner[eid >= most[owner]])
    yield "with a candidate whose p is not from 0 to 1", _once(owner[_outside(p)])
    together = np.bincount(owner, p, len(lengths)) + nil
    yield "whose candidates and nil are more than 1 together", _at(together > 1 + OFF)
    features = of.values.field("features")
    told = pc.fill_null(pc.list_value_length(features), -1).to_numpy(zero_copy_only=False)
    yield "with features of other candidates than there are", _at((told >= 0) & (told != lengths))


def _outside(p: Array) -> Array:
    inside: Array = (p >= 0) & (p <= 1 + OFF)
    return ~inside  # NaN is not inside


def _at(wrong: Array) -> Array:
    return np.flatnonzero(wrong)


def _once(rows: Array) -> Array:
    return np.unique(rows)
