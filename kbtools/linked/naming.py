"""What entities of linked documents are called, where their knowledge bases are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from kbtools.artefact import Manifest
from kbtools.errors import ArtefactError
from kbtools.kb.bases import bases_of
from kbtools.kb.ids import Ids

Names = dict[tuple[int, int], tuple[str | None, str | None]]  # (kb, eid) → id and label


class Called:
    """Ids and labels by numbers; of a knowledge base that is neither given nor where it was, nothing."""

    def __init__(self, manifest: Manifest, kbs: Sequence[Path | str] = ()) -> None:
        try:
            self.bases = bases_of(manifest, kbs)
        except ArtefactError:
            if kbs:
                raise
            self.bases = {}
        self._ids = {place: Ids(base.kb) for place, base in self.bases.items()}
        missing = [ref.name for place, ref in enumerate(manifest.kbs) if place not in self.bases]
        self.note = (
            f"{', '.join(missing)}: not where it was; numbers are shown, ids and labels with --kb KB"
            if missing
            else None
        )

    def sizes(self) -> dict[int, int]:
        """Return how many entities each knowledge base has."""
        return {place: len(ids) for place, ids in self._ids.items()}

    def names(self, pairs: Iterable[tuple[int, int]]) -> Names:
        """Return ids and labels of entities; those of absent knowledge bases are left out."""
        wanted: dict[int, set[int]] = {}
        for place, eid in pairs:
            wanted.setdefault(place, set()).add(eid)
        found: Names = {}
        for place, eids in wanted.items():
            if (ids := self._ids.get(place)) is not None:
                numbers = np.array(sorted(eids), np.int64)
                told = (ids.take(numbers, column).to_pylist() for column in ("id", "label"))
                for eid, *names in zip(numbers.tolist(), *told, strict=True):
                    found[place, eid] = (names[0], names[1])
        return found
