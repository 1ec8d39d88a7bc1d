"""How the benchmarks of training and of vectors show what they found."""

from __future__ import annotations

from typing import Any


def show(head: str, rows: list[dict[str, Any]]) -> None:
    """Print rows as a table."""
    names = [*dict.fromkeys(name for row in rows for name in row)]
    print(head, "\n\n|", " | ".join(names), "|\n|" + "---|" * len(names))
    for row in rows:
        print("|", " | ".join(str(row.get(name, "")) for name in names), "|")
