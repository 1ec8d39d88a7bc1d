"""What candidates are called, as far as their knowledge bases are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kbtools.errors import ArtefactError
from kbtools.kb.asking import answer
from kbtools.kb.ids import Ids
from kbtools.kb.reader import Base
from kbtools.linkers.base import Longs
from kbtools.linkers.opening import Opened

KINDS = ("short", "gloss", "definition", "abstract", "example")  # of descriptions, best first


class Entity(NamedTuple):
    """What is said of one."""

    id: str | None = None
    label: str | None = None
    description: str | None = None


Called = Mapping[tuple[int, int], Entity]  # by knowledge base and eid


class Entities:
    """Ids, labels and descriptions, asked for many entities at once."""

    def __init__(self, here: Opened) -> None:
        self.here = here

    @cached_property
    def bases(self) -> Mapping[int, Base]:
        """The knowledge bases that are at hand; none is needed, but one that was named has to fit."""
        try:
            return self.here.bases
        except ArtefactError:
            if self.here.asked.kbs:
                raise
            return {}

    @property
    def note(self) -> str | None:
        """Say how to see more than numbers."""
        missing = [name for place, name in enumerate(self.here.names) if place not in self.bases]
        if not missing:
            return None
        return f"{', '.join(missing)}: not where it was; numbers are shown, ids and labels with --kb KB"

    def of(self, kb: Longs, eid: Longs, lang: str) -> Called:
        """Look entities up; descriptions in `lang` if there are any, else in English, else as they are."""
        found: dict[tuple[int, int], Entity] = {}
        for place, base in self.bases.items():
            eids = np.unique(eid[kb == place]).astype(np.int64)
            if not len(eids):
                continue
            ids = Ids(base.kb)
            names, labels = (ids.take(eids, column).to_pylist() for column in ("id", "label"))
            about = _descriptions(base, eids, lang)
            for row in zip(eids.tolist(), names, labels, strict=True):
                found[place, row[0]] = Entity(row[1], row[2], about.get(row[0]))
        return found


def _descriptions(base: Base, eids: Longs, lang: str) -> dict[int, str]:
    if "descriptions" not in base.tables:
        return {}
    order = " ".join(f"WHEN '{kind}' THEN {at}" for at, kind in enumerate(KINDS))
    told = answer(
        base.kb.path,
        "SELECT a.eid AS eid, arg_min(d.text, (CASE WHEN d.lang = a.lang THEN 0 WHEN d.lang = 'en' THEN 1 "
        f"ELSE 2 END, CASE d.kind {order} ELSE {len(KINDS)} END, d.source, d.text)) AS text "
        "FROM asked a JOIN descriptions d ON d.eid = a.eid GROUP BY a.eid",
        {"eid": eids.astype(np.uint32), "lang": [lang] * len(eids)},
        parts=base.parts,
        only={"descriptions"},
    )
    return dict(zip(told["eid"].to_pylist(), told["text"].to_pylist(), strict=True))
