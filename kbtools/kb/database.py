"""DuckDB as this project uses it: bounded memory, spilling beside the target, never in /tmp."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

SPILL = "work/spill"
LEAST = 256 << 20  # DuckDB needs about this much to sort at all


@contextmanager
def connect(folder: Path, memory: int, *, threads: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database that may use `memory` bytes and spills into the staging folder."""
    import duckdb  # noqa: PLC0415 - a tenth of a second that a command which only hands out tasks can save

    spill = folder / SPILL
    spill.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{max(memory, LEAST)}B",
        "temp_directory": str(spill),
        "threads": threads,
        "preserve_insertion_order": True,
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("SET enable_progress_bar = false").fetchall()
        yield connection


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
