"""Labelled documents: a text, or a text and another, with what is to be learnt of them; a document a row.

    [CLS] text [SEP]           [CLS] text [SEP] other [SEP]

The other text is a field of `meta`, or a sentence with fields in braces: "what of the {aspect} of {target} ?"
(Sun et al. 2019). `label` is a class, or a number, as the corpus writes it; `labels` are tags of words, on
the first piece of each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.arrays import ranges
from kbtools.config import setting
from kbtools.shards.assembly import assemble
from kbtools.shards.base import I64, Bools, Cut, Here, Segments, Texts
from kbtools.shards.cutting import inwards
from kbtools.shards.layouts.dialogues import fitted
from kbtools.shards.layouts.pairs import room
from kbtools.shards.spans import align

BETWEEN = "\n\n"  # stands between the two texts: no token and no sentence goes over it
FIELD = re.compile(r"\{(\w+)\}")
INSIDE = re.compile(r"\AB(?=-|\Z)")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the fields of `meta` are called."""

    other: str = setting("The field of the second text, or a sentence with {field}s.", "text_b")
    label: str = setting("The field of the class or the number.", "label")
    tags: str = setting("The field of the tags of words; `tokens` tells where these are.", "tags")
    group: str = setting("The field that says which rows are judged together.", "qid")
    first: Literal["text", "other"] = setting("Which of two texts comes first.", "text")
    pieces: Literal["first", "all"] = setting(
        "Tags stand on the first piece of a word, or on all: I- behind a B-.", "first"
    )


class _Tags(NamedTuple):
    """The tags of tokens."""

    tag: I64  # [T] a place in `tags`; −1: none
    tags: list[str]
    tagged: Bools  # [N] the document has tags


