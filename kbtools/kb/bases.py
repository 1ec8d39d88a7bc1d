"""The knowledge bases that candidates are entities of: as given, or where they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kbtools import artefact
from kbtools.artefact import Manifest
from kbtools.errors import ArtefactError, KbError
from kbtools.kb.reader import Base, gather, shares_ids


def bases_of(alias: Manifest, given: Sequence[str | Path] = ()) -> dict[int, Base]:
    """Open the knowledge bases of an alias table, by their number in its rows.

    Those given; if there are none, all that still lie where the table was made from, and are the same.
    """
    found = gather(given or _still_there(alias))
    places = {ref.name: place for place, ref in enumerate(alias.kbs)}
    if not found:
        were = ", ".join(one.path for one in alias.inputs if one.kind == "kb")
        raise ArtefactError(
            f"{', '.join(places)}: not where it was{were and f' ({were})'}, or changed; pass it with --kb KB"
        )
    for base in found:
        if base.name not in places:
            there = ", ".join(places)
            raise ArtefactError(f"{base.kb.path}: no candidates of {base.name!r} here; there are: {there}")
        ref, manifest = alias.kbs[places[base.name]], base.kb.manifest
        if manifest.content != ref.content and not shares_ids(ref.id_space, manifest.id_space):
            raise ArtefactError(
                f"{base.kb.path}: another release of {base.name!r}, whose numbers mean other entities"
            )
    return {places[base.name]: base for base in found}


def _still_there(alias: Manifest) -> list[str]:
    """List the knowledge bases that have not changed; an overlay whose base is gone is of no use."""
    there: dict[str, Manifest] = {}
    for one in alias.inputs:
        try:
            manifest = artefact.read(Path(one.path), "kb") if one.kind == "kb" else None
        except KbError:
            continue
        if manifest is not None and manifest.content == one.content:
            there[one.path] = manifest
    bases = {manifest.name for manifest in there.values() if manifest.base is None}
    return [path for path, manifest in there.items() if manifest.base is None or manifest.base.name in bases]
