"""All tables of the union, each sorted and laid out as `ingest` does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kbtools.artefact import Table, entry
from kbtools.kb import classes, degrees, pages, sorting
from kbtools.kb.database import connect, feed
from kbtools.kb.entities import IdSpace
from kbtools.kb.merging.joins import Joins
from kbtools.kb.merging.parts import Array, Part, Union, mapped
from kbtools.kb.numbering import FILE, GROUP
from kbtools.kb.schema import SAID_ONCE, TABLES, TOMBSTONE
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.writer import plain, write_by, write_rows, write_sorted

STATEMENTS = ("triples", "literals")
PREFERRED = "work/preferred.npy"

Batches = Iterator[pa.RecordBatch]


def write(union: Union, joins: Joins, advance: Callable[[], None]) -> tuple[dict[str, Table], dict[str, Any]]:
    """Write every table that any part has; describe them, and return what was noticed on the way."""
    writer = _Writer(union, joins)
    files: dict[str, list[str]] = {}
    # entities want the degrees, and classes and redirects the tables before them
    for table in ("triples", "types", "entities", *TABLES):
        if table not in files and (union.having(table) or table in {"rejects", "xref"}):
            files[table] = writer.make(table)
            advance()
    return {
        table: _described(union.folder / "new", table, files[table]) for table in TABLES if table in files
    }, (writer.facts)


def _described(new: Path, table: str, files: list[str]) -> Table:
    return Table(
        rows=sum(pq.read_metadata(new / name).num_rows for name in files),
        files=[entry(new, name) for name in files],
        schema=schema_digest(TABLES[table].schema),
    )


class _Writer:
    def __init__(self, union: Union, joins: Joins) -> None:
        self.union, self.joins, self.facts = union, joins, dict[str, Any]()
        self.folder, self.new = union.folder, union.folder / "new"
        self._preferred = self._prefer()

    def make(self, table: str) -> list[str]:
        """Write one table; return the names of its files."""
        special = getattr(self, f"_{table}", None)
        if special is not None:
            names: list[str] = special()
            return names
        return self._write(table, self._sorted(table, self._rows(table)))

    def _rows(self, table: str) -> Batches:
        for part in self.union.having(table):
            for batch in mapped(part, table, self.joins.eids):
                yield self._judged(batch) if table in STATEMENTS else batch

    def _sorted(self, table: str, rows: Iterable[pa.RecordBatch]) -> Batches:
        union = self.union
        return sorting.out_of_core(
            self.folder, table, rows, union.memory, threads=union.threads, once=table in SAID_ONCE
        )

    def _write(self, table: str, rows: Batches) -> list[str]:
        return write_sorted(self.new, table, rows, step=GROUP, file=FILE)

    def _prefer(self) -> Array:
        """Note what is said with preferred rank anywhere: other statements of that are not the best."""
        keys = [np.zeros(0, np.uint64)]
        for table in STATEMENTS:
            for part in self.union.having(table):
                for batch in mapped(part, table, self.joins.eids):
                    keys.append(np.unique(_keys(batch)[batch["rank"].to_numpy() > 0]))  # noqa: PERF401
        np.save(self.folder / PREFERRED, np.unique(np.concatenate(keys)), allow_pickle=False)
        return np.load(self.folder / PREFERRED, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]

    def _judged(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        rank, keys = batch["rank"].to_numpy(), _keys(batch)
        best = (rank > 0) | ((rank == 0) & ~_among(keys, self._preferred))
        return batch.set_column(
            batch.schema.get_field_index("best"), batch.schema.field("best"), pa.array(best)
        )

    def _triples(self) -> list[str]:
        with degrees.Degrees(self.folder, "triples", counting=True) as counted:
            return self._write("triples", counted.watch(self._sorted("triples", self._rows("triples"))))

    def _entities(self) -> list[str]:
        union, ids = self.union, IdSpace()
        count = union.entities - len(self.joins.absorbed)
        ends = {side: degrees.total(self.folder, side, count) for side in ("in", "out")}
        with (
            connect(self.folder, union.memory, threads=union.threads) as database,
            feed(_STAGED, self._staged()) as source,
        ):
            leaders = pa.table({"eid": pa.array(self.joins.eids[self.joins.leaders], pa.uint32())})
            database.register("source", source)
            database.register("made", leaders)
            database.execute("CREATE TABLE staged AS FROM source").fetchall()
            found = database.sql(_ENTITIES).to_arrow_reader(sorting.BATCH)
            names = self._write("entities", ids.watch(_with_degrees(found, ends)))
        self.facts["id space"] = ids.digest()
        return names

    def _staged(self) -> Batches:
        """Yield the entities of all bases, each with its old place and its new eid."""
        for part in self.union.having("entities"):
            for batch in part.kb.scan("entities"):
                places = batch["eid"].to_numpy().astype(np.int64) + part.entity
                made = {
                    "place": pa.array(places, pa.uint32()),
                    "eid": pa.array(self.joins.eids[places], pa.uint32()),
                    "id": self._id(part, batch["id"], places),
                }
                columns = [made[f.name] if f.name in made else batch[f.name].cast(f.type) for f in _STAGED]
                yield pa.RecordBatch.from_arrays(columns, schema=_STAGED)

    def _id(self, part: Part, ids: pa.Array, places: Array) -> pa.Array:
        new = _among(places, self.joins.renamed)
        if not new.any():
            return ids
        return pc.if_else(pa.array(new), pc.binary_join_element_wise(part.name, ids, ":"), ids)

    def _xref(self) -> list[str]:
        return self._write("xref", self._sorted("xref", _chained(self._rows("xref"), self._own_ids())))

    def _own_ids(self) -> Batches:
        """Yield the ids that entities had, where they have another now or share it with others."""
        schema = plain(TABLES["xref"].schema)
        for part in self.union.having("entities"):
            for batch in part.kb.scan("entities", ["eid", "id"]):
                places = batch["eid"].to_numpy().astype(np.int64) + part.entity
                told = _among(places, self.joins.absorbed) | _among(places, self.joins.renamed)
                eids = pa.array(self.joins.eids[places[told]], pa.uint32())
                columns = [eids, pa.repeat(part.name, len(eids)), batch["id"].filter(pa.array(told))]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def _relations(self) -> list[str]:
        schema = plain(TABLES["relations"].schema)
        return write_rows(
            self.new, "relations", pa.Table.from_pylist(self.union.relations, schema=schema).to_batches()
        )

    def _redirects(self) -> list[str]:
        schema = plain(TABLES["redirects"].schema)
        placed = schema.append(pa.field("part", pa.int32()))

        def rows() -> Batches:
            for place, part in enumerate(self.union.having("redirects")):
                for batch in mapped(part, "redirects", self.joins.eids):
                    column = pa.repeat(pa.scalar(place, pa.int32()), batch.num_rows)
                    yield pa.RecordBatch.from_arrays([*batch.columns, column], schema=placed)

        union = self.union
        with (
            connect(self.folder, union.memory, threads=union.threads) as database,
            feed(placed, rows()) as source,
        ):
            database.register("source", source)
            database.execute("CREATE TABLE staged AS FROM source").fetchall()
            alive = sorted(str(path) for path in (self.new / "entities").iterdir())
            database.execute(
                f"CREATE TABLE alive AS SELECT id FROM read_parquet($files) WHERE flags & {TOMBSTONE} = 0",
                {"files": alive},
            ).fetchall()
            found = database.sql(_REDIRECTS).to_arrow_reader(sorting.BATCH)
            names = self._write("redirects", (batch.cast(schema) for batch in found))
            said = database.execute("SELECT count(*) FROM (SELECT DISTINCT from_id, to_eid FROM staged)")
            read = said.fetchall()[0][0]
        kept = sum(pq.read_metadata(self.new / name).num_rows for name in names)
        self.facts |= {"redirects": kept, "redirects dropped": read - kept}
        return names

    def _classes(self) -> list[str]:
        union, schema = self.union, plain(TABLES["classes"].schema)
        types = sorted(str(path) for path in (self.new / "types").glob("*.parquet"))
        with (
            connect(self.folder, union.memory, threads=union.threads) as database,
            feed(schema, self._rows("classes")) as source,
        ):
            database.register("source", source)
            database.execute("CREATE TABLE pairs AS FROM source WHERE depth < 2").fetchall()
            database.execute(_STATED).fetchall()
            database.execute(
                'CREATE TABLE types AS SELECT "type" AS class FROM pairs WHERE depth = 0'
            ).fetchall()
            if types:
                database.execute(
                    'INSERT INTO types SELECT DISTINCT "type" FROM read_parquet($files)', {"files": types}
                ).fetchall()
            done = classes.close(self.folder, database)
        self.facts |= done.facts
        return [name.partition("/")[2] for name in done.files]

    def _pages(self) -> list[str]:
        rows = self._rows("pages")  # in order already
        return write_by(self.new, "pages", rows, column="page", step=pages.GROUP, file=pages.FILE)

    def _rejects(self) -> list[str]:
        schema = plain(TABLES["rejects"].schema)
        why = "would join entities of one knowledge base"
        rows = [{"file": "merge", "reason": why, "snippet": text} for text in self.joins.ambiguous]
        ours = pa.Table.from_pylist(rows, schema=schema).to_batches()
        return self._write("rejects", self._sorted("rejects", _chained(self._rows("rejects"), ours)))


_STAGED = pa.schema(
    [
        ("place", pa.uint32()),
        *(field for field in plain(TABLES["entities"].schema) if not field.name.endswith("_degree")),
    ]
)

_ENTITIES = f"""
SELECT eid, id, kind, label, description, lang, sitelinks, freq, flags FROM staged ANTI JOIN made USING (eid)
UNION ALL
SELECT eid,
    first(id ORDER BY place), first(kind ORDER BY place),
    first(label ORDER BY place) FILTER (label IS NOT NULL),
    first(description ORDER BY place) FILTER (description IS NOT NULL),
    coalesce(
        first(lang ORDER BY place) FILTER (label IS NOT NULL),
        first(lang ORDER BY place) FILTER (lang IS NOT NULL)
    ),
    max(sitelinks), sum(freq)::UBIGINT,
    ((bit_or(flags) & ~{TOMBSTONE}::USMALLINT) | (bit_and(flags) & {TOMBSTONE}::USMALLINT))::USMALLINT
