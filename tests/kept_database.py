"""One DuckDB for all that a process of tests builds: to make one takes longer than what a small test asks it.

Who opens a database gets an empty one in it, with limits of his own. What asks for other settings, or for a
second one meanwhile, gets a DuckDB of its own, as commands do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from kbtools.kb import database

if TYPE_CHECKING:
    import duckdb

_really = database.opened
_kept: list[duckdb.DuckDBPyConnection] = []  # one, unless it is in use
_numbers = count()


@contextmanager
def opened(
    spill: Path,
    *,
    memory: int | None = None,
    threads: int | None = None,
    config: database.Config | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Do what `database.opened` does."""
    if memory is None or threads is None or config is not None:
        with _really(spill, memory=memory, threads=threads, config=config) as connection:
            yield connection
        return
    whole = _kept.pop() if _kept else _new()
    name = f"empty{next(_numbers)}"
    whole.execute(f"SET memory_limit = '{memory}B'; SET threads = {threads}; ATTACH ':memory:' AS {name}")
    whole.execute("SET temp_directory = $path", {"path": str(spill)})
    connection = whole.cursor()
    try:
        connection.execute(f"USE {name}; SET enable_progress_bar = false").fetchall()
        yield connection
    finally:
        connection.close()
        _keep(whole, name)


def _new() -> duckdb.DuckDBPyConnection:
    import duckdb  # noqa: PLC0415 - many tests need none

    return duckdb.connect(":memory:", config={"threads": 1})


def _keep(whole: duckdb.DuckDBPyConnection, name: str) -> None:
    """Keep it for the next one, without threads of its own; one that has spilled holds files, and goes."""
    import duckdb  # noqa: PLC0415 - as above

    try:
        whole.execute(f"DETACH {name}; SET threads = 1; SET temp_directory = ''")
    except duckdb.Error:
        whole.close()
    else:
        _kept.append(whole)


def close() -> None:
    """Let it go."""
    while _kept:
        _kept.pop().close()
