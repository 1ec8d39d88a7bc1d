"""What the summaries of commands have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN = 4  # kinds of skipped rows that are named


def skipped(counts: Mapping[str, Any]) -> list[str]:
    """Tell in a line what was left out by design, the most frequent first; no line if there is nothing.

    >>> skipped({"read": 9, "skipped: too short": 2, "skipped: a number": 0})
    ['  skipped by design: 2 too short']
    """
    found = {what.partition(": ")[2]: n for what, n in counts.items() if what.startswith("skipped") and n}
    most = sorted(found, key=found.__getitem__, reverse=True)
    shown = [f"{found[what]:,} {what}" for what in most[:SHOWN]]
    more = [f"{len(most) - SHOWN} more reasons"] if len(most) > SHOWN else []
    return [f"  skipped by design: {'; '.join(shown + more)}"] if most else []
