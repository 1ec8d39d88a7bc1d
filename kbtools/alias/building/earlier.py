"""An earlier alias artefact as a start: what it counted of unchanged knowledge bases is taken over.

Counts do not depend on weights and smoothing, so that new weights need no reading of names at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kbtools import artefact
from kbtools.alias.building.ranges import Names
from kbtools.alias.schema import KIND
from kbtools.artefact import Manifest
from kbtools.errors import ArtefactError
from kbtools.kb.reader import Base

FILTERS = ("langs", "min_length", "max_length", "deny_classes", "stop_aliases", "numbers")


def knowledge_bases(old: Path, given: Sequence[str | Path]) -> list[Path]:
    """Return where the knowledge bases of an earlier artefact lie, but those that are given anew."""
    anew = {_of(artefact.read(Path(path), "kb")) for path in given}
    found = []
    for one in artefact.read(old, KIND).inputs:
        if one.kind != "kb":
            continue
        path = Path(one.path)
        if not path.exists():
            raise ArtefactError(f"{old} was made from {path}, which is gone: build without --base")
        there = artefact.read(path, "kb")
        if _of(there) in anew:
            continue
        if there.content != one.content:
            raise ArtefactError(
                f"{old} was made from {path}, which has changed since: name it to take it anew"
            )
        found.append(path)
    return found


def _of(manifest: Manifest) -> str | None:
    return manifest.base.name if manifest.base else manifest.name


def parts(bases: Sequence[Base]) -> dict[str, list[str]]:
    """Say what each knowledge base consists of: its content, and those of its overlays."""
    return {base.name: [part.manifest.content for part in base.parts] for base in bases}


def counted(old: Path | None, bases: Sequence[Base], settings: Mapping[str, Any]) -> Names:
    """Return the counts that an earlier artefact holds, and of which knowledge bases."""
    if old is None:
        return Names([])
    manifest = artefact.read(old, KIND)
    if any(manifest.settings.get(name) != settings[name] for name in FILTERS):
        return Names([])
    files = [str(old / file.path) for file in manifest.tables["counts"].files]
    before, now = manifest.notes["parts"], parts(bases)
    was = {ref.name: place for place, ref in enumerate(manifest.kbs)}
    places = [
        (was[base.name], place)
        for place, base in enumerate(bases)
        if base.name in was and before[base.name] == now[base.name]
    ]
    return Names([], counts=files if places else [], places=places)
