"""What a linker decided, put into documents of spaCy: ids of entities, spans, candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from kbtools.linkers.base import KINDS
from kbtools.linkers.linking import Decided
from kbtools.linkers.spacy.entity_ids import EntityIds
from kbtools.linkers.spacy.settings import SPAN_KEY, Settings

Told = dict[str, Any]  # a mention, in words that can be saved with the document


def key(start: int, end: int) -> str:
    """Name a place in a document: what is saved with one goes by strings."""
    return f"{start}:{end}"


def told(decided: Decided, names: Sequence[str], entity_ids: EntityIds, docs: int) -> list[list[Told]]:
    """Return the mentions of each document, with the ids of their candidates."""
    mentions, ranked, _, choice = decided
    ids = entity_ids.of(mentions.kb[mentions.owner], mentions.eid)
    prior, p = mentions.prior.tolist(), ranked.p.tolist()
    candidates = [
        {"id": name, "prior": own, "p": mine} for name, own, mine in zip(ids, prior, p, strict=True)
    ]
    offsets = mentions.offsets.tolist()
    columns = (mentions.text, mentions.start, mentions.end, mentions.kb, mentions.kind, choice, ranked.nil)
    found: list[list[Told]] = [[] for _ in range(docs)]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for at, (text, start, end, kb, kind, chosen, nil) in enumerate(rows):
        here = {
            "start": start,
            "end": end,
            "kb": names[kb],
            "id": candidates[chosen]["id"] if chosen >= 0 else None,
            "p": candidates[chosen]["p"] if chosen >= 0 else 0.0,
            "nil": nil,
            "kind": KINDS[kind],
            "candidates": candidates[offsets[at] : offsets[at + 1]],
        }
        found[text].append(here)
    return found


def place(doc: Doc, mentions: Sequence[Told], names: Sequence[str], settings: Settings) -> None:
    """Write the mentions into a document."""
    by_place: dict[str, list[Told]] = {}
    for one in mentions:
        by_place.setdefault(key(one["start"], one["end"]), []).append(one)
    doc.user_data[SPAN_KEY] = by_place
    if settings.spans_key or settings.ents != "keep":
        spans = _spans(doc, mentions)
        if settings.spans_key:
            doc.spans[settings.spans_key] = spans
        if settings.ents == "replace":
            doc.set_ents(_apart(spans))
        elif settings.ents == "fill":
            taken = {token for ent in doc.ents for token in range(ent.start, ent.end)}
            free = [span for span in spans if taken.isdisjoint(range(span.start, span.end))]
            doc.set_ents([*doc.ents, *_apart(free)])
    order = {name: at for at, name in enumerate(names)}
    for ent in doc.ents:
        here = by_place.get(key(ent.start_char, ent.end_char), [])
        meant = min((one for one in here if one["id"]), key=lambda one: order[one["kb"]], default=None)
        found = meant["id"] if meant else settings.nil
        if found and (settings.overwrite or not ent.kb_id):
            for token in ent:
                token.ent_kb_id_ = found


def _spans(doc: Doc, mentions: Sequence[Told]) -> list[Span]:
    """Make spans of mentions; one that ends inside a token has that token whole."""
    places = np.array([(one["start"], one["end"]) for one in mentions], np.int64).reshape(-1, 2)
    first, last = tokens_of(doc, places[:, 0], places[:, 1])
    return [
        Span(doc, low, high, label=one["kb"], kb_id=one["id"] or "")
        for one, low, high in zip(mentions, first.tolist(), last.tolist(), strict=True)
        if low < high
    ]


def tokens_of(
    doc: Doc, start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tokens from the first to behind the last that places have a part in."""
    told: Any = doc.to_array(["LENGTH", "SPACY"])
    lengths = told.astype(np.int64).reshape(-1, 2)
    begins = np.cumsum(lengths.sum(axis=1)) - lengths.sum(axis=1)
    return np.searchsorted(begins + lengths[:, 0], start, side="right"), np.searchsorted(begins, end)


def _apart(spans: Sequence[Span]) -> list[Span]:
    """Choose spans that do not overlap: the longest first, then the earliest."""
    found: list[Span] = filter_spans(spans)
    return found
