"""Documents with links as a DocBin, by spaCy's own means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from kbtools.alias.hashing import codes_of
from kbtools.alias.normal import SURROGATE
from kbtools.corpus.base import Link
from kbtools.linkers.spacy._docbin_reading import NIL, Kept
from kbtools.linkers.spacy.settings import SPAN_KEY
from kbtools.text.words import words

ATTRS = ("ORTH", "ENT_IOB", "ENT_TYPE", "ENT_KB_ID")
UNTYPED = "ENTITY"  # what has no label is no entity to spaCy


def write(documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
    """Write documents of the schema of corpora."""
    vocab, held = Vocab(), DocBin(attrs=ATTRS, store_user_data=True)
    for batch in documents:
        for row in batch.to_pylist():
            held.add(_doc(vocab, row))
    file.write(held.to_bytes())


def _doc(vocab: Vocab, row: dict[str, Any]) -> Doc:
    text = row["text"] if row["text"].isascii() else SURROGATE.sub("\ufffd", row["text"])
    links = [link for link in row["links"] or [] if link["start"] < min(link["end"], len(text))]
    edges = np.array([(link["start"], link["end"]) for link in links], np.int64).reshape(-1, 2)
    tokens = _tokens(text, row["lang"], np.minimum(edges, len(text)))
    told = [text[start:end] for start, end in zip(tokens.start.tolist(), tokens.end.tolist(), strict=True)]
    doc = Doc(vocab, words=told, spaces=tokens.space.tolist())
    first = np.searchsorted(tokens.start, edges[:, 0]).tolist()
    last = np.searchsorted(tokens.end, edges[:, 1]).tolist()
    spans = [
        Span(doc, low, high + 1, link["type"] or UNTYPED, kb_id=_id(link))
        for link, low, high in zip(links, first, last, strict=True)
    ]
    doc.set_ents(filter_spans(spans), default="unmodified" if row["links"] is None else "outside")
    doc.spans[SPAN_KEY] = [
        Span(doc, span.start, span.end, link["kb"] or "", kb_id=span.kb_id_)
        for span, link in zip(spans, links, strict=True)
    ]
    told_all = None if row["links"] is None else [_link(link) for link in row["links"]]
    kept = Kept(doc_id=row["doc_id"], lang=row["lang"], meta=row["meta"], links=told_all)
    doc.user_data[f"{SPAN_KEY}.document"] = msgspec.json.encode(kept).decode()
    return doc


def _id(link: dict[str, Any]) -> str:
    nobody = link["kind"] == "gold" and link["eid"] is None
    return link["id"] or (NIL if nobody else "")


def _link(row: dict[str, Any]) -> Link:
    extra = msgspec.json.decode(row["extra"]) if row["extra"] else None
    return Link(**{**row, "extra": extra})


class _Tokens(NamedTuple):
    """Tokens, and which of them a space follows that is none itself."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    space: NDArray[np.bool_]


def _tokens(text: str, lang: str | None, edges: NDArray[np.int64]) -> _Tokens:
    """Cut a text into words and what is between them; links begin and end where words do."""
    if not text:
        none = np.zeros(0, np.int64)
        return _Tokens(none, none, np.zeros(0, np.bool_))
    cuts = np.unique(np.concatenate([[0, len(text)], words(text, lang).ravel(), edges.ravel()]))
    start, end = cuts[:-1].astype(np.int64), cuts[1:].astype(np.int64)
    space = (end - start == 1) & (codes_of(text)[start] == ord(" "))
    space &= ~np.isin(start, edges[:, 0]) & ~np.isin(end, edges[:, 1])  # of a link, it is a token
    space[0] = False
    return _Tokens(start[~space], end[~space], np.append(space[1:], False)[~space])
