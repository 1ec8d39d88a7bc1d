"""Facts in their sentences: where the two ends stand, and which relation joins them.

    [CLS] gandhi studied at the university college london [SEP]                    markers: none
    [CLS] @ gandhi @ studied at the # university college london # [SEP]            markers = @,#
    [CLS] [HD] gandhi [HD] studied at the [TL] university college london [TL] [SEP]    markers = [HD],[TL]

A fact is a row. Facts are told by the corpus (`meta.relations`), or by a knowledge base that has linked
documents joined with it: two mentions in a sentence of which it says something. A document is cut around both
mentions where a sentence is too long, never through a mention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.kb import statements
from kbtools.kb.reader import Base
from kbtools.kb.schema import STR
from kbtools.shards.base import I32, I64, NIL, NONE, SPAN, Cut, Here, Segments, Texts
from kbtools.shards.layouts import _pairing, _told_facts
from kbtools.shards.layouts._around import CONTEXT, Context, around, marker_ids
from kbtools.shards.layouts._pairing import Draw, Found
from kbtools.shards.spans import SNAP, Snap, align


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which facts, and how they are shown."""

    markers: tuple[str, ...] = setting(
        "Tokens put around the ends: two (head, tail), or four (before and behind each).", ()
    )
    context: Context = setting(CONTEXT, "sentence")
    relations: Path | None = setting("A file of the relations wanted, an id a line: their numbers.", None)
    kb: str | None = setting("The knowledge base that is meant, where there are several.", None)
    distant: bool = setting("Also what the knowledge base says of two mentions in a sentence.", False)
    unrelated: float = setting("Pairs without a relation for each fact of a document.", 0.0)
    reach: int = setting("For such pairs, a mention is joined with so many that follow.", 16)
    snap: Snap = setting(SNAP, "drop")

    def __post_init__(self) -> None:
        if len(self.markers) not in (0, 2, 4):
            raise ConfigError(f"facts.markers = {','.join(self.markers)}: two or four tokens, such as @,#")


class Facts:
    """Makes examples of facts."""

    takes: ClassVar[Literal["corpus"]] = "corpus"
    settings: ClassVar[type] = Settings
    fields: ClassVar[Sequence[pa.Field]] = (
        pa.field("facts.head", SPAN, False),  # tokens of the mention, markers are beside it
        pa.field("facts.tail", SPAN, False),
        pa.field("facts.relation", pa.int32(), False),  # its number; −1: it has none here, −2: no relation
        pa.field("facts.relation_id", STR),  # null: no relation
        pa.field("facts.head_id", STR),
        pa.field("facts.tail_id", STR),
    )

    def cut(self, texts: Texts, chosen: I64, settings: Settings, here: Here, copy: int) -> Cut:
        """Make an example of each fact of some documents."""
        markers = _markers(settings.markers, here)
        found = _chosen(texts, chosen, settings, here, copy)
        number = _numbers(found.relation, settings, here)
        if settings.relations:
            known = np.flatnonzero(number != NONE)
            here.counts["facts of other relations"] += len(number) - len(known)
            found, number = found.take(known), number[known]
        low, high = _windows(texts, found, settings, len(markers), here)
        fits = np.flatnonzero(high > low)
        found, number = found.take(fits), number[fits]
        segments, head, tail = _segments(found, low[fits], high[fits], markers, here)
        return Cut(segments, _columns(found, number, head, tail))


LAYOUT = Facts()


class Markers(NamedTuple):
    """Ids of the tokens put around: before and behind the head, before and behind the tail."""

    head: tuple[int, int]
    tail: tuple[int, int]


def _columns(found: Found, number: I32, head: I64, tail: I64) -> dict[str, pa.Array]:
    spans = [
        pa.FixedSizeListArray.from_arrays(pa.array(one.astype(np.int32).ravel()), type=SPAN)
        for one in (head, tail)
    ]
    told = [*spans, pa.array(number), found.relation, found.head_id, found.tail_id]
    return {field.name: column for field, column in zip(Facts.fields, told, strict=True)}


def _chosen(texts: Texts, chosen: I64, settings: Settings, here: Here, copy: int) -> Found:
    """Return the facts of some documents: told, by the knowledge base, and pairs without one."""
    parts = [_told(texts, chosen, settings, here)]
    base, place = _base(settings, here)
    if settings.distant or settings.unrelated:
        pairs = _pairing.pairs(texts, chosen, place, settings.reach, here)
        if settings.distant:
            if base is None:
                raise ConfigError("facts.distant: needs a knowledge base: pass it with --kb KB")
            parts.append(_pairing.distant(pairs, base, here))
    found = _pairing.joined(parts)
    if settings.unrelated:
        none = _pairing.unrelated(pairs, found, texts, Draw(settings.unrelated, copy, base), here)
        found = _pairing.joined([found, none])
    return found


