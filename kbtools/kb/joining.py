"""Named rows to final rows: each table is one query that looks ids up, and sorts.

What belongs to an entity that does not exist is left out and counted. A statement whose value is no entity
becomes a literal, of datatype `entity-id` unless the source says otherwise. Memory: what DuckDB is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Outcome
from kbtools.kb import arrays, named, numbering, relations, staged
from kbtools.kb.database import connect, feed
from kbtools.kb.degrees import Degrees
from kbtools.kb.named import PREFIX
from kbtools.kb.names import IDS
from kbtools.kb.parts import Part, Parts
from kbtools.kb.schema import TABLES, U64
from kbtools.kb.sorting import BATCH
from kbtools.kb.staged import VALUE
from kbtools.kb.views import read_parquet
from kbtools.kb.writer import plain, write_by, write_rows

PAGES, PAGE_FILE = 1 << 12, 1 << 17  # in a row group and in a file of `pages`
PAGE_EIDS = "work/page_eids.u32"
OUTSIDE = "entity-id"

_VALUES = ", ".join(name for name, _ in VALUE)
_OWN = "SELECT h.eid, {columns} FROM {table} s LEFT JOIN ids h ON s.entity = h.id"

# How final rows come about, before they are sorted; a null in the first column: there is no such entity.
QUERIES = {
    "labels": _OWN.format(columns="lang, text", table="labels"),
    "surfaces": _OWN.format(columns='text, lang, source, pos, "count", atom', table="surfaces"),
    "descriptions": _OWN.format(columns="lang, kind, text, source", table="descriptions"),
    "sitelinks": _OWN.format(columns="site, title", table="sitelinks"),
    "xref": _OWN.format(columns="scheme, value", table="xref"),
    "types": 'SELECT h.eid, t.eid AS "type" FROM types s LEFT JOIN ids h ON s.entity = h.id '
    'JOIN ids t ON s."type" = t.id',
    "triples": """
        SELECT h.eid AS head, r.rid AS relation, t.eid AS tail, rank, best, statement, split
        FROM triples s LEFT JOIN ids h ON s.entity = h.id JOIN ids t ON s.tail = t.id
        JOIN relations r ON s.relation = r.id
        """,
    "literals": f"""
        SELECT h.eid AS head, r.rid AS relation, {_VALUES}, rank, best, statement
        FROM (
            SELECT entity, relation, {_VALUES}, rank, best, statement FROM literals
            UNION ALL BY NAME
            SELECT entity, relation, coalesce(otherwise, '{OUTSIDE}') AS datatype, tail AS value, rank, best,
                statement
            FROM triples ANTI JOIN ids ON tail = ids.id
        ) s LEFT JOIN ids h ON s.entity = h.id JOIN relations r ON s.relation = r.id
        """,
    "qualifiers": f"""
        SELECT CASE WHEN h.eid IS NOT NULL THEN statement END AS statement, r.rid AS relation, t.eid AS tail,
            CASE WHEN t.eid IS NULL AND s.tail IS NOT NULL THEN '{OUTSIDE}' ELSE datatype END AS datatype,
            CASE WHEN t.eid IS NULL AND s.tail IS NOT NULL THEN s.tail ELSE value END AS value,
            number, unit, precision, calendar, lang, ord
        FROM qualifiers s LEFT JOIN ids h ON s.entity = h.id LEFT JOIN ids t ON s.tail = t.id
        JOIN relations r ON s.relation = r.id
        """,
    "anchors": 'SELECT page, start, "end", surface, t.eid AS target, target_title, kind '
    "FROM anchors s LEFT JOIN ids t ON s.target = t.id",
}  # fmt: skip

# What text links to is a name of it, and how often.
_ANCHORS_AS_SURFACES = """
    UNION ALL BY NAME
    SELECT t.eid, surface AS text, (SELECT min(lang) FROM languages) AS lang, 'anchor' AS source, NULL AS pos,
        count(*)::UBIGINT AS "count", NULL AS atom
    FROM anchors s JOIN ids t ON s.target = t.id GROUP BY t.eid, surface
    """
# Tables in which a row is there or not: a reader sees only its own block, and so may say a thing twice.
SAID_ONCE = {"labels", "surfaces", "descriptions", "types", "sitelinks", "xref"}
_FEEDS = {"literals": ("literals", "triples"), "surfaces": ("surfaces", "anchors")}


def present(folder: Path) -> list[str]:
    """Return the tables for which a source has staged anything, in the order of the schema."""
    found: set[str] = set()
    for part in Parts(folder).parts:
        found |= {name.removeprefix(PREFIX) for name in staged.tables(folder / part.path)}
    if "triples" in found:
        found.add("literals")
    if "anchors" in found:
        found.add("surfaces")
    return [name for name in TABLES if name in found & {*QUERIES, "pages"}]


def table(folder: Path, *, table: str, memory: int) -> Outcome:
    """Make one table; one that gets no rows is left out."""
    lost = 0
    spec = TABLES[table]

    def kept(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        nonlocal lost
        for batch in batches:
            sound = batch.filter(batch[0].is_valid()) if batch[0].null_count else batch
            lost += batch.num_rows - sound.num_rows
            if sound.num_rows:
                yield sound.cast(plain(spec.schema))

    counting = table == "triples"
    with _joined(folder, table, memory) as rows, Degrees(folder, table, counting=counting) as degrees:
        files = _write(folder, table, degrees.watch(kept(rows)))
    facts = {"left out": {f"{table} of no entity": lost}} if lost else {}
    return Outcome(files=[*(f"new/{name}" for name in files), *degrees.files], facts=facts)


def _write(folder: Path, table: str, rows: Iterator[pa.RecordBatch]) -> list[str]:
    first = next(rows, None)
    if first is None:
        return []
    rows = _before(first, rows)
    step = {"eid": numbering.GROUP, "head": numbering.GROUP, "page": PAGES}.get(TABLES[table].key[0])
    if step is None:
        return write_rows(folder / "new", table, rows)
    file = PAGE_FILE if TABLES[table].key[0] == "page" else numbering.FILE
    return write_by(folder / "new", table, rows, column=TABLES[table].key[0], step=step, file=file)


def _before(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


@contextmanager
def _joined(folder: Path, table: str, memory: int) -> Iterator[Iterator[pa.RecordBatch]]:
    """Offer the rows of a table in order."""
    parts, offset = Parts(folder), numbering.load(folder).statements
    order = ", ".join(f'"{name}" NULLS LAST' for name in TABLES[table].order)
    query = QUERIES[table]
    with connect(folder, memory) as database, ExitStack() as feeds:
        database.execute(f"CREATE VIEW ids AS FROM {read_parquet([folder / IDS])}").fetchall()
        with pa.memory_map(str(folder / relations.FILE)) as file, pa.ipc.open_file(file) as known:
            database.register("relations", known.read_all().select(["rid", "id"]))
        for name in _FEEDS.get(table, (table,)):
            schema, rows = _staged(parts, name, offset)
            database.register(name, feeds.enter_context(feed(schema, rows)))
        if table == "surfaces" and any(True for _ in parts.batches(PREFIX + "anchors", ["page"])):
            database.register("languages", _languages(parts))
            query += _ANCHORS_AS_SURFACES
        distinct = "DISTINCT" if table in SAID_ONCE else ""
        yield database.sql(f"SELECT {distinct} * FROM ({query}) ORDER BY {order}").to_arrow_reader(BATCH)


def _staged(parts: Parts, table: str, statements: int) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Yield staged rows with the numbers of statements and pages that they have in the whole dump."""
    schema = named.SCHEMAS[table]
    wide = pa.schema([f.with_type(U64) if f.name == "statement" else f for f in schema])
    shifts: dict[str, Callable[[Part], int]] = {
        "statement": lambda part: part.statement + statements,
        "page": lambda part: part.page,
    }

    def rows() -> Iterator[pa.RecordBatch]:
        for part, batch in parts.batches(PREFIX + table):
            columns = [
                pc.add(column.cast(field.type), pa.scalar(shifts[field.name](part), field.type))
                if field.name in shifts
                else column
                for field, column in zip(wide, batch.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=wide)

    return wide, rows()


def _languages(parts: Parts) -> pa.Table:
    found = {lang for _, b in parts.batches(PREFIX + "pages", ["lang"]) for lang in pc.unique(b["lang"])}
    return pa.table({"lang": pa.array(sorted({lang.as_py() for lang in found}), pa.string())})


def pages(folder: Path, *, memory: int) -> Outcome:
    """Make the table of pages: they stand in the dump's order, so that only their eids are looked up."""
    parts = Parts(folder)
    total = sum(part.pages for part in parts.parts)
    eids = arrays.create(folder / PAGE_EIDS, total, fill=int(np.uint32(0xFFFFFFFF)))
    wanted = pa.schema([("page", U64), ("entity", pa.string())])
    with connect(folder, memory) as database, feed(wanted, _entities_of_pages(parts, wanted)) as found:
        database.register("pages", found)
        joined = database.sql(
            f"SELECT page, eid FROM pages JOIN {read_parquet([folder / IDS])} ids ON entity = ids.id"
        )
        for batch in joined.to_arrow_reader(BATCH):
            eids[batch["page"].to_numpy()] = batch["eid"].to_numpy()
    files = _write(folder, "pages", _pages(parts, eids))
    without = int((eids == 0xFFFFFFFF).sum()) if total else 0
    (folder / PAGE_EIDS).unlink()
    facts = {"left out": {"pages without an entity (kept)": without}} if without else {}
    return Outcome(files=[f"new/{name}" for name in files], facts=facts)


def _entities_of_pages(parts: Parts, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    page = 0
    for _, batch in parts.batches(PREFIX + "pages", ["entity"]):
        numbers = np.arange(page, page + batch.num_rows, dtype=np.uint64)
        page += batch.num_rows
        yield pa.RecordBatch.from_arrays([pa.array(numbers), batch["entity"]], schema=schema)


def _pages(parts: Parts, eids: Any) -> Iterator[pa.RecordBatch]:
    page = 0
    for _, batch in parts.batches(PREFIX + "pages"):
        numbers = np.arange(page, page + batch.num_rows)
        page += batch.num_rows
        mine = eids[numbers]
        columns = {
            "page": pa.array(numbers, pa.uint32()),
            "eid": pa.array(mine, pa.uint32(), mask=mine == 0xFFFFFFFF),
        }
        schema = plain(TABLES["pages"].schema)
        yield pa.RecordBatch.from_arrays(
            [columns[f.name] if f.name in columns else batch[f.name] for f in schema], schema=schema
        )