class Labelled:
    """Makes an example of each document."""

    takes: ClassVar[Literal["corpus"]] = "corpus"
    paired: ClassVar[bool] = True
    settings: ClassVar[type] = Settings
    fields: ClassVar[Sequence[pa.Field]] = (
        pa.field("label", pa.string()),
        pa.field("labels", pa.list_(pa.string())),  # a tag a token; null: none is asked for
        pa.field("group", pa.string()),
    )

    def documents(self, batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
        """Put the second text behind the first, before tokens are made of them."""
        texts = batch["text"].to_pylist()
        others = [_other(_told(meta), settings.other) for meta in batch["meta"].to_pylist()]
        joined = [one if two is None else one + BETWEEN + two for one, two in zip(texts, others, strict=True)]
        place = batch.schema.get_field_index("text")
        return batch.set_column(place, batch.schema.field(place), pa.array(joined, pa.large_string()))

    def cut(self, texts: Texts, chosen: I64, settings: Settings, here: Here, copy: int) -> Cut:
        """Take each document as it is; what there is no room for is cut off behind."""
        metas = [_told(meta) for meta in texts.documents["meta"].take(pa.array(chosen)).to_pylist()]
        spans = _spans(texts, chosen, metas, settings)
        filled = spans[:, 0, 0] < spans[:, 0, 1]
        here.counts["documents without a first text"] += int((~filled).sum())
        chosen, spans = chosen[filled], spans[filled]
        metas = [meta for meta, there in zip(metas, filled.tolist(), strict=True) if there]
        segments = _segments(texts, spans, here, turned=settings.first == "other")
        told = [meta.get(settings.label) for meta in metas]
        here.counts["documents without a label"] += sum(
            one is None and meta.get(settings.tags) is None for one, meta in zip(told, metas, strict=True)
        )
        groups = [meta.get(settings.group) for meta in metas]
        columns = {
            "label": pa.array(map(_written, told), pa.string()),
            "labels": _laid(texts, _labels(texts, chosen, metas, settings, here), segments),
            "group": pa.array(map(_written, groups), pa.string()),
        }
        return Cut(segments, columns)


LAYOUT = Labelled()


def _told(meta: str | None) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(meta) if meta else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _other(meta: dict[str, Any], wanted: str) -> str | None:
    """Return the second text; None if the document lacks what it is made of."""
    if "{" not in wanted:
        return _written(meta.get(wanted))
    if any(meta.get(name) is None for name in FIELD.findall(wanted)):
        return None
    return FIELD.sub(lambda found: _written(meta[found[1]]) or "", wanted)


def _written(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


def _spans(texts: Texts, chosen: I64, metas: list[dict[str, Any]], settings: Settings) -> I64:
    """Return the tokens of the two texts of each document [N, 2, 2]; the second may have none."""
    begins, ends = texts.stream.begins[chosen], texts.stream.begins[chosen + 1]
    words = texts.documents["text"].take(pa.array(chosen)).to_pylist()
    others = [_other(meta, settings.other) for meta in metas]
    split = [len(one) - len(two or "") for one, two in zip(words, others, strict=True)]
    found = align(texts.stream, chosen, np.array(split, np.int64), np.array(list(map(len, words)), np.int64))
    there = ~found.empty & np.array([two is not None for two in others], np.bool_)
    middle = np.where(there, found.spans[:, 0], ends)
    one = align(texts.stream, chosen, np.zeros(len(words), np.int64), np.array(split, np.int64)).spans
    last = np.minimum(np.where(there, one[:, 1], ends), middle)
    return np.stack([np.stack([begins, last], axis=1), np.stack([middle, ends], axis=1)], axis=1)


def _segments(texts: Texts, spans: I64, here: Here, *, turned: bool) -> Segments:
    """Cut the texts to size, and say what stands around them."""
    special, between = here.tokenizer.special, here.tokenizer.between
    sizes = spans[:, :, 1] - spans[:, :, 0]
    double = sizes[:, 1] > 0
    alone = here.max_length - (special.cls >= 0) - (special.sep >= 0)
    fitting = np.where(double[:, None], fitted(sizes, room(here)), np.minimum(sizes, alone))
    here.counts["documents shortened"] += int((fitting < sizes).any(axis=1).sum())
    spans = np.stack([spans[:, :, 0], spans[:, :, 0] + fitting], axis=2)
    swapped = double & turned
    spans[swapped] = spans[swapped][:, ::-1]
    used = np.stack([np.ones(len(spans), np.bool_), double], axis=1).ravel()
    flat = spans.reshape(-1, 2)[used]
    start, stop, stuck = inwards(texts, flat[:, 0], flat[:, 1])
    here.counts["texts cut within a word or mention"] += int(stuck.sum())
    one, two = (*between, -1, -1)[:2]
    before = np.tile(np.array([special.cls, two], np.int32), len(spans))
    after = np.tile(np.array([one, special.sep], np.int32), len(spans))
    after[::2][~double] = special.sep
    kind = np.tile(np.array([0, 1], np.int8), len(spans))
    example = np.repeat(np.arange(len(spans)), 2)
    return Segments(example[used], start, stop, kind[used], before[used], after[used])


def _labels(texts: Texts, chosen: I64, metas: list[dict[str, Any]], settings: Settings, here: Here) -> _Tags:
    """Find the tokens that have a tag."""
    document: list[int] = []
    places: list[Any] = []
    tags: list[str] = []
    tagged = np.zeros(len(metas), np.bool_)
    for at, meta in enumerate(metas):
        words, told = meta.get("tokens"), meta.get(settings.tags)
        if told is None:
            continue
        if not _fit(words, told):
            here.counts["documents whose tags do not fit"] += 1
            continue
        tagged[at] = True
        document += [int(chosen[at])] * len(told)
        places += words or []
        tags += told
    found = align(texts.stream, np.array(document, np.int64), *np.array(places, np.int64).reshape(-1, 2).T)
    here.counts["tags of words without tokens"] += int(found.empty.sum())
    tag = np.full(len(texts.stream.ids), -1, np.int64)
    kept = np.flatnonzero(~found.empty)[::-1]  # of two words on one token the first counts
    if settings.pieces == "all":
        sizes = found.spans[kept, 1] - found.spans[kept, 0]
        tag[ranges(found.spans[kept, 0], sizes)] = np.repeat(kept + len(tags), sizes)
        tags += [INSIDE.sub("I", one) for one in tags]
    tag[found.spans[kept, 0]] = kept
    return _Tags(tag, tags, tagged)


def _laid(texts: Texts, found: _Tags, segments: Segments) -> pa.Array:
    """Put tags where their tokens stand in the rows."""
    rows = assemble(texts.stream, segments)
    which = np.where(rows.source < 0, -1, np.append(found.tag, -1)[rows.source])
    which[~np.repeat(found.tagged, np.diff(rows.offsets))] = -1
    values = pa.array(found.tags, pa.string()).take(pa.array(which, mask=which < 0))
    return pa.ListArray.from_arrays(pa.array(rows.offsets, pa.int32()), values, mask=pa.array(~found.tagged))


def _fit(words: Any, tags: Any) -> bool:
    """Tell whether tags are words, one for each place."""
    if not isinstance(words, list) or not isinstance(tags, list) or len(words) != len(tags):
        return False
    spans = all(
        isinstance(one, list) and len(one) == 2 and all(isinstance(n, int) for n in one) for one in words
    )
    return (
        spans
        and all(isinstance(tag, str) for tag in tags)
        and all(0 <= n < 1 << 40 for one in words for n in one)
    )
