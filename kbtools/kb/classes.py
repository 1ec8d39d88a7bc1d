"""The class hierarchy: every class with all its ancestors and how far away they are.

A class is what has a superclass or a subclass, or is the type of something. Each class is its own ancestor
at depth 0, so `types JOIN classes USING (type)` answers "is an instance of X or of a subclass of X".
Breadth first, a level at a time, in DuckDB: a pair is added at its shortest distance and never again, which
is what makes cycles harmless. Classes that reach themselves are counted and named.

Most classes have no subclass (millions of genes and proteins). They lie on nobody's way: they are left out
of the levels, and take over what their superclasses have found in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Outcome
from kbtools.kb.database import connect
from kbtools.kb.schema import TABLES
from kbtools.kb.sorting import BATCH
from kbtools.kb.writer import plain, write_rows

if TYPE_CHECKING:
    import duckdb

NAMED = 20  # cycles that are named; all are counted
AT_ONCE = 1 << 16  # classes whose ancestors are gathered and sorted together


def build(folder: Path, *, subclass_of: int | None, memory: int, threads: int) -> Outcome:
    """Write `classes` from the triples of relation `subclass_of` and from `types`."""
    with connect(folder, memory, threads=threads) as database:
        _load(database, folder / "new", subclass_of)
        return close(folder, database)


def close(folder: Path, database: duckdb.DuckDBPyConnection) -> Outcome:
    """Write `classes` from the database's tables `stated` (child, parent) and `types` (class)."""
    for query in _SPLIT:
        _run(database, query)
    depth = 0
    while _grow(database, depth):
        depth += 1
    closure = Closure(database)
    files = write_rows(folder / "new", "classes", closure.rows())
    facts = {"class depth": closure.depth, **_cycles(database)}
    return Outcome(files=[f"new/{name}" for name in files], facts=facts)


class Closure:
    """All pairs in order, and the greatest depth among those that have been read."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self.depth, self._database = 0, database

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Yield the pairs of some classes after the other: no step holds or sorts those of all."""
        schema = plain(TABLES["classes"].schema)
        firsts = _run(
            self._database,
            f"""
            SELECT class FROM (
                SELECT class, row_number() OVER (ORDER BY class) - 1 AS place
                FROM (SELECT "type" AS class FROM closure WHERE depth = 0 UNION ALL FROM last_classes)
            ) WHERE place % {AT_ONCE} = 0 ORDER BY class
            """,
        )
        for (low,), (end,) in pairwise([*firsts, (1 << 32,)]):
            found = self._database.sql(_PAIRS, params={"low": low, "end": end})
            for batch in found.to_arrow_reader(BATCH):
                self.depth = max(self.depth, pc.max(batch["depth"]).as_py())
                yield batch.cast(schema)


_PAIRS = """
SELECT "type"::UINTEGER AS "type", ancestor::UINTEGER AS ancestor, depth::USMALLINT AS depth
FROM (
    FROM closure WHERE "type" >= $low AND "type" < $end
    UNION ALL
    SELECT l.child, c.ancestor, min(c.depth) + 1 FROM last_edges l JOIN closure c ON c."type" = l.parent
    WHERE l.child >= $low AND l.child < $end GROUP BY l.child, c.ancestor
    UNION ALL
    SELECT class, class, 0 FROM last_classes WHERE class >= $low AND class < $end
)
ORDER BY "type", ancestor, depth
"""


def _load(database: duckdb.DuckDBPyConnection, new: Path, subclass_of: int | None) -> None:
    triples, types = _files(new, "triples"), _files(new, "types")  # none where a source has no such table
    _run(database, "CREATE TABLE stated (child UINTEGER, parent UINTEGER)")
    if subclass_of is not None and triples:
        _run(
            database,
            "INSERT INTO stated SELECT DISTINCT head, tail FROM read_parquet($files) "
            "WHERE relation = $r AND best",
            {"files": triples, "r": subclass_of},
        )
    _run(database, "CREATE TABLE types (class UINTEGER)")
    if types:
        _run(database, 'INSERT INTO types SELECT DISTINCT "type" FROM read_parquet($files)', {"files": types})


# Classes with subclasses have `edges` and start their `closure`; the others are `last`.
_SPLIT = (
    'CREATE TABLE closure AS SELECT DISTINCT parent AS "type", parent AS ancestor, 0 AS depth FROM stated',
    'CREATE TABLE edges AS FROM stated SEMI JOIN closure ON child = "type"',
    'CREATE TABLE last_edges AS FROM stated ANTI JOIN closure ON child = "type"',
    """
    CREATE TABLE last_classes AS
    SELECT DISTINCT class FROM (SELECT child AS class FROM last_edges UNION ALL FROM types)
    ANTI JOIN closure ON class = "type"
    """,
    "CREATE TABLE loops (class UINTEGER)",
)


def _grow(database: duckdb.DuckDBPyConnection, depth: int) -> bool:
    """Add the pairs that are one step further apart; False when there are none left."""
    _run(
        database,
        """
        CREATE OR REPLACE TEMP TABLE step AS
        SELECT DISTINCT c."type", e.parent AS ancestor
        FROM closure c JOIN edges e ON e.child = c.ancestor WHERE c.depth = $depth
        """,
        {"depth": depth},
    )
    _run(database, 'INSERT INTO loops SELECT "type" FROM step WHERE "type" = ancestor')
    _run(
        database,
        """
        INSERT INTO closure
        SELECT s."type", s.ancestor, $depth + 1 FROM step s ANTI JOIN closure c
        ON s."type" = c."type" AND s.ancestor = c.ancestor
        """,
        {"depth": depth},
    )
    found = _run(database, "SELECT count(*) FROM closure WHERE depth = $depth", {"depth": depth + 1})
    return bool(found[0][0])


def _cycles(database: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Count the classes on cycles and list some: classes that reach each other belong together."""
    groups = _run(
        database,
        f"""
        WITH looped AS (SELECT DISTINCT class FROM loops)
        SELECT l.class, min(there.ancestor) AS leader
        FROM looped l
        JOIN closure there ON there."type" = l.class
        JOIN closure back ON back."type" = there.ancestor AND back.ancestor = l.class
        GROUP BY l.class ORDER BY leader, l.class LIMIT {NAMED * 10}
        """,
    )
    total = _run(database, "SELECT count(DISTINCT class) FROM loops")
    found: dict[int, list[int]] = {}
    for eid, leader in groups:
        found.setdefault(leader, []).append(eid)
    return {"classes in cycles": total[0][0], "cycles": list(found.values())[:NAMED]}


def _run(database: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any] | None = None) -> list[Any]:
    """Execute a statement to its end."""
    return database.execute(query, values).fetchall()


def _files(new: Path, table: str) -> list[str]:
    return [str(path) for path in sorted((new / table).glob("[0-9]*.parquet"))]
