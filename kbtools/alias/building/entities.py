"""What of the entities the estimate needs: how popular each is, and which are left out; by eid, in files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.database import connect
from kbtools.kb.quoting import quote
from kbtools.kb.reader import Base
from kbtools.kb.views import add_views, ask


def popularity_file(folder: Path, place: int) -> Path:
    """Return where the popularity of a knowledge base's entities is kept."""
    return folder / f"work/popularity-{place:03}.npy"


def denied_file(folder: Path, place: int) -> Path:
    """Return where the entities of a knowledge base that are left out are marked."""
    return folder / f"work/denied-{place:03}.npy"


def write_popularity(folder: Path, place: int, base: Base, beta: float, gamma: float) -> None:
    """Write (1 + sitelinks)^beta (1 + in_degree)^gamma of each entity."""
    if "entities" not in base.kb.tables:
        raise ArtefactError(f"{base.kb.path}: has no entities")
    found = np.ones(base.kb.rows("entities"))
    at = 0
    for batch in base.kb.scan("entities", ["sitelinks", "in_degree"]):
        sitelinks, degree = (column.to_numpy().astype(float) for column in batch.columns)
        found[at : at + len(degree)] = (1 + sitelinks) ** beta * (1 + degree) ** gamma
        at += len(degree)
    np.save(popularity_file(folder, place), found, allow_pickle=False)


def write_denied(folder: Path, place: int, base: Base, classes: Sequence[str], memory: int) -> None:
    """Mark the instances of the classes and of the classes below them."""
    if not classes:
        return
    named = f"SELECT eid FROM entities WHERE id IN ({', '.join(map(quote, classes))})"
    with connect(folder, memory) as con:
        add_views(con, base.parts, only={"entities", "types", "classes"})
        known = {row[0] for row in ask(con, f"SELECT id FROM entities WHERE eid IN ({named})")}
        if missing := [name for name in classes if name not in known]:
            raise ConfigError(f"deny_classes: {missing[0]!r} is not an entity of {base.kb.path}")
        below = f"SELECT type FROM classes WHERE ancestor IN ({named}) UNION {named}"
        if "classes" not in base.tables:
            below = named
        eids = []
        if "types" in base.tables:
            eids = ask(con, f"SELECT DISTINCT eid FROM types WHERE type IN ({below})")
    found = np.zeros(base.kb.rows("entities"), bool)
    found[[row[0] for row in eids]] = True
    np.save(denied_file(folder, place), found, allow_pickle=False)
