"""Prior files: what others have counted, as one more source of names (the word "prior" in `counts`).

Who is meant is said by a title or an id, which is looked up in every knowledge base with its overlays: a
title among the sitelinks of one wiki, then the ids of entities, then redirects; what a plain file says is
first taken for an id. What leads nowhere is counted as skipped.

Memory: DuckDB's share, which holds the distinct names of the file, and spills. On disk: the rows of the file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools.alias.building import prior_formats
from kbtools.alias.building.prior_formats import PriorFile
from kbtools.corpus.base import Report
from kbtools.kb.database import connect
from kbtools.kb.quoting import name as quoted
from kbtools.kb.quoting import quote, read_parquet
from kbtools.kb.reader import Base
from kbtools.kb.schema import STR, TOMBSTONE, U8, U32, U64
from kbtools.kb.views import add_views, ask, ask_one, told

if TYPE_CHECKING:
    import duckdb

SCHEMA = pa.schema([("text", STR), ("kb", U8), ("eid", U32), ("n", U64)])
SITE = "enwiki"  # whose titles the known files hold
MEMORY = 512 << 20
BATCH = 1 << 18  # rows
WAYS = {  # the column to look in, the entity that it leads to, and of which rows
    "entities": ("id", "t.eid", f"t.flags & {TOMBSTONE} = 0"),
    "redirects": ("from_id", "t.to_eid", "true"),
    "sitelinks": ("title", "t.eid", "t.site = {site}"),
}


def read(
    path: str,
    bases: Sequence[Base],
    *,
    site: str = SITE,
    folder: Path | None = None,
    memory: int = MEMORY,
    threads: int = 1,
    report: Report | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield (text, kb, eid, n) in the order of the file; `folder` is where the rows may be laid out.

    `report` counts read, skipped and rejected; a line that cannot be read is rejected with its number.
    """
    report = report or Report()
    with tempfile.TemporaryDirectory(prefix="priors-", dir=folder) as room:
        staged = Path(room, "rows.parquet")
        plain = _stage(path, staged, report)
        with connect(Path(room), memory, threads=threads) as con, told():
            ask(con, f"CREATE VIEW said AS FROM {read_parquet([staged])}")
            ask(con, "CREATE TABLE names AS SELECT DISTINCT name, title FROM said")
            ask(con, "CREATE TABLE found (name VARCHAR, kb UTINYINT, eid UINTEGER)")
            for place, base in enumerate(bases):
                _resolve(con, place, base, site, plain=plain)
            lost = "SELECT count(*) FROM said ANTI JOIN found USING (name)"
            report.counts["skipped: no such entity"] += ask_one(con, lost)
            joined = "SELECT text, kb, eid, n FROM said JOIN found USING (name) ORDER BY row, kb"
            for batch in con.sql(joined).to_arrow_reader(BATCH):
                yield batch.cast(SCHEMA)


def _stage(path: str, staged: Path, report: Report) -> bool:
    """Lay the rows of a file out, numbered; tell whether it is a plain one, which holds ids."""
    schema = prior_formats.ROWS.append(pa.field("row", U64))
    row = 0
    with PriorFile(path) as file, pq.ParquetWriter(staged, schema, compression="zstd") as out:
        for batch in file.rows(report):
            numbers = pa.array(np.arange(row, row + batch.num_rows), U64)
            out.write_batch(pa.RecordBatch.from_arrays([*batch.columns, numbers], schema=schema))
            row += batch.num_rows
        return file.look.kind == "plain"


def _resolve(con: duckdb.DuckDBPyConnection, place: int, base: Base, site: str, *, plain: bool) -> None:
    """Find the entities that the names mean in one knowledge base: the first way that leads to one counts."""
    schema = quoted(f"kb{place}")
    add_views(con, base.parts, f"kb{place}", only=WAYS)
    by_id = [("entities", "name"), ("redirects", "name")]
    by_title = [("sitelinks", "title"), ("entities", "title"), ("redirects", "title")]
    found = []
    for way, (table, key) in enumerate(by_id + by_title if plain else by_title + by_id):
        if table in base.tables:
            column, eid, where = WAYS[table]
            where = where.format(site=quote(site))
            found.append(
                f"SELECT name, {way}::UBIGINT << 32 | {eid} AS best "
                f"FROM names JOIN {schema}.{table} t ON t.{column} = names.{key} WHERE {where}"
            )
    ask(
        con,
        f"INSERT INTO found SELECT name, {place}, (min(best) & 4294967295)::UINTEGER "
        f"FROM ({' UNION ALL '.join(found)}) GROUP BY name",
    )
