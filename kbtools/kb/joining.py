"""Named rows to final rows: each table is one query that looks ids up, and sorts.

What belongs to an entity that does not exist is left out and counted. A statement whose value is no entity
becomes a literal, of datatype `entity-id` unless the source says otherwise. Memory: what DuckDB is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Outcome
from kbtools.kb import named, numbering, overlay, relations, staged
from kbtools.kb.database import connect, feed
from kbtools.kb.degrees import Degrees
from kbtools.kb.named import PREFIX
from kbtools.kb.names import IDS
from kbtools.kb.parts import Part, Parts
from kbtools.kb.schema import TABLES, U64
from kbtools.kb.sorting import BATCH
from kbtools.kb.staged import VALUE
from kbtools.kb.views import quote, read_parquet
from kbtools.kb.writer import plain, write_by, write_rows

OUTSIDE = "entity-id"

_VALUES = ", ".join(name for name, _ in VALUE)
_OWN = "SELECT h.eid, {columns} FROM {table} s LEFT JOIN ids h ON s.entity = h.id"

# How final rows come about, before they are sorted; a null in the first column: there is no such entity.
QUERIES = {
    "labels": """
        SELECT h.eid, lang, text FROM labels s LEFT JOIN ids h ON s.entity = h.id
        QUALIFY row_number() OVER (PARTITION BY entity, lang ORDER BY coalesce("order", 0), place) = 1
        """,
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

# What a link's text leads to has that name, so many times.
_ANCHORS = """
    UNION ALL BY NAME
    SELECT t.eid, surface AS text, {lang} AS lang, 'anchor' AS source, count(*)::UBIGINT AS "count"
    FROM anchors s JOIN ids t ON s.target = t.id GROUP BY t.eid, surface
    """
_OWN_NAMES = {
    "labels": " UNION ALL BY NAME SELECT eid, {lang} AS lang, id AS text FROM ids WHERE own",
    "surfaces": " UNION ALL BY NAME SELECT eid, id AS text, {lang} AS lang, 'name' AS source "
    "FROM ids WHERE own",
}
# Tables in which a row is there or not: a reader sees only its own block, and so may say a thing twice.
SAID_ONCE = {"labels", "surfaces", "descriptions", "types", "sitelinks", "xref"}
_FEEDS = {"literals": ("literals", "triples"), "surfaces": ("surfaces", "anchors")}


def present(folder: Path, *, own_names: bool, lang: str | None) -> list[str]:
    """Return the tables for which a source has staged anything, in the order of the schema."""
    found: set[str] = set()
    for part in Parts(folder).parts:
        found |= {name.removeprefix(PREFIX) for name in staged.tables(folder / part.path)}
    if "triples" in found and not own_names:
        found.add("literals")
    if "anchors" in found or own_names:
        found.add("surfaces")
    if own_names and lang:
        found.add("labels")
    return [name for name in TABLES if name in found & {*QUERIES, "pages"}]


def table(
    folder: Path, *, table: str, memory: int, own_names: bool, lang: str | None, onto: str | None
) -> Outcome:
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
    query = QUERIES[table]
    if table == "surfaces":
        query += _links(Parts(folder))
    if own_names:
        query += _OWN_NAMES.get(table, "").format(lang=quote(lang) if lang else "NULL")
    if onto is not None and table in SAID_ONCE:
        query = overlay.only_new(query, Path(onto), table)
    with _joined(folder, table, query, memory) as rows, Degrees(folder, table, counting=counting) as degrees:
        files = _write(folder, table, degrees.watch(kept(rows)))
    facts = {"left out": {f"{table} of no entity": lost}} if lost else {}
    return Outcome(files=[*(f"new/{name}" for name in files), *degrees.files], facts=facts)


def _write(folder: Path, table: str, rows: Iterator[pa.RecordBatch]) -> list[str]:
    first = next(rows, None)
    if first is None:
        return []
    rows = _before(first, rows)
    column = TABLES[table].key[0]
    if column not in ("eid", "head"):
        return write_rows(folder / "new", table, rows)
    return write_by(folder / "new", table, rows, column=column, step=numbering.GROUP, file=numbering.FILE)


def _before(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


@contextmanager
def _joined(folder: Path, table: str, query: str, memory: int) -> Iterator[Iterator[pa.RecordBatch]]:
    """Offer the rows of a table in order."""
    parts, offset = Parts(folder), numbering.load(folder).statements
    order = ", ".join(f'"{name}" NULLS LAST' for name in TABLES[table].order)
    with connect(folder, memory) as database, ExitStack() as feeds:
        database.execute(f"CREATE VIEW ids AS FROM {read_parquet([folder / IDS])}").fetchall()
        with pa.memory_map(str(folder / relations.FILE)) as file, pa.ipc.open_file(file) as known:
            database.register("relations", known.read_all().select(["rid", "id"]))
        for name in _FEEDS.get(table, (table,)):
            schema, rows = _staged(parts, name, offset)
            database.register(name, feeds.enter_context(feed(schema, rows)))
        distinct = "DISTINCT" if table in SAID_ONCE else ""
        yield database.sql(f"SELECT {distinct} * FROM ({query}) ORDER BY {order}").to_arrow_reader(BATCH)


def _staged(parts: Parts, table: str, statements: int) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Yield staged rows with the numbers of statements and pages that they have in the whole dump.

    `place` is the row's own number.
    """
    schema = named.SCHEMAS[table]
    wide = [f.with_type(U64) if f.name == "statement" else f for f in schema] + [pa.field("place", U64)]
    shifts: dict[str, Callable[[Part], int]] = {
        "statement": lambda part: part.statement + statements,
        "page": lambda part: part.page,
    }

    def rows() -> Iterator[pa.RecordBatch]:
        place = 0
        for part, batch in parts.batches(PREFIX + table):
            columns = [
                pc.add(column.cast(field.type), pa.scalar(shifts[field.name](part), field.type))
                if field.name in shifts
                else column
                for field, column in zip(wide[:-1], batch.columns, strict=True)
            ]
            places = pa.array(np.arange(place, place + batch.num_rows, dtype=np.uint64))
            place += batch.num_rows
            yield pa.RecordBatch.from_arrays([*columns, places], schema=pa.schema(wide))

    return pa.schema(wide), rows()


def _links(parts: Parts) -> str:
    """Return what gives linked entities the names they are linked by, if there are pages."""
    batches = (batch["lang"] for _, batch in parts.batches(PREFIX + "pages", ["lang"]))
    langs = {lang for column in batches for lang in pc.unique(column).to_pylist()}
    return _ANCHORS.format(lang=quote(min(langs))) if langs else ""  # a wiki speaks one language
