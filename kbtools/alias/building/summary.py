"""What a new alias artefact holds, in a few lines."""

from __future__ import annotations

from pathlib import Path

from kbtools.alias.schema import LOOKUP
from kbtools.artefact import Manifest
from kbtools.artefact.telling import skipped
from kbtools.progress import amount


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was built."""
    counts, rows = made.counts, {name: table.rows for name, table in made.tables.items()}
    lines = [
        f"{out}: {rows[LOOKUP]:,} names, {rows['candidates']:,} candidates, {rows['counts']:,} counts"
        f" ({', '.join(ref.name for ref in made.kbs)})",
        f"  {counts.get('read', 0):,} rows read, {counts.get('rejected', 0):,} rejected",
    ]
    if counts.get("rejected"):
        lines.append(f'  what and why: kbtools sql {out} "SELECT * FROM rejects"')
    lines += skipped(counts)
    size = sum(file.bytes for file in made.tables[LOOKUP].files)
    lines.append(f"  look-up: {amount(size)}, {size / max(rows[LOOKUP], 1):,.0f} bytes a name")
    if not rows[LOOKUP]:
        lines.append("  Warning: no name is left, so nothing will be found")
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in made.resources["stages"].items())
    peak = made.resources["peak worker MB"]
    lines.append(f"  {stages}; largest worker {peak:,} MB; content {made.content}")
    return "\n".join(lines)
