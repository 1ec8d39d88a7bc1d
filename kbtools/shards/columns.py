"""From pieces of tokenised documents to rows with all their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.shards.assembly import assemble, lists, place
from kbtools.shards.base import I64, Bools, Examples, Here, Prepared, Rows, Texts
from kbtools.shards.keys import key
from kbtools.shards.opening import Opened

DOCUMENT = pa.struct([pa.field("start", pa.int32(), False), pa.field("id", pa.string(), False)])
TEXT = (
    pa.field("input_ids", pa.list_(pa.int32()), False),
    pa.field("word_start", pa.list_(pa.bool_()), False),  # special tokens are words of their own
    pa.field("sentences", pa.list_(pa.int32()), False),  # places where sentences begin
    pa.field("documents", pa.list_(DOCUMENT), False),  # whose tokens these are, from where on
)
SEGMENT = pa.field("segment", pa.list_(pa.int8()), False)


def text_schema(layout: Any, added: Sequence[pa.Field]) -> pa.Schema:
    """Return the columns of examples of text: those that all have, the layout's and the views'."""
    paired = [SEGMENT] if getattr(layout, "paired", False) else []
    return pa.schema([*TEXT, *paired, *layout.fields, *added])


def finished(
    mine: Opened, texts: Texts, prepared: Sequence[Prepared], chosen: I64, *, copy: int, split: int
) -> Examples | None:
    """Cut documents of one split and write down all columns; None if nothing comes of them."""
    here = mine.here
    cut = mine.layout.cut(texts, chosen, mine.chosen.settings, here, copy)
    if not len(cut.segments.example):
        return None
    rows = assemble(texts.stream, cut.segments)
    document = np.searchsorted(texts.stream.begins, rows.segments.start, side="right") - 1
    columns = text_columns(texts, rows, document)
    if getattr(mine.layout, "paired", False):
        columns.append(lists(rows.offsets, pa.array(rows.kind)))
    columns += [cut.columns[one.name] for one in mine.layout.fields]
    kept = np.ones(len(rows), np.bool_)
    for (name, view, settings), found in zip(mine.views, prepared, strict=True):
        columns += view.columns(found, rows, settings, here)
        _count(here, name, found, rows, lies=_lies(texts, found.spans, chosen))
        asked = view.keep(found, rows, settings, here) if hasattr(view, "keep") else None
        kept &= True if asked is None else asked
    added = [one for _, view, settings in mine.views for one in view.fields(settings, here)]
    batch = pa.RecordBatch.from_arrays(columns, schema=text_schema(mine.layout, added))
    first = np.searchsorted(rows.segments.example, np.arange(len(rows)))
    owner = document[first] if cut.owner is None else cut.owner
    ids = texts.documents["doc_id"].take(pa.array(owner))
    keys = key(here.seed, ids, _numbers(owner) + (copy << 40))
    found_all = Examples(
        batch, keys, np.full(len(rows), split, np.uint8), np.diff(rows.offsets).astype(np.int32)
    )
    if kept.all():
        return found_all
    here.counts["examples left out by views"] += int((~kept).sum())
    some = np.flatnonzero(kept)
    return Examples(batch.take(pa.array(some)), keys[some], found_all.split[some], found_all.tokens[some])


def _lies(texts: Texts, spans: I64, chosen: I64) -> Bools:
    """Tell which spans lie in some documents."""
    ours = np.zeros(len(texts.stream), np.bool_)
    ours[chosen] = True
    found: Bools = ours[np.searchsorted(texts.stream.begins, spans[:, 0], side="right") - 1]
    return found


def _count(here: Here, name: str, prepared: Prepared, rows: Rows, *, lies: Bools) -> None:
    """Count what a view found in the documents, and what of it is in no example: there was no room for it."""
    here.counts[f"{name}: spans"] += int(lies.sum())
    placed = np.unique(place(rows, prepared.spans[lies]).span)
    here.counts[f"{name}: spans without room"] += int(lies.sum()) - len(placed)


def text_columns(texts: Texts, rows: Rows, document: I64) -> list[pa.Array]:
    """Return the columns of `TEXT`."""
    own = rows.source >= 0
    word = np.ones(len(rows.source), np.bool_)
    word[own] = texts.stream.word[rows.source[own]]
    starts = texts.sentences[:-1]
    begun = place(rows, np.stack([starts, starts + 1], axis=1))
    row = rows.segments.example
    # a document may be in several segments of a row, with markers between them
    opens = np.flatnonzero(np.append(True, (row[1:] != row[:-1]) | (document[1:] != document[:-1])))
    ids = texts.documents["doc_id"].take(pa.array(document[opens])).cast(pa.string())
    told = pa.StructArray.from_arrays([pa.array(rows.at[opens].astype(np.int32)), ids], fields=list(DOCUMENT))
    owner = np.searchsorted(row[opens], np.arange(len(rows) + 1))
    return [
        lists(rows.offsets, pa.array(rows.ids)),
        lists(rows.offsets, pa.array(word)),
        lists(begun.offsets(len(rows)), pa.array(begun.start.astype(np.int32))),
        lists(owner, told),
    ]


def _numbers(document: I64) -> NDArray[np.int64]:
    """Count the examples of each document: those of one follow each other."""
    first = np.flatnonzero(np.append(True, document[1:] != document[:-1]))
    sizes = np.diff(np.append(first, len(document)))
    found: NDArray[np.int64] = np.arange(len(document)) - np.repeat(first, sizes)
    return found
