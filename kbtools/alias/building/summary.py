"""What a new alias artefact holds, in a few lines."""

from __future__ import annotations

from pathlib import Path

from kbtools.alias.schema import LOOKUP
from kbtools.artefact import Manifest
from kbtools.progress import amount

SHOWN = 4  # kinds of skipped rows


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was built."""
    counts, rows = made.counts, {name: table.rows for name, table in made.tables.items()}
    lines = [
        f"{out}: {rows[LOOKUP]:,} names, {rows['candidates']:,} candidates, {rows['counts']:,} counts"
        f" ({', '.join(ref.name for ref in made.kbs)})",
        f"  {counts.get('read', 0):,} rows read, {counts.get('rejected', 0):,} rejected",
    ]
    skipped = {what.partition(": ")[2]: n for what, n in counts.items() if what.startswith("skipped") and n}
    most = sorted(skipped, key=skipped.__getitem__, reverse=True)[:SHOWN]
    if counts.get("rejected"):
        lines.append(f'  what and why: kbtools sql {out} "SELECT * FROM rejects"')
    if most:
        lines.append(f"  skipped by design: {'; '.join(f'{skipped[what]:,} {what}' for what in most)}")
    size = sum(file.bytes for file in made.tables[LOOKUP].files)
    lines.append(f"  look-up: {amount(size)}, {size / max(rows[LOOKUP], 1):,.0f} bytes a name")
    if not rows[LOOKUP]:
        lines.append("  Warning: no name is left, so nothing will be found")
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in made.resources["stages"].items())
    peak = made.resources["peak worker MB"]
    lines.append(f"  {stages}; largest worker {peak:,} MB; content {made.content}")
    return "\n".join(lines)
