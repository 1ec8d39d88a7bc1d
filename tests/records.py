"""The records of finished tasks, counted while their build goes on."""

from __future__ import annotations

import os
from pathlib import Path


def count(partial: Path) -> int:
    """Count them; a build that is being published takes the folder away: then there are none."""
    return sum(name.endswith(".json") for _, _, names in os.walk(partial / "done") for name in names)
