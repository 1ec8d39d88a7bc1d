"""Named rows to final rows: each table is one query that looks ids up, and one that sorts.

What belongs to an entity that does not exist is left out and counted. A statement whose value is no entity
becomes a literal, of datatype `entity-id` unless the source says otherwise: so triples and literals are made
together. Memory: what DuckDB is given; looking up and sorting in one go would need it twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Outcome, Task
from kbtools.kb import named, numbering, overlay, relations, staged
from kbtools.kb.database import connect, feed
from kbtools.kb.degrees import Degrees
from kbtools.kb.named import PREFIX
from kbtools.kb.names import IDS, Database
from kbtools.kb.parts import Part, Parts
from kbtools.kb.quoting import quote, read_parquet
from kbtools.kb.schema import SAID_ONCE, TABLES, U32, U64
from kbtools.kb.sorting import BATCH, without_repeats
from kbtools.kb.staged import VALUE
from kbtools.kb.writer import plain, write_sorted

OUTSIDE = "entity-id"

_VALUES = ", ".join(name for name, _ in VALUE)
# `lost` numbers the rows of no entity: so that none of them is taken for another one's repetition
_OWN = """
    SELECT h.eid, {columns}, CASE WHEN h.eid IS NULL THEN place END AS lost
    FROM {table} s LEFT JOIN ids h ON s.entity = h.id
    """

# How final rows come about, before they are sorted; a null in the first column: there is no such entity.
QUERIES = {
    # what is said of a merged entity is said of that which it was merged into, and one label is enough
    "labels": _OWN.format(columns="lang, text", table="labels")
    + """
        QUALIFY lost IS NOT NULL
            OR row_number() OVER (PARTITION BY h.eid, lang ORDER BY coalesce("order", 0), place) = 1
        """,
    "surfaces": _OWN.format(columns='text, lang, source, pos, "count", atom', table="surfaces"),
    "descriptions": _OWN.format(columns="lang, kind, text, source", table="descriptions"),
    "sitelinks": _OWN.format(columns="site, title", table="sitelinks"),
    "xref": _OWN.format(columns="scheme, value", table="xref"),
    "types": """
        SELECT CASE WHEN t.eid IS NOT NULL THEN h.eid END AS eid, t.eid AS "type",
            CASE WHEN h.eid IS NULL OR t.eid IS NULL THEN place END AS lost
        FROM types s LEFT JOIN ids h ON s.entity = h.id LEFT JOIN ids t ON s."type" = t.id
        """,
    "qualifiers": f"""
        SELECT CASE WHEN h.eid IS NOT NULL THEN statement END AS statement, relation, t.eid AS tail,
            CASE WHEN t.eid IS NULL AND s.tail IS NOT NULL THEN '{OUTSIDE}' ELSE datatype END AS datatype,
            CASE WHEN t.eid IS NULL AND s.tail IS NOT NULL THEN s.tail ELSE value END AS value,
            number, unit, precision, calendar, lang, ord
        FROM qualifiers s LEFT JOIN ids h ON s.entity = h.id LEFT JOIN tails t ON s.tail = t.id
        """,
    "anchors": 'SELECT page, start, "end", surface, t.eid AS target, target_title, kind '
    "FROM anchors s LEFT JOIN ids t ON s.target = t.id",
}  # fmt: skip

# Triples as they are stated: a tail that is no entity is a `value`.
_SAID = f"""
    SELECT h.eid AS head, relation, t.eid AS tail, rank, best, statement, split,
        CASE WHEN t.eid IS NULL THEN coalesce(otherwise, '{OUTSIDE}') END AS datatype,
        CASE WHEN t.eid IS NULL THEN s.tail END AS value
    FROM triples s LEFT JOIN ids h ON s.entity = h.id LEFT JOIN ids t ON s.tail = t.id
    """
_TRIPLES = "SELECT head, relation, tail, rank, best, statement, split FROM said WHERE tail IS NOT NULL"
_VALUED = f"""
    SELECT h.eid AS head, relation, {_VALUES}, rank, best, statement
    FROM literals s LEFT JOIN ids h ON s.entity = h.id
    """
_TAILLESS = "FROM said WHERE tail IS NULL"
_LITERALS = f"""
    FROM valued UNION ALL BY NAME
    SELECT head, relation, datatype, value, rank, best, statement {_TAILLESS}
    """
STATEMENTS = ("triples", "literals")

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


def tasks(
    folder: Path,
    *,
    without: Collection[str],
    memory: int,
    own_names: bool,
    lang: str | None,
    onto: str | None,
) -> list[Task]:
    """Return the tasks that make the tables for which a source has staged anything."""
    found: set[str] = set()
    for part in Parts(folder).parts:
        found |= {name.removeprefix(PREFIX) for name in staged.tables(folder / part.path)}
    if "anchors" in found or own_names:
        found.add("surfaces")
    if own_names and lang:
        found.add("labels")
    found -= set(without)
    args = {"memory": memory, "own_names": own_names, "lang": lang, "onto": onto}
    here = "kbtools.kb.joining"
    made = (
        [Task(name="pages", call="kbtools.kb.pages:build", args={"memory": memory})]
        if "pages" in found
        else []
    )
    if not found.isdisjoint(STATEMENTS):
        told = {"memory": memory, "literals": "literals" not in without}
        made.append(Task(name="statements", call=f"{here}:statements", args=told))
    wanted = [name for name in TABLES if name in found and name in QUERIES]
    return made + [Task(name=name, call=f"{here}:table", args={"table": name, **args}) for name in wanted]


def table(
    folder: Path, *, table: str, memory: int, own_names: bool, lang: str | None, onto: str | None
) -> Outcome:
    """Make one table; one that gets no rows is left out."""
    query = QUERIES[table]
    if table == "surfaces":
        query += _links(Parts(folder))
    if own_names:
        query += _OWN_NAMES.get(table, "").format(lang=quote(lang) if lang else "NULL")
    if onto is not None and table in SAID_ONCE:
        query = overlay.only_new(query, Path(onto), table)
    with _opened(folder, (table, "anchors") if table == "surfaces" else (table,), memory) as database:
        if table == "qualifiers":  # mostly values: few ids need to be looked up, often none
            _run(database, _tails(Parts(folder)))
        _run(database, f"CREATE TABLE joined AS {query}")
        rows = Sorted(database, table, "FROM joined")
        batches = without_repeats(rows.batches()) if table in SAID_ONCE else rows.batches()
        files = _write(folder, table, batches)
    return _outcome(files, {f"{table} of no entity": rows.lost})


def statements(folder: Path, *, memory: int, literals: bool) -> Outcome:
    """Make the triples and the literals; without `literals`, a triple whose tail is no entity is left out."""
    with (
        _opened(folder, STATEMENTS, memory) as database,
        Degrees(folder, "triples", counting=True) as degrees,
    ):
        _run(database, f"CREATE TABLE said AS {_SAID}")
        triples = Sorted(database, "triples", _TRIPLES)
        files = _write(folder, "triples", degrees.watch(triples.batches()))
        lost = {"triples of no entity": triples.lost}
        if literals:
            _run(database, f"CREATE TABLE valued AS {_VALUED}")
            valued = Sorted(database, "literals", _LITERALS)
            files += _write(folder, "literals", valued.batches())
            lost["literals of no entity"] = valued.lost
        else:
            ((lost["triples whose tail is no entity"],),) = _run(database, f"SELECT count(*) {_TAILLESS}")
    done = _outcome(files, lost)
    done.files += degrees.files
    return done


class Sorted:
    """The rows of a query in the order of a table, and how many were `lost`: those of no entity."""

    def __init__(self, database: Database, table: str, query: str) -> None:
        self.lost = 0
        self._schema = plain(TABLES[table].schema)
        order = ", ".join(f'"{name}" NULLS LAST' for name in TABLES[table].order)
        self._found = database.sql(f"SELECT * FROM ({query}) ORDER BY {order}").to_arrow_reader(BATCH)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows of entities."""
        for batch in self._found:
            kept = batch.filter(batch[0].is_valid()) if batch[0].null_count else batch
            self.lost += batch.num_rows - kept.num_rows
            if kept.num_rows:
                yield kept.select(self._schema.names).cast(self._schema)


