"""What `kbtools encode` prints when it is done."""

from __future__ import annotations

from pathlib import Path

from kbtools.artefact import Manifest
from kbtools.features.schema import TABLE

SAID = ("tokens", "windows", "read")  # told by themselves


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was made."""
    settings, counts = made.settings, made.counts
    seconds, tokens = made.resources.get("seconds") or 0, counts.get("tokens", 0)
    table = made.tables[TABLE]
    rate = f", {tokens / seconds:,.0f} a second" if seconds else ""
    size = sum(file.bytes for file in table.files) / 1e6
    noun = f"{settings['unit']}{'' if table.rows == 1 else 's'}"
    lines = [
        f"{out}: {table.rows:,} {noun} of {counts.get('read', 0):,} documents, {settings['dim']:,} numbers "
        f"each (layers {settings['layers']}, {settings['pool']}); {size:,.1f} MB",
        f"  {tokens:,} tokens in {counts.get('windows', 0):,} windows; {seconds:.1f} s{rate}; "
        f"content {made.content}",
    ]
    odd = [f"{count:,} {name}" for name, count in counts.items() if count and name not in SAID]
    return "\n".join([*lines, *([f"  {', '.join(odd)}"] if odd else [])])
