"""Who an alias table speaks of: ids and labels of its numbers, where the knowledge bases are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from kbtools.artefact import KbRef, Manifest
from kbtools.errors import ArtefactError, KbError
from kbtools.kb.comparing import belonging
from kbtools.kb.quoting import read_parquet
from kbtools.kb.reader import Kb, shares_ids
from kbtools.kb.views import ask


class Entity(NamedTuple):
    """What is said of a candidate."""

    id: str
    label: str | None
    sitelinks: int
    in_degree: int


class Referents:
    """The knowledge bases of an alias table that are at hand, by their place in its list.

    Those given; of the others, those that are still where they were when the table was made.
    """

    def __init__(self, manifest: Manifest, kbs: Iterable[Path | str] = ()) -> None:
        given = [kb for kb in map(Kb, kbs) if kb.manifest.base is None]
        names = [ref.name for ref in manifest.kbs]
        for kb in given:
            if kb.name not in names:
                raise ArtefactError(
                    f"{kb.path}: no candidates of {kb.name!r} here; there are: {', '.join(names)}"
                )
        self.kbs: dict[int, Kb] = {}
        for place, ref in enumerate(manifest.kbs):
            mine = [_fitting(kb, ref) for kb in given if kb.name == ref.name]
            found = mine[-1] if mine else _still_there(manifest, ref)
            if found is not None:
                self.kbs[place] = found
        self.missing = [ref.name for place, ref in enumerate(manifest.kbs) if place not in self.kbs]

    @property
    def note(self) -> str | None:
        """Say how to see ids and labels, if some cannot be shown."""
        if not self.missing:
            return None
        return f"{', '.join(self.missing)}: not where it was; numbers are shown, ids and labels with --kb KB"

    def entities(
        self, con: duckdb.DuckDBPyConnection, pairs: Iterable[tuple[int, int]]
    ) -> dict[tuple[int, int], Entity]:
        """Look up (kb, eid) pairs; those of absent knowledge bases are left out."""
        wanted: dict[int, set[int]] = {}
        for place, eid in pairs:
            wanted.setdefault(place, set()).add(eid)
        found: dict[tuple[int, int], Entity] = {}
        for place, eids in wanted.items():
            if (kb := self.kbs.get(place)) is not None:
                for eid, *rest in ask(
                    con,
                    f"SELECT eid, id, label, sitelinks, in_degree FROM {read_parquet(kb.files('entities'))}"
                    f" WHERE eid IN ({', '.join(map(str, sorted(eids)))})",
                ):
                    found[place, eid] = Entity(*rest)
        return found


def referents(sides: dict[str, Manifest], kbs: Sequence[Path | str]) -> dict[str, Referents]:
    """Tell which knowledge bases belong to which of several tables; one that fits none is refused."""
    opens = {
        side: lambda kb, manifest=manifest: Referents(manifest, [kb]) for side, manifest in sides.items()
    }
    mine = belonging(kbs, opens)
    return {side: Referents(manifest, mine[side]) for side, manifest in sides.items()}


def _fitting(kb: Kb, ref: KbRef) -> Kb:
    if kb.manifest.content != ref.content and not shares_ids(ref.id_space, kb.manifest.id_space):
        raise ArtefactError(f"{kb.path}: another release of {ref.name!r}, whose numbers mean other entities")
    return kb


def _still_there(manifest: Manifest, ref: KbRef) -> Kb | None:
    places: Sequence[str] = [one.path for one in manifest.inputs if one.content == ref.content]
    for path in places:
        try:
            kb = Kb(path)
        except KbError:
            continue
        if kb.manifest.content == ref.content and "entities" in kb.tables:
            return kb
    return None