def _outcome(files: list[str], left_out: dict[str, int]) -> Outcome:
    lost = {what: rows for what, rows in left_out.items() if rows}
    return Outcome(files=[f"new/{name}" for name in files], facts={"left out": lost} if lost else {})


def _write(folder: Path, table: str, rows: Iterator[pa.RecordBatch]) -> list[str]:
    """Write sorted rows; nothing if there are none."""
    first = next(rows, None)
    if first is None:
        return []
    rows = chain([first], rows)
    return write_sorted(folder / "new", table, rows, step=numbering.GROUP, file=numbering.FILE)


@contextmanager
def _opened(folder: Path, tables: Sequence[str], memory: int) -> Iterator[Database]:
    """Offer a database that knows the ids, and what was staged of some tables."""
    parts, offset = Parts(folder), numbering.load(folder).statements
    with connect(folder, memory) as database, ExitStack() as feeds:
        _run(database, f"CREATE VIEW ids AS FROM {read_parquet([folder / IDS])}")
        with pa.memory_map(str(folder / relations.FILE)) as file, pa.ipc.open_file(file) as found:
            known = found.read_all().select(["id", "rid"])
        rids = dict(zip(*(column.to_pylist() for column in known.columns), strict=True))
        for name in tables:
            schema, rows = _staged(parts, name, offset, rids)
            database.register(name, feeds.enter_context(feed(schema, rows)))
        yield database


