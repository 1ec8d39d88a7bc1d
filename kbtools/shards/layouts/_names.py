"""What entities are called, as tokens, and which entities are of a type: to put others in their places.

aliases   row n is entity n: its label first, then its other names in order
types     a row a type: the entities that are directly of it and have a name
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.kb.reader import Base, Kb
from kbtools.kb.schema import STR
from kbtools.shards.assembly import lists
from kbtools.shards.base import Bools, Here
from kbtools.shards.views import _knowledge

IDS = pa.list_(pa.int32())
ALIASES = pa.schema(
    [
        pa.field("eid", pa.int64(), False),
        pa.field("names", pa.list_(pa.string()), False),
        pa.field("name_ids", pa.list_(IDS), False),  # tokens of each name, without special ones
    ]
)
TYPES = pa.schema([pa.field("type", pa.int64(), False), pa.field("entities", pa.list_(pa.int64()), False)])
COLUMNS = ["eid", "text", "lang", "source"]
AT_ONCE = 1 << 13  # entities in a batch
MANY = 1 << 20  # entities of types in a batch


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Which names."""

    aliases: bool = setting("Write the table of names of each entity.", False)
    types: bool = setting("Write the table of entities of each type.", False)
    sources: tuple[str, ...] = setting("Names from these sources (label, alias ...); none named: all.", ())


def check(base: Base, settings: Naming) -> None:
    """Refuse tables that would be empty."""
    for wanted, table, what in (
        (settings.aliases, "surfaces", "names"),
        (settings.types, "types", "types of entities"),
    ):
        if wanted and not any(kb.rows(table) for kb in base.parts):
            name = "aliases" if table == "surfaces" else table
            raise ConfigError(f"{base.kb.path}: has no {what}; do without: -o triples.{name}=false")
    if settings.sources and (settings.aliases or settings.types):
        known = {one for kb in base.parts if kb.rows("surfaces") for one in _sources(kb)}
        for name in settings.sources:
            if name not in known:
                there = ", ".join(sorted(known))
                raise ConfigError(
                    f"triples.sources: no names from {name!r} in {base.kb.path}; there are {there}"
                )


def named(base: Base, settings: Naming, langs: tuple[str, ...]) -> Bools:
    """Tell by eid who has a name that is wanted."""
    found = np.zeros(base.kb.rows("entities"), np.bool_)
    for table in _tables(base, settings, langs):
        found[table["eid"].to_numpy()] = True
    return found


def aliases(
    base: Base, between: tuple[int, int], settings: Naming, langs: tuple[str, ...], here: Here
) -> Iterator[pa.RecordBatch]:
    """Yield the names of entities low … high − 1; all names are read, those at hand are held."""
    low, high = between
    empty = pa.table({"eid": pa.array([], pa.uint32()), "text": pa.array([], STR), "lang": pa.array([], STR)})
    held = [empty]
    for table in _tables(base, settings, langs):
        eid = table["eid"].to_numpy()
        held.append(table.filter(pa.array((eid >= low) & (eid < high))))
    every = pa.concat_tables(held).group_by(["eid", "text"]).aggregate([("lang", "min")]).combine_chunks()
    label = _labels(base, low, high)
    at = pa.array(every["eid"].to_numpy().astype(np.int64) - low)
    other = pc.fill_null(pc.not_equal(every["text"], label.take(at)), True)
    every = every.append_column("other", other).sort_by(
        [("eid", "ascending"), ("other", "ascending"), ("text", "ascending")]
    )
    here.counts["names"] += len(every)
    eid = every["eid"].to_numpy()
    for first in range(low, high, AT_ONCE):
        eids = np.arange(first, min(first + AT_ONCE, high))
        edges = np.searchsorted(eid, np.append(eids, eids[-1] + 1))
        some = every.slice(edges[0], edges[-1] - edges[0])
        stream = here.tokenizer.encode(some["text"].to_pylist(), some["lang_min"].to_pylist())
        ids = lists(stream.begins, pa.array(stream.ids))
        texts = some["text"].combine_chunks().cast(pa.string())
        offsets = edges - edges[0]
        columns = [pa.array(eids), lists(offsets, texts), lists(offsets, ids)]
        yield pa.RecordBatch.from_arrays(columns, schema=ALIASES)


def types(base: Base, settings: Naming, langs: tuple[str, ...], here: Here) -> Iterator[pa.RecordBatch]:
    """Yield the entities of each type, both in order of their numbers."""
    place = next(at for at, one in here.bases.items() if one is base)
    told = _knowledge.types(here, base, place)
    owner = np.repeat(np.arange(len(told.offsets) - 1), np.diff(told.offsets))
    alive = _knowledge.alive(here, place)
    kept = named(base, settings, langs)
    kept = kept if alive is None else kept & alive
    some = np.flatnonzero(kept[owner])
    own, kind = owner[some], told.values[some].astype(np.int64)
    order = np.argsort(kind, kind="stable")
    own, kind = own[order], kind[order]
    first = np.flatnonzero(np.append(True, kind[1:] != kind[:-1])[: len(kind)])
    edges = np.append(first, len(kind))
    here.counts["types"] += len(first)
    begin = 0
    while begin < len(first):  # a batch
        end = max(begin + 1, int(np.searchsorted(edges, edges[begin] + MANY, side="right")) - 1)
        part = edges[begin : end + 1]
        values = pa.array(own[part[0] : part[-1]])
        columns = [pa.array(kind[part[:-1]]), lists(part - part[0], values)]
        yield pa.RecordBatch.from_arrays(columns, schema=TYPES)
        begin = end


def _tables(base: Base, settings: Naming, langs: tuple[str, ...]) -> Iterator[pa.Table]:
    """Yield names that are wanted: eid, text, lang."""
    for kb in base.parts:
        for batch in kb.scan("surfaces", COLUMNS) if kb.rows("surfaces") else ():
            table = pa.Table.from_batches([batch])
            lang = table["lang"].cast(STR)
            kept = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(table["text"])), 0)
            if settings.sources:
                kept = pc.and_(kept, pc.is_in(table["source"].cast(STR), pa.array(settings.sources, STR)))
            if langs:
                kept = pc.and_(kept, pc.is_in(lang, pa.array(langs, STR)))
            plain = pa.table({"eid": table["eid"], "text": table["text"].cast(STR), "lang": lang})
            yield plain.filter(kept)


def _sources(kb: Kb) -> set[str]:
    return {one for batch in kb.scan("surfaces", ["source"]) for one in batch["source"].unique().to_pylist()}


def _labels(base: Base, low: int, high: int) -> pa.Array:
    """Return the labels of some entities."""
    found = [pa.array([], STR)]
    at = 0
    for batch in base.kb.scan("entities", ["label"]):
        some = slice(max(low - at, 0), min(high - at, batch.num_rows))
        if some.start < some.stop:
            found.append(batch["label"].cast(STR).slice(some.start, some.stop - some.start))
        at += batch.num_rows
    return pa.concat_arrays(found)
