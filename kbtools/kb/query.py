"""Ask artefacts of tables in SQL, out of core, without being able to harm or leave them."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from kbtools.errors import KbError
from kbtools.kb.database import one_line
from kbtools.kb.quoting import as_pattern, quote
from kbtools.kb.reader import Kb, Tables, gather
from kbtools.kb.views import add_views, connect, told

BATCH_ROWS = 8_192
EXPLAIN = re.compile(r"\s*explain\s+(analyze\s+)?(\([^)]*\)\s*)?", re.IGNORECASE)

Result = TypeVar("Result")


@contextmanager
def query(
    paths: Iterable[Path | str], sql: str, *, memory: int | None = None, threads: int | None = None
) -> Iterator[pa.RecordBatchReader]:
    """Run one question over knowledge bases and other artefacts; its rows are streamed as Arrow batches.

    There is one view per table, BASE ∪ overlays; with several bases, schemas named after them
    (`wikidata.entities`), and other artefacts' after their kind (`alias.counts`). Only the artefacts' own
    files can be opened, and only to be read.

        with query([Path("kb")], "SELECT count(*) AS n FROM entities") as rows:
            table = rows.read_all()
    """
    schemas = _schemas(paths)
    beside = next((parts[0].path for parts in schemas.values()), None)
    with connect(beside, memory=memory, threads=threads) as con, ThreadPoolExecutor(1) as pool:
        files: list[Path] = []
        for schema, parts in schemas.items():
            files += add_views(con, parts, schema)
        lock(con, files)
        _only_questions(con, sql)

        def run(work: Callable[[], Result]) -> Result:
            """Work in a thread: Ctrl-C does not reach a thread that waits inside Arrow."""
            try:
                return pool.submit(work).result()
            except KeyboardInterrupt:
                con.interrupt()
                raise

        with _helped(schemas):
            relation = run(lambda: con.sql(sql))
            reader = run(lambda: relation.to_arrow_reader(BATCH_ROWS))
        batches = _batches(reader, run)
        with reader, closing(batches), pa.RecordBatchReader.from_batches(reader.schema, batches) as rows:
            yield rows


def _schemas(paths: Iterable[Path | str]) -> dict[str, list[Tables]]:
    """Put the artefacts' tables under the names by which they can be asked for."""
    opened = [Tables(path) for path in paths]
    bases = gather(one.path for one in opened if one.manifest.kind == Kb.kind)
    found: dict[str, list[Tables]] = {base.name: [*base.parts] for base in bases}
    for one in opened:
        kind = one.manifest.kind
        if kind == Kb.kind:
            continue
        if not one.tabular:
            raise KbError(f"{one.path}: this {kind} has no tables to ask")
        if kind in found:
            raise KbError(
                f"{one.path} and {found[kind][0].path} are both called {kind!r} here; give one of them"
            )
        found[kind] = [one]
    return found if len(found) > 1 else dict.fromkeys(("main",) if found else (), *found.values())


def _batches(
    reader: pa.RecordBatchReader, run: Callable[[Callable[[], pa.RecordBatch | None]], pa.RecordBatch | None]
) -> Generator[pa.RecordBatch, None, None]:
    def following() -> pa.RecordBatch | None:
        try:
            return reader.read_next_batch()
        except StopIteration:
            return None
        except (OSError, pa.ArrowException) as error:  # Arrow's dress for an error of DuckDB
            raise KbError(one_line(error)) from error

    while (batch := run(following)) is not None:
        yield batch


def lock(con: duckdb.DuckDBPyConnection, files: list[Path]) -> None:
    """Let DuckDB open these files and nothing else from now on.

    What is allowed may be read *and* written, so `_only_questions` has to refuse COPY by its kind.
    """
    allowed = dict.fromkeys(text for path in files for text in (str(path), as_pattern(path)))
    con.execute(f"SET allowed_paths = [{', '.join(map(quote, allowed))}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def _only_questions(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    with told():
        statements = con.extract_statements(sql)
    if not statements:
        raise KbError("no SQL is given; try: SELECT * FROM entities LIMIT 10")
    if len(statements) > 1:
        raise KbError(f"{len(statements)} statements are given; ask one question at a time")
    kind = statements[0].type
    if kind == duckdb.StatementType.EXPLAIN and (start := EXPLAIN.match(sql)):
        _only_questions(con, sql[start.end() :])  # EXPLAIN ANALYZE runs what follows
    elif kind == duckdb.StatementType.MULTI:
        raise KbError("PIVOT has to name its columns here: PIVOT ... ON column IN ('a', 'b') ...")
    elif kind != duckdb.StatementType.SELECT:
        raise KbError(
            f"{kind.name} is not a question: artefacts are only read (SELECT, FROM, DESCRIBE, "
            "SUMMARIZE, EXPLAIN); to save rows, use --csv or --json and a pipe"
        )


@contextmanager
def _helped(schemas: dict[str, list[Tables]]) -> Iterator[None]:
    """Name the tables there are where one is asked for that there is not."""
    try:
        with told():
            yield
    except KbError as error:
        missing = re.match(r"Table with name (\S+) does not exist", str(error))
        if missing is None:
            raise
        tables = [
            table if len(schemas) == 1 else f"{schema}.{table}"
            for schema, parts in schemas.items()
            for table in dict.fromkeys(table for part in parts for table in part.tabular)
        ]
        near = get_close_matches(missing[1], tables, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise KbError(f"there is no table {missing[1]!r}.{hint} Tables: {', '.join(tables)}") from error
