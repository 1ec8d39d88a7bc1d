"""What views add to documents: tokenised and cut without the stage around them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.corpus.base import DOCUMENTS
from kbtools.shards.assembly import assemble
from kbtools.shards.base import Here, Rows, Segments, Texts
from kbtools.tokens.tokenizer import Tokenizer


def documents(*texts: str, lang: str | None = "en", meta: Any = None, links: Any = None) -> pa.RecordBatch:
    """Documents of a corpus; `meta` and `links` are of each of them."""
    each = range(len(texts))
    rows = [
        {
            "doc_id": f"d{at}", "text": texts[at], "lang": lang,
            "meta": msgspec.json.encode(meta[at]).decode() if meta else None,
            "links": links[at] if links else None,
        }
        for at in each
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)


def texts_of(batch: pa.RecordBatch, tokenizer: Tokenizer) -> Texts:
    """Tokenise; each document is one sentence."""
    stream = tokenizer.encode(batch["text"].to_pylist(), batch["lang"].to_pylist())
    return Texts(batch, stream, stream.begins, np.zeros((0, 2), np.int64))


def cut(texts: Texts, tokenizer: Tokenizer, size: int = 1 << 30) -> Rows:
    """Cut every document into rows of `size` tokens, between two special ones."""
    begins = texts.stream.begins.tolist()
    starts = [(at, stop) for low, stop in pairwise(begins) for at in range(low, stop, size)]
    start, stop = np.array(starts, np.int64).reshape(-1, 2).T
    each = len(start)
    special = tokenizer.special
    segments = Segments(
        np.arange(each), start, np.minimum(start + size, stop), np.zeros(each, np.int8),
        np.full(each, special.cls, np.int32), np.full(each, special.sep, np.int32),
    )  # fmt: skip
    return assemble(texts.stream, segments)


def seen(view: Any, settings: Any, texts: Texts, here: Here, size: int = 1 << 30) -> list[dict[str, Any]]:
    """Return the columns of a view, a row after the other."""
    rows = cut(texts, here.tokenizer, size)
    columns = view.columns(view.prepare(texts, settings, here), rows, settings, here)
    batch = pa.RecordBatch.from_arrays(columns, schema=pa.schema(view.fields(settings, here)))
    batch.validate(full=True)
    assert batch.num_rows == len(rows)
    found: list[dict[str, Any]] = batch.to_pylist()
    return found


def said(here: Here, texts: Texts, spans: list[list[int]], row: int = 0, size: int = 1 << 30) -> list[str]:
    """Decode spans of a row."""
    rows = cut(texts, here.tokenizer, size)
    ids = rows.ids[rows.offsets[row] : rows.offsets[row + 1]]
    return [here.tokenizer.decode(ids[start:end]) for start, end in spans]
