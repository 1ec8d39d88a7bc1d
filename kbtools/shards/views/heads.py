"""Heads: for each word the place of its head word in the row, as a parser or a treebank has it.

The first piece of a word has the place of the first piece of its head; all other tokens have −100: further
pieces, special tokens, words without a head, and words whose head is not in the same piece of the row. The
documents are of CoNLL-U, or tell `tokens`, `heads` and `sentences` in their `meta` as its reader does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.config import setting
from kbtools.shards.assembly import lists
from kbtools.shards.base import I32, I64, Here, Prepared, Rows, Texts
from kbtools.shards.spans import align

IGNORED = -100  # what a loss leaves out
ROOT, NOTHING = -1, -2


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What stands for the head of a root."""

    root: Literal["self", "start", "ignore"] = setting(
        "The head of a root: itself, the beginning of the row ([CLS]), or none.", "self"
    )


class _Meta(msgspec.Struct):
    """What `meta` says of the words of a document."""

    tokens: list[tuple[int, int]] = []
    heads: list[int | None] = []
    sentences: list[tuple[int, int]] = []


class _Words(NamedTuple):
    """W words of a batch of documents."""

    document: I64
    start: I64
    end: I64
    head: I64  # a word; ROOT, NOTHING


_metas = msgspec.json.Decoder(_Meta)


class Heads:
    """Heads of dependency trees."""

    settings = Settings

    def fields(self, settings: Settings, here: Here) -> list[pa.Field]:
        """Say what columns it adds."""
        return [pa.field("heads", pa.list_(pa.int32()), False)]

    def prepare(self, texts: Texts, settings: Settings, here: Here) -> Prepared:
        """Find for each token of the block the token that is its head."""
        words = _words(texts, here)
        found = align(texts.stream, words.document, words.start, words.end)
        here.counts["words without tokens"] += int(found.empty.sum())
        token = np.where(found.empty, NOTHING, found.spans[:, 0])
        head = np.where(words.head < 0, words.head, token[words.head])
        heads = np.full(len(texts.stream.ids), NOTHING, np.int64)
        some = token >= 0
        token, head = token[some], head[some]
        # Words that share a token (can't, it's) have one head: that of the first whose head lies elsewhere.
        rank = np.where(head == token, 2, np.where(head == NOTHING, 1, 0))
        head[rank == 2] = NOTHING
        order = np.lexsort((-np.arange(len(token)), -rank))  # what is written last stays
        heads[token[order]] = head[order]
        here.counts["words with a head"] += int((heads != NOTHING).sum())
        return Prepared(np.zeros((0, 2), np.int64), heads, whole=False)

    def columns(self, prepared: Prepared, rows: Rows, settings: Settings, here: Here) -> list[pa.Array]:
        """Return the places of the heads, one for each token."""
        return [lists(rows.offsets, pa.array(_placed(prepared.what, rows, settings)))]


VIEW = Heads()


def _placed(heads: I64, rows: Rows, settings: Settings) -> I32:
    """Turn tokens of the stream into places of rows."""
    found = np.full(len(rows.source), IGNORED, np.int32)
    own = np.flatnonzero(rows.source >= 0)
    segments = rows.segments
    segment = np.repeat(np.arange(len(rows.at)), segments.stop - segments.start)
    head = heads[rows.source[own]]
    inside = (head >= segments.start[segment]) & (head < segments.stop[segment])
    shift = (rows.at - segments.start)[segment]
    found[own[inside]] = (head + shift)[inside]
    if settings.root != "ignore":
        root = head == ROOT
        found[own[root]] = (rows.source[own] + shift)[root] if settings.root == "self" else 0
    return found


def _words(texts: Texts, here: Here) -> _Words:
    """Read what is told of the words of all documents."""
    documents, starts, ends, heads = [], [], [], []
    before = 0
    for number, meta in enumerate(texts.documents["meta"].to_pylist()):
        told = _told(meta)
        if told is None:
            here.counts["documents without heads"] += 1
            continue
        spans = np.array(told.tokens, np.int64).reshape(-1, 2)
        documents.append(np.full(len(spans), number))
        starts.append(spans[:, 0])
        ends.append(spans[:, 1])
        heads.append(_heads(told, spans[:, 0], before, here))
        before += len(spans)
    nothing = [np.zeros(0, np.int64)]
    return _Words(*(np.concatenate(one or nothing) for one in (documents, starts, ends, heads)))


def _told(meta: str | None) -> _Meta | None:
    try:
        told = _metas.decode(meta) if meta else _Meta()
    except (msgspec.DecodeError, msgspec.ValidationError):  # `heads` of another meaning
        return None
    return told if told.heads and len(told.heads) == len(told.tokens) else None


def _heads(told: _Meta, start: I64, before: int, here: Here) -> I64:
    """Return the heads of a document as words of the block; they are told by their number in the sentence."""
    number = np.array([NOTHING if one is None else one for one in told.heads], np.int64)
    begins = np.array([begin for begin, _ in told.sentences] or [0], np.int64)
    first = np.append(np.searchsorted(start, begins), len(start))
    sentence = np.maximum(np.searchsorted(first, np.arange(len(start)), "right") - 1, 0)
    head = first[sentence] + number - 1
    wrong = (number > 0) & (head >= first[np.minimum(sentence + 1, len(first) - 1)])
    here.counts["heads that are no words"] += int(wrong.sum())
    found: I64 = np.where(number > 0, head + before, np.where(number == 0, ROOT, NOTHING))
    found[wrong] = NOTHING
    return found
