"""A batch of documents becomes tokens, with the sentences in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kbtools.shards import cutting
from kbtools.shards.base import I32, I64, Here, Prepared, Texts
from kbtools.text.segment import sentences_of
from kbtools.tokens.stream import Stream


def tokenised(documents: pa.RecordBatch, here: Here) -> Texts:
    """Encode the documents of a batch once; what is whole in them is not yet known."""
    words = documents["text"].to_pylist()
    langs = documents["lang"].to_pylist()
    stream = here.tokenizer.encode(words, langs)
    here.counts["documents without tokens"] += int((np.diff(stream.begins) == 0).sum())
    here.counts["tokens"] += len(stream.ids)
    offsets, spans = sentences_of(words, langs, documents["meta"].to_pylist())
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    return Texts(documents, stream, _starts(stream, lengths, offsets, spans), np.zeros((0, 2), np.int64))


def _starts(stream: Stream, lengths: I64, offsets: I64, spans: I32) -> I64:
    """Return the tokens at which sentences begin: the first at or behind the start of each."""
    base = np.cumsum(lengths + 1) - (lengths + 1)  # makes one running scale of all documents' code points
    document = np.repeat(np.arange(len(lengths)), np.diff(offsets))
    place = stream.start + base[stream.document]
    found = np.searchsorted(place, spans[:, 0] + base[document])
    found = np.minimum(found, stream.begins[1:][document])  # a sentence of nothing but what gives no token
    edges: I64 = np.unique(np.concatenate([stream.begins, found]).astype(np.int64))
    return edges


def with_spans(texts: Texts, prepared: Sequence[Prepared]) -> Texts:
    """Say what is whole, as views have found; a sentence does not begin within it."""
    spans = [one.spans for one in prepared if one.whole and len(one.spans)]
    if not spans:
        return texts
    found = texts._replace(whole=np.unique(np.concatenate(spans), axis=0))
    inside = np.append(cutting.whole(found), False)
    return found._replace(sentences=texts.sentences[~inside[texts.sentences]])
