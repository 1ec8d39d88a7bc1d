"""The knowledge bases that are merged, part by part, and what their numbers become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.errors import ArtefactError
from kbtools.kb.reader import Base, Kb
from kbtools.kb.schema import TABLES
from kbtools.kb.soundness import REFERENCES
from kbtools.kb.writer import plain

MOST = 1 << 32  # entities that eids can number
BATCH = {"pages": 1 << 10}  # rows that are read at once, where they are large

Array = np.ndarray[Any, Any]


class Part(NamedTuple):
    """A base or an overlay; the numbers are what its own zeros stand for."""

    kb: Kb
    name: str  # of its base
    place: int  # of its base among the bases
    entity: int
    entities: int
    statement: int
    page: int
    rids: Array  # [relations it may speak of] uint32 → rid of the union


class Union:
    """All parts in order; `entity` counts through the entities of all bases."""

    def __init__(self, folder: Path, bases: Sequence[Base], *, memory: int, threads: int) -> None:
        self.folder, self.memory, self.threads = folder, memory, threads
        self.bases = list(bases)
        self.relations: list[dict[str, Any]] = []
        self.parts: list[Part] = []
        self.firsts = [0]  # the first entity of each base, and the end
        statement = page = 0
        rids: dict[str, int] = {}
        for place, base in enumerate(self.bases):
            known: dict[int, int] = {}
            for kb in base.parts:
                known |= self._relations(kb, rids, known)
                numbers = np.zeros(max(known, default=-1) + 1, np.uint32)
                numbers[list(known)] = list(known.values())
                first, rows = self.firsts[place], base.kb.rows("entities")
                self.parts.append(Part(kb, base.name, place, first, rows, statement, page, numbers))
                statement += _statements(kb)
                page += kb.rows("pages")
            self.firsts.append(self.firsts[place] + base.kb.rows("entities"))
        if self.entities > MOST:
            raise ArtefactError(f"{self.entities:,} entities: eids number {MOST:,} at most")

    @property
    def entities(self) -> int:
        """How many there are in all bases together."""
        return self.firsts[-1]

    def having(self, table: str) -> list[Part]:
        """Return the parts that have a table."""
        found = [part for part in self.parts if table in part.kb.tables]
        return (
            [part for part in found if part.kb is self.bases[part.place].kb] if table == "entities" else found
        )

    def bases_of(self, entities: Array) -> Array:
        """Tell of each entity which base it is from."""
        found: Array = np.searchsorted(np.array(self.firsts), entities, side="right") - 1
        return found

    def _relations(self, kb: Kb, rids: dict[str, int], known: dict[int, int]) -> dict[int, int]:
        """Take up the relations of one part; return what its rids become (`known`: those of its base)."""
        if "relations" not in kb.tables:
            return {}
        rows = kb.table("relations").to_pylist()
        mine = {row["rid"]: rids.setdefault(row["id"], len(rids)) for row in rows}
        for row in rows:
            rid = mine[row["rid"]]
            inverse = mine.get(row["inverse_rid"], known.get(row["inverse_rid"]))
            new = {**row, "rid": rid, "inverse_rid": inverse}
            if rid == len(self.relations):
                self.relations.append(new)
                continue
            old = self.relations[rid]
            self.relations[rid] = {key: new[key] if old[key] is None else old[key] for key in old}
        return mine


def _statements(kb: Kb) -> int:
    """Count the statement numbers that a part may use."""
    end = 0
    for table in {"triples", "literals", "qualifiers"} & set(kb.tables):
        for batch in kb.scan(table, ["statement"]):
            end = max(end, (pc.max(batch["statement"]).as_py() or 0) + 1)
    return end


def mapped(part: Part, table: str, eids: Array) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part with the numbers that they have in the union.

    `eids` says what each entity becomes. [entities of all bases] uint32
    """
    schema = plain(TABLES[table].schema)
    own = {"page": part.page, "statement": part.statement}
    for batch in part.kb.scan(table, schema.names, rows=BATCH.get(table, 1 << 16)):
        columns = []
        for field in schema:
            column = batch[field.name]
            if field.name in own:
                column = pc.add(column, pa.scalar(own[field.name], field.type))
            elif REFERENCES.get(field.name) == "entities":
                column = _taken(part, table, column, eids[part.entity : part.entity + part.entities])
            elif REFERENCES.get(field.name) == "relations":
                column = _taken(part, table, column, part.rids)
            columns.append(column.cast(field.type))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _taken(part: Part, table: str, column: pa.Array, numbers: Array) -> pa.Array:
    """Look numbers up; nulls stay."""
    places = column.fill_null(0).to_numpy() if column.null_count else column.to_numpy()
    known = np.asarray(column.is_valid())
    if len(places) and known.any() and int(places[known].max()) >= len(numbers):
        raise ArtefactError(
            f"{part.kb.path}: {table} speaks of numbers that do not exist; "
            f"`kbtools verify --deep {part.kb.path}` tells more"
        )
    if not known.any():
        return pa.nulls(len(places), pa.uint32())
    return pa.array(numbers[places], pa.uint32(), mask=~known)