FROM staged SEMI JOIN made USING (eid) GROUP BY eid
ORDER BY eid
"""

_REDIRECTS = """
SELECT
    from_id,
    first(to_eid ORDER BY part, to_eid, kind) AS to_eid,
    first(kind ORDER BY part, to_eid, kind) AS kind
FROM staged ANTI JOIN alive ON from_id = id GROUP BY from_id ORDER BY from_id
"""

# a class that was joined to its superclass is not its own
_STATED = """
CREATE TABLE stated AS SELECT DISTINCT "type" AS child, ancestor AS parent FROM pairs
WHERE depth = 1 AND "type" <> ancestor
"""


def _with_degrees(batches: Iterable[pa.RecordBatch], ends: dict[str, Array]) -> Batches:
    schema = plain(TABLES["entities"].schema)
    for batch in batches:
        eids = batch["eid"].to_numpy()
        made = {f"{side}_degree": pa.array(sums[eids], pa.uint32()) for side, sums in ends.items()}
        columns = [made[f.name] if f.name in made else batch[f.name].cast(f.type) for f in schema]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _keys(batch: pa.RecordBatch) -> Array:
    """Return one number for the head and the relation of each row."""
    head, relation = (batch[name].to_numpy().astype(np.uint64) for name in ("head", "relation"))
    return np.asarray((head << np.uint64(32)) | relation)


def _among(values: Array, known: Array) -> Array:
    """Tell which values are among those that are known, in ascending order."""
    if not len(known):
        return np.zeros(len(values), bool)
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.asarray(known[places] == values)


def _chained(*rows: Iterable[pa.RecordBatch]) -> Batches:
    for batches in rows:
        yield from batches
