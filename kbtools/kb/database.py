"""DuckDB as this project uses it: bounded memory, spilling beside the target, never in /tmp."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from kbtools.errors import ResourceError

if TYPE_CHECKING:
    import duckdb

Config = dict[str, str | bool | int | float | list[str]]
SPILL = "work/spill"
LEAST = 256 << 20  # DuckDB needs about this much to sort at all


@contextmanager
def connect(folder: Path, memory: int, *, threads: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database that may use `memory` bytes and spills into the staging folder."""
    spill = folder / SPILL
    spill.mkdir(parents=True, exist_ok=True)
    with opened(spill, memory=max(memory, LEAST), threads=threads) as connection, in_memory():
        yield connection


@contextmanager
def opened(
    spill: Path, *, memory: int | None = None, threads: int | None = None, config: Config | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB without a file; beyond `memory` bytes (default: 80 % of the machine's) it uses `spill`."""
    import duckdb  # noqa: PLC0415 - a tenth of a second that a command which only hands out tasks can save

    settings: Config = {"temp_directory": str(spill), **(config or {})}
    if memory is not None:
        settings["memory_limit"] = f"{memory}B"
    if threads is not None:
        settings["threads"] = threads
    with duckdb.connect(":memory:", config=settings) as connection:
        connection.execute("SET enable_progress_bar = false").fetchall()
        yield connection


@contextmanager
def in_memory() -> Iterator[None]:
    """Say what helps when memory does not suffice."""
    import duckdb  # noqa: PLC0415 - as above

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        what, _, _ = one_line(error).partition(" Possible solutions:")
        raise ResourceError(
            f"{what}; give it more --memory or fewer --workers, or more room where it spills"
        ) from error


def one_line(error: BaseException) -> str:
    """Keep what is wrong and DuckDB's hint; leave out the excerpt with its underlining."""
    text, _, _ = str(error).partition("\n\nLINE ")
    kind, colon, rest = text.partition(" Error: ")
    if colon and kind in {"Permission", "Catalog", "Binder", "Invalid Input", "IO", "Out of Memory"}:
        text = rest
    return " ".join(text.split())


@contextmanager
def feed(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatchReader]:
    """Offer batches to queries; an error among them is raised as it is, not in the words of DuckDB."""
    failed: list[Exception] = []

    def watched() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except Exception as error:
            failed.append(error)
            raise

    try:
        yield pa.RecordBatchReader.from_batches(schema, watched())
    except Exception:
        if failed:
            raise failed[0] from None
        raise
