"""DuckDB over the Parquet files of knowledge bases: one view per table, errors in one line.

Nothing is loaded: a view reads its files when it is asked. What does not fit into memory is spilled to a
private folder, removed at the end: below `$TMPDIR` if that is set, else beside the first knowledge base if
that can be written to (the system's own temporary folder is often a piece of the memory).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from kbtools.errors import KbError
from kbtools.kb.database import Config, in_memory, one_line, opened
from kbtools.kb.quoting import name, read_parquet
from kbtools.kb.reader import Tables
from kbtools.kb.schema import TABLES
from kbtools.kb.union import shifted

SETTINGS: Config = {
    "python_enable_replacements": False,  # a query must not see our variables as tables
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


@contextmanager
def connect(
    beside: Path | None = None, *, memory: int | None = None, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB in memory, spilling beyond `memory` bytes (default: 80 % of the machine's)."""
    home = beside.absolute().parent if beside and "TMPDIR" not in os.environ else None
    if home is not None and not os.access(home, os.W_OK):
        home = None
    with (
        tempfile.TemporaryDirectory(prefix=".kbtools-", dir=home, ignore_cleanup_errors=True) as spill,
        opened(Path(spill), memory=memory, threads=threads, config=SETTINGS) as con,
    ):
        yield con


def add_views(
    con: duckdb.DuckDBPyConnection,
    parts: Sequence[Tables],
    schema: str = "main",
    *,
    only: Collection[str] | None = None,
) -> list[Path]:
    """Make one view per table over `parts` (a base and its overlays); return the files it reads."""
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {name(schema)}")
    opened: list[Path] = []
    numbers = shifted(parts)
    for table in dict.fromkeys(table for part in parts for table in part.tabular):
        if only is not None and table not in only:
            continue
        pieces = []
        for part, mine in zip(parts, numbers, strict=True):
            if files := part.files(table) if table in part.tables else []:
                files = [path.absolute() for path in files]
                columns = TABLES[table].schema.names if table in TABLES else []
                changed = [f"{mine[column]} AS {column}" for column in columns if column in mine]
                replaced = f" REPLACE ({', '.join(changed)})" if changed else ""
                pieces.append(f"SELECT *{replaced} FROM {read_parquet(files)}")
                opened += files
        if pieces:
            with told():
                con.execute(
                    f"CREATE VIEW {name(schema)}.{name(table)} AS {' UNION ALL BY NAME '.join(pieces)}"
                )
        elif table in TABLES:
            _empty_table(con, schema, table)
    return opened


def _empty_table(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
    con.register("_empty", TABLES[table].schema.empty_table())
    con.execute(f"CREATE TABLE {name(schema)}.{name(table)} AS FROM _empty")
    con.unregister("_empty")


def ask(con: duckdb.DuckDBPyConnection, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement of our own and fetch its rows."""
    with told():
        return con.execute(sql, list(parameters)).fetchall()


def ask_one(con: duckdb.DuckDBPyConnection, sql: str, parameters: Iterable[Any] = ()) -> Any:
    """Run one statement of our own and fetch the one value it gives."""
    return ask(con, sql, parameters)[0][0]


@contextmanager
def told() -> Iterator[None]:
    """Turn DuckDB's errors into one line each, and its interruption into Ctrl-C."""
    try:
        with in_memory():
            yield
    except duckdb.PermissionException as error:
        raise KbError(f"only the artefacts' own files can be opened: {one_line(error)}") from error
    except duckdb.Error as error:
        raise KbError(one_line(error)) from error
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise
