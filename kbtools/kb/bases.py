"""The knowledge bases that candidates are entities of: as given, or where they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kbtools import artefact
from kbtools.artefact import KbRef, Manifest
from kbtools.errors import ArtefactError, ConfigError, KbError
from kbtools.kb.reader import Base, gather, shares_ids


def bases_of(alias: Manifest, given: Sequence[str | Path] = (), *, force: bool = False) -> dict[int, Base]:
    """Open the knowledge bases of an alias table or of linked documents, by their number in its rows.

    Those given; if there are none, all that still lie where the table was made from, and are the same. With
    `force` those of another release are taken too: see `strangers`.
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
        if not force and _other_release(alias.kbs[places[base.name]], base):
            raise ArtefactError(
                f"{base.kb.path}: another release of {base.name!r}, whose numbers mean other entities"
            )
    return {places[base.name]: base for base in found}


def only(bases: Sequence[Base]) -> Base:
    """Return the one base there is; refuse several, for what is made of one knowledge base."""
    if len(bases) != 1:
        names = ", ".join(base.name for base in bases)
        raise ConfigError(
            f"vectors are of one knowledge base, not of {len(bases)} ({names}); merge them first"
        )
    return bases[0]


def strangers(alias: Manifest, bases: Mapping[int, Base]) -> list[str]:
    """Name the knowledge bases whose numbers mean other entities than those the rows speak of."""
    return [base.name for place, base in bases.items() if _other_release(alias.kbs[place], base)]


def same_ids(one: KbRef, other: KbRef) -> bool:
    """Tell whether eids mean the same: in one knowledge base, or in a release and a later one."""
    older, newer = one.id_space, other.id_space
    return one.content == other.content or shares_ids(older, newer) or shares_ids(newer, older)


def _other_release(ref: KbRef, base: Base) -> bool:
    manifest = base.kb.manifest
    return manifest.content != ref.content and not shares_ids(ref.id_space, manifest.id_space)


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