def _run(database: Database, query: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = database.execute(query).fetchall()
    return found


def _staged(
    parts: Parts, table: str, statements: int, rids: dict[str, int]
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Yield staged rows with the numbers of statements, pages and relations that hold for all parts.

    `place` is the row's own number.
    """
    numbers = {"statement": U64, "relation": U32}
    schema = named.SCHEMAS[table]
    wide = [f.with_type(numbers.get(f.name, f.type)) for f in schema] + [pa.field("place", U64)]

    def column(name: str, values: pa.Array, part: Part) -> pa.Array:
        if name == "relation":
            found = values.dictionary_encode()  # they are few
            return pa.array([rids[text] for text in found.dictionary.to_pylist()], U32).take(found.indices)
        if name == "statement":
            return pc.add(values.cast(U64), pa.scalar(part.statement + statements, U64))
        return pc.add(values, pa.scalar(part.page, U32)) if name == "page" else values

    def rows() -> Iterator[pa.RecordBatch]:
        for part, places, batch in parts.numbered(PREFIX + table):
            columns = [column(name, batch[name], part) for name in schema.names]
            yield pa.RecordBatch.from_arrays([*columns, pa.array(places, U64)], schema=pa.schema(wide))

    return pa.schema(wide), rows()


def _tails(parts: Parts) -> str:
    """Return what makes the ids that qualifiers may speak of: none if none speaks of any."""
    batches = (batch["tail"] for _, batch in parts.batches(PREFIX + "qualifiers", ["tail"]))
    any_tails = any(column.null_count < len(column) for column in batches)
    return f"CREATE VIEW tails AS FROM ids WHERE {any_tails}"


def _links(parts: Parts) -> str:
    """Return what gives linked entities the names they are linked by, if there are pages."""
    batches = (batch["lang"] for _, batch in parts.batches(PREFIX + "pages", ["lang"]))
    langs = {lang for column in batches for lang in pc.unique(column).to_pylist()}
    return _ANCHORS.format(lang=quote(min(langs))) if langs else ""  # a wiki speaks one language
