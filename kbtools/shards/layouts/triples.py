"""Triples of a knowledge base by number, with what each entity is said to be in a table beside them.

    train, dev, test   head, relation, tail
    entities           a row an entity, in order of eid: the tokens of its description, or of its name
    relations          a row a relation: its number, its id, the tokens of its description, or of its name
    graph              a row an entity: what leads from it and to it, of training triples alone
    aliases            a row an entity: what it is called
    types              a row a type: the entities of it

So a description is there once, however many triples its entity is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from kbtools.config import setting
from kbtools.kb import statements
from kbtools.kb.reader import Base
from kbtools.shards.base import SPLITS, Examples, Here
from kbtools.shards.keys import of_numbers
from kbtools.shards.layouts import _choosing, _descriptions, _graph, _names
from kbtools.shards.layouts._choosing import Choice, Chooser
from kbtools.shards.layouts._descriptions import Wording
from kbtools.shards.layouts._names import Naming

SCHEMA = pa.schema([pa.field(name, pa.int64(), False) for name in ("head", "relation", "tail")])
IDS = pa.list_(pa.int32())
TABLES = {
    "entities": pa.schema([pa.field("eid", pa.int64(), False), pa.field("input_ids", IDS)]),
    "relations": pa.schema(
        [pa.field("rid", pa.int64(), False), pa.field("id", pa.string(), False), pa.field("input_ids", IDS)]
    ),
    "graph": _graph.SCHEMA,
    "aliases": _names.ALIASES,
    "types": _names.TYPES,
}
SIZES = {
    "entities": 1 << 17,
    "graph": 1 << 20,
    "aliases": 1 << 20,
}  # entities of a task; for a graph all triples are read in each, for aliases all names


@dataclass(frozen=True, kw_only=True)
class Settings(Choice, Wording, Naming):
    """Which triples, and which words."""

    texts: bool = setting("Write the table of entities with their descriptions.", True)
    graph: bool = setting("Write the table of what leads to and from each entity.", False)
    need_description: bool = setting("Only triples whose ends both have a description.", False)
    isolated: bool = setting("Describe also entities that are in no triple.", False)
    relation_length: int = setting("Tokens of the description of a relation, special ones too.", 64)


class TriplesLayout:
    """Makes examples of triples."""

    takes: ClassVar[Literal["kb"]] = "kb"
    settings: ClassVar[type] = Settings

    def schema(self, settings: Settings, here: Here) -> pa.Schema:
        """Return the columns of triples."""
        return SCHEMA

    def parts(self, inputs: Sequence[Path], settings: Settings, here: Here) -> list[dict[str, Any]]:
        """Take some row groups at a time."""
        base = _choosing.one_base(here, "triples")
        _names.check(base, settings)
        _choosing.prepare(base, settings, here)
        if settings.need_description:
            _descriptions.save(
                _choosing.room(here) / "described.npy", _descriptions.described(base, settings)
            )
        return statements.parts(base)

    def examples(self, part: dict[str, Any], settings: Settings, here: Here) -> Iterator[Examples]:
        """Yield the triples that are wanted."""
        base = _choosing.one_base(here, "triples")
        chooser = _chooser(base, settings, here)
        for found in map(chooser, statements.scan(base, **part)):
            if not len(found.head):
                continue
            batch = pa.record_batch([pa.array(one) for one in found[:3]], schema=SCHEMA)
            keys = of_numbers(here.seed, found.head, (found.relation << 32) | found.tail)
            for place, name in enumerate(SPLITS):
                here.counts[f"triples: {name}"] += int((found.split == place).sum())
            yield Examples(batch, keys, found.split, np.zeros(len(keys), np.int32))

    def tables(self, settings: Settings, here: Here) -> dict[str, pa.Schema]:
        """Return the columns of the tables that are wanted."""
        wanted = {"relations": True, "entities": settings.texts, "graph": settings.graph}
        wanted |= {"aliases": settings.aliases, "types": settings.types}
        return {name: TABLES[name] for name in TABLES if wanted[name]}

    def table_parts(self, settings: Settings, here: Here) -> list[tuple[str, dict[str, Any]]]:
        """Take some entities at a time, and all relations."""
        base = _choosing.one_base(here, "triples")
        count = base.kb.rows("entities")
        found: list[tuple[str, dict[str, Any]]] = []
        for table in self.tables(settings, here):
            size = SIZES.get(table)
            if size is None:
                found.append((table, {}))
                continue
            found += [(table, {"low": low, "high": min(low + size, count)}) for low in range(0, count, size)]
        return found

    def rows(
        self, table: str, part: dict[str, Any], settings: Settings, here: Here
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a part of a table."""
        base = _choosing.one_base(here, "triples")
        if table == "relations":
            yield _relations(base, settings, here)
        elif table == "entities":
            degree = _choosing.degrees(here, base)[part["low"] : part["high"]]
            wanted = (degree > 0) | settings.isolated
            for batch in _descriptions.rows(base, part["low"], wanted, settings, here):
                yield batch.cast(TABLES["entities"])
        elif table == "aliases":
            between = part["low"], part["high"]
            yield from _names.aliases(base, between, settings, settings.langs, here)
        elif table == "types":
            yield from _names.types(base, settings, settings.langs, here)
        else:
            yield from _graph.rows(base, _chooser(base, settings, here), **part)


LAYOUT = TriplesLayout()


def _chooser(base: Base, settings: Settings, here: Here) -> Chooser:
    chooser = Chooser(base, settings, here)
    if settings.need_description:
        chooser.described = _choosing.saved(here, base, "described")
    return chooser


def _relations(base: Base, settings: Settings, here: Here) -> pa.RecordBatch:
    """Return the relations: by description, else by name, else by id."""
    told = statements.relations(base).select(["rid", "id", "description", "label"]).to_pydict()
    words = [
        next(one for one in (*words, id_) if one is not None)
        for *words, id_ in zip(told["description"], told["label"], told["id"], strict=True)
    ]
    if settings.texts:
        ids = _descriptions.tokens(words, [None] * len(words), settings.relation_length, here)
    else:
        ids = pa.nulls(len(words), IDS)
    rid, name = pa.array(told["rid"], pa.int64()), pa.array(told["id"], pa.string())
    return pa.record_batch([rid, name, ids], schema=TABLES["relations"])
