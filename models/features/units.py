"""What in a document has a vector: the whole, its sentences, words, tokens, or spans that it comes with."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.models.features.windows import I64
from kbtools.shards.spans import align
from kbtools.text.segment import sentences_of
from kbtools.tokens.stream import Stream


class Units(NamedTuple):
    """U units, in the order of the documents and of their starts."""

    document: I64  # [U]
    start: I64  # [U] code points of the document
    end: I64  # [U]
    tokens: I64  # [U, 2] of the stream; at least one

    def only(self, kept: NDArray[Any]) -> Units:
        """Return some of them."""
        return Units(*(one[kept] for one in self))


class _Told(msgspec.Struct):
    spans: list[tuple[int, int]] = []


_meta = msgspec.json.Decoder(_Told)


def units(kind: str, documents: pa.Table, stream: Stream, counts: Counter[str]) -> Units:
    """Find the units of documents; those that have no token are counted, and left out."""
    if kind == "token":
        here = np.arange(len(stream.ids))
        return Units(stream.document, *_places(stream, here, here + 1), np.stack([here, here + 1], axis=1))
    if kind == "word":
        first = np.flatnonzero(stream.word)
        stop = np.append(first[1:], len(stream.ids)) if len(first) else first
        return Units(stream.document[first], *_places(stream, first, stop), np.stack([first, stop], axis=1))
    if kind == "document":
        length = pc.utf8_length(documents["text"]).to_numpy().astype(np.int64)
        edges = np.stack([stream.begins[:-1], stream.begins[1:]], axis=1)
        found = Units(np.arange(len(length)), np.zeros_like(length), length, edges)
        kept = edges[:, 1] > edges[:, 0]
        counts["documents without tokens"] += int((~kept).sum())
        return found.only(kept)
    document, spans = (_sentences if kind == "sentence" else _spans)(documents, counts)
    start, end = spans[:, 0].astype(np.int64), spans[:, 1].astype(np.int64)
    aligned = align(stream, document, start, end)
    counts[f"{kind}s without tokens"] += int(aligned.empty.sum())
    if kind == "span":
        counts["spans that cut through a token"] += int((aligned.cut & ~aligned.empty).sum())
    return Units(document, start, end, aligned.spans).only(~aligned.empty)


def _places(stream: Stream, first: I64, stop: I64) -> tuple[I64, I64]:
    return stream.start[first].astype(np.int64), stream.end[stop - 1].astype(np.int64)


def _sentences(documents: pa.Table, counts: Counter[str]) -> tuple[I64, I64]:
    offsets, spans = sentences_of(*(documents[name].to_pylist() for name in ("text", "lang", "meta")))
    return np.repeat(np.arange(len(documents)), np.diff(offsets)), spans.astype(np.int64)


def _spans(documents: pa.Table, counts: Counter[str]) -> tuple[I64, I64]:
    """Return the spans of links and of `spans` in the meta, each place once."""
    links = documents["links"].combine_chunks()
    links = pa.concat_arrays(links.chunks) if isinstance(links, pa.ChunkedArray) else links
    many = pc.fill_null(pc.list_value_length(links), 0).to_numpy(zero_copy_only=False)
    values = links.flatten()
    of_links = [np.repeat(np.arange(len(many)), many)]
    of_links += [values.field(name).to_numpy(zero_copy_only=False) for name in ("start", "end")]
    told = [
        (row, *span)
        for row, meta in enumerate(documents["meta"].to_pylist())
        if meta and '"spans"' in meta
        for span in _told(meta, counts)
    ]
    rows = np.concatenate(
        [np.stack(of_links, axis=1).astype(np.int64), np.array(told, np.int64).reshape(-1, 3)]
    )
    length = pc.utf8_length(documents["text"]).to_numpy().astype(np.int64)
    inside = (rows[:, 1] >= 0) & (rows[:, 1] < rows[:, 2]) & (rows[:, 2] <= length[rows[:, 0]])
    counts["spans outside of their text"] += int((~inside).sum())
    rows = np.unique(rows[inside] * [1, 1, -1], axis=0)  # of two that begin together, the longer one first
    return rows[:, 0], rows[:, 1:] * [1, -1]


def _told(meta: str, counts: Counter[str]) -> list[tuple[int, int]]:
    try:
        return _meta.decode(meta).spans
    except msgspec.DecodeError:  # `spans` of somebody else
        counts["documents whose meta has other spans"] += 1
        return []
