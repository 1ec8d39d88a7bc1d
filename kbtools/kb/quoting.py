"""How files, texts and names are written in SQL."""

from __future__ import annotations

from pathlib import Path


def read_parquet(files: list[Path]) -> str:
    """Return the table function that reads exactly these files, whatever characters their names have."""
    paths = ", ".join(quote(as_pattern(path)) for path in files)
    return f"read_parquet([{paths}], hive_partitioning = false)"


def as_pattern(path: Path) -> str:
    """Escape a path where DuckDB expects a glob pattern: `[*]` matches a star and nothing else."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(path))


def quote(text: str) -> str:
    """Write a string literal in SQL."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """Write an identifier in SQL."""
    return '"' + text.replace('"', '""') + '"'