def _told(texts: Texts, chosen: I64, settings: Settings, here: Here) -> Found:
    """Find the tokens of what the corpus tells."""
    told = _told_facts.facts(texts.documents, chosen, settings.kb, here)
    count = len(told.document)
    ends = np.concatenate([told.head, told.tail])
    lengths = pc.utf8_length(texts.documents["text"]).to_numpy().astype(np.int64)
    outside = (ends[:, 0] < 0) | (ends[:, 1] > np.tile(lengths[told.document], 2))
    placed = align(
        texts.stream, np.tile(told.document, 2), np.maximum(ends[:, 0], 0), np.maximum(ends[:, 1], 0)
    )
    good = np.zeros(2 * count, np.bool_)
    good[placed.kept(settings.snap, here.counts, "ends of facts")] = True
    good &= ~outside
    kept = np.flatnonzero(good[:count] & good[count:])
    here.counts["facts outside the text"] += int(outside.sum())
    columns = (one.take(pa.array(kept)) for one in told[3:])
    return Found(told.document[kept], placed.spans[:count][kept], placed.spans[count:][kept], *columns)


def _base(settings: Settings, here: Here) -> tuple[Base | None, int]:
    """Return the knowledge base that is meant and its number."""
    names = [one.name for one in here.kbs] or [base.name for base in here.bases.values()]
    if settings.kb is not None and settings.kb not in names:
        raise ConfigError(f"facts.kb = {settings.kb}: not here; there are: {', '.join(names) or 'none'}")
    place = names.index(settings.kb) if settings.kb is not None else min(here.bases, default=0)
    return here.bases.get(place), place


def _numbers(relation: pa.Array, settings: Settings, here: Here) -> I32:
    """Return numbers of relations: by the file, by the knowledge base, or none."""
    base, _ = _base(settings, here)
    if settings.relations:
        known = _listed(settings.relations)
        number = pc.index_in(relation, known, skip_nulls=True)
    elif base is not None:
        table = statements.relations(base)
        number = (
            table["rid"]
            .combine_chunks()
            .take(pc.index_in(relation, table["id"].combine_chunks(), skip_nulls=True))
        )
    else:
        number = pa.nulls(len(relation), pa.int32())
    found = pc.fill_null(number.cast(pa.int32()), NONE).to_numpy(False)
    return np.where(relation.is_null().to_numpy(False), NIL, found).astype(np.int32)


@lru_cache(maxsize=4)
def _listed(path: Path) -> pa.Array:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"facts.relations: {path}: cannot be read: {error}") from error
    names = list(dict.fromkeys(line.partition("\t")[0].strip() for line in lines if line.strip()))
    return pa.array(names, STR)


def _markers(names: tuple[str, ...], here: Here) -> Markers | tuple[()]:
    if not names:
        return ()
    ids = marker_ids(names, "facts.markers", here)
    four = np.repeat(ids, 2).tolist() if len(ids) == 2 else ids.tolist()
    return Markers((four[0], four[1]), (four[2], four[3]))


def _windows(texts: Texts, found: Found, settings: Settings, marked: int, here: Here) -> tuple[I64, I64]:
    """Return the tokens that are shown, from where to where; nothing where a fact cannot be shown."""
    starts, stops = (found.head[:, 0], found.tail[:, 0]), (found.head[:, 1], found.tail[:, 1])
    special = here.tokenizer.special
    room = here.max_length - (special.cls >= 0) - (special.sep >= 0) - 2 * marked
    ends = np.minimum(*starts), np.maximum(*stops)
    start, stop, long, cut = around(texts, found.document, ends, settings.context, room)
    overlap = np.zeros(len(long), np.bool_)
    if marked:
        overlap = np.maximum(*starts) < np.minimum(*stops)
    here.counts["facts too long"] += int(long.sum())
    here.counts["facts whose ends overlap"] += int((overlap & ~long).sum())
    here.counts["facts cut"] += int(cut[~(long | overlap)].sum())
    return start, np.where(long | overlap, start, stop)


def _segments(
    found: Found, low: I64, high: I64, markers: Markers | tuple[()], here: Here
) -> tuple[Segments, I64, I64]:
    """Return the pieces of each example, and where head and tail stand in it."""
    special, count = here.tokenizer.special, len(low)
    shift = int(special.cls >= 0) - low
    head, tail = found.head + shift[:, None], found.tail + shift[:, None]
    if not markers:
        ends = np.full(count, special.cls, np.int32), np.full(count, special.sep, np.int32)
        return Segments(np.arange(count), low, high, np.zeros(count, np.int8), *ends), head, tail
    leads = found.head[:, 0] < found.tail[:, 0]  # the head stands first
    one = np.where(leads[:, None], found.head, found.tail)
    two = np.where(leads[:, None], found.tail, found.head)
    start = np.column_stack([low, one[:, 0], one[:, 1], two[:, 0], two[:, 1]])
    stop = np.column_stack([one[:, 0], one[:, 1], two[:, 0], two[:, 1], high])
    empty = start >= stop
    start, stop = np.where(empty, one[:, :1], start), np.where(empty, one[:, :1], stop)
    before, after = np.full((count, 5), -1, np.int32), np.full((count, 5), -1, np.int32)
    before[:, 0], after[:, 4] = special.cls, special.sep
    for column, first in ((1, leads), (3, ~leads)):
        before[:, column] = np.where(first, markers.head[0], markers.tail[0])
        after[:, column] = np.where(first, markers.head[1], markers.tail[1])
    head += np.where(leads, 1, 3)[:, None]
    tail += np.where(leads, 3, 1)[:, None]
    pieces = np.repeat(np.arange(count), 5), start.ravel(), stop.ravel(), np.zeros(5 * count, np.int8)
    return Segments(*pieces, before.ravel(), after.ravel()), head, tail
