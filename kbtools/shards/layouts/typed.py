"""Mentions and their types: a mention a row, in its sentence.

    [CLS] in 1912 @ berlin @ was cold [SEP]        markers = @

Mentions are told by the corpus: `meta.mentions`, each with `at` (code points of the text) and `labels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.shards.base import I64, SPAN, Cut, Here, Segments, Texts
from kbtools.shards.layouts._around import CONTEXT, Context, around, marker_ids
from kbtools.shards.spans import SNAP, Snap, align


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How mentions are shown."""

    markers: tuple[str, ...] = setting(
        "Tokens put around the mention: one, or one before and one behind.", ()
    )
    context: Context = setting(CONTEXT, "sentence")
    snap: Snap = setting(SNAP, "outwards")

    def __post_init__(self) -> None:
        if len(self.markers) > 2:
            raise ConfigError(f"typed.markers = {','.join(self.markers)}: one token or two, such as [ENT]")


class _Mention(msgspec.Struct):
    at: tuple[int, int]
    labels: list[str] = []


class _Meta(msgspec.Struct):
    mentions: list[_Mention] = []


_metas = msgspec.json.Decoder(_Meta)


class Typed:
    """Makes an example of each mention."""

    takes: ClassVar[Literal["corpus"]] = "corpus"
    settings: ClassVar[type] = Settings
    fields: ClassVar[Sequence[pa.Field]] = (
        pa.field("typed.span", SPAN, False),  # tokens of the mention, markers are beside it
        pa.field("typed.labels", pa.list_(pa.string()), False),
    )

    def cut(self, texts: Texts, chosen: I64, settings: Settings, here: Here, copy: int) -> Cut:
        """Make an example of each mention of some documents."""
        document, spans, labels = _told(texts, chosen, settings, here)
        special, marked = here.tokenizer.special, 2 * bool(settings.markers)
        room = here.max_length - (special.cls >= 0) - (special.sep >= 0) - marked
        low, high, long, cut = around(texts, document, (spans[:, 0], spans[:, 1]), settings.context, room)
        here.counts["mentions too long"] += int(long.sum())
        here.counts["sentences cut around mentions"] += int((cut & ~long).sum())
        some = np.flatnonzero(~long)
        segments, placed = _segments(spans[some], low[some], high[some], settings, here)
        column = pa.FixedSizeListArray.from_arrays(pa.array(placed.astype(np.int32).ravel()), type=SPAN)
        told = pa.array([labels[at] for at in some.tolist()], pa.list_(pa.string()))
        return Cut(segments, {"typed.span": column, "typed.labels": told})


LAYOUT = Typed()


def _told(texts: Texts, chosen: I64, settings: Settings, here: Here) -> tuple[I64, I64, list[list[str]]]:
    """Return the mentions that have tokens, in order: their documents, spans and labels."""
    rows: list[tuple[int, int, int, list[str]]] = []
    metas = texts.documents["meta"].take(pa.array(chosen)).to_pylist()
    lengths = [len(text) for text in texts.documents["text"].take(pa.array(chosen)).to_pylist()]
    for number, meta, length in zip(chosen.tolist(), metas, lengths, strict=True):
        try:
            told = _metas.decode(meta).mentions if meta else []
        except (msgspec.DecodeError, RecursionError):  # of another meaning
            told = []
        here.counts["documents without mentions that have types"] += not told
        good = [one for one in told if 0 <= one.at[0] < one.at[1] <= length]
        here.counts["mentions outside the text"] += len(told) - len(good)
        rows += sorted((number, *one.at, one.labels) for one in good)
    places = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3)
    found = align(texts.stream, *places.T)
    some = found.kept(settings.snap, here.counts, "mentions")
    return places[some, 0], found.spans[some], [rows[at][3] for at in some.tolist()]


def _segments(spans: I64, low: I64, high: I64, settings: Settings, here: Here) -> tuple[Segments, I64]:
    """Return the pieces of each example, and where its mention stands in it."""
    special, count = here.tokenizer.special, len(low)
    placed = spans + (int(special.cls >= 0) - low)[:, None]
    kind = np.zeros(count, np.int8)
    if not settings.markers:
        ends = np.full(count, special.cls, np.int32), np.full(count, special.sep, np.int32)
        return Segments(np.arange(count), low, high, kind, *ends), placed
    ids = marker_ids(settings.markers, "typed.markers", here)
    start = np.column_stack([low, spans[:, 0], spans[:, 1]])
    stop = np.column_stack([spans[:, 0], spans[:, 1], high])
    empty = start >= stop
    start, stop = (np.where(empty, spans[:, :1], one) for one in (start, stop))
    before, after = np.full((count, 3), -1, np.int32), np.full((count, 3), -1, np.int32)
    before[:, 0], after[:, 2] = special.cls, special.sep
    before[:, 1], after[:, 1] = ids[0], ids[-1]
    flat = start.ravel(), stop.ravel(), np.repeat(kind, 3), before.ravel(), after.ravel()
    return Segments(np.repeat(np.arange(count), 3), *flat), placed + 1
