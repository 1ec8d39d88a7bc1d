"""Where candidates come from: an alias table and indexes, asked alike, their entities numbered alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias.lookup import Slices
from kbtools.artefact import KbRef, Manifest
from kbtools.errors import ArtefactError
from kbtools.kb.reader import shares_ids
from kbtools.linkers.index import fusion
from kbtools.linkers.index.base import Index
from kbtools.linkers.index.fusion import Rows

READS_CONTEXT = "dense"  # the kind that is asked with what stands around a name


class Names(Protocol):
    """What is asked of an alias table: `kbtools.alias.lookup.Alias`."""

    path: Path
    manifest: Manifest

    def lookup(self, surfaces: Sequence[str]) -> Slices:
        """Find names."""
        ...

    def candidates(self, slices: Slices) -> pa.Table:
        """Return query, kb, eid, prior; best first in each kb."""
        ...


class Source(NamedTuple):
    """A name, and who answers to it: texts and how many candidates are wanted of each."""

    name: str
    kind: str
    find: Callable[[Sequence[str], int], Rows]


def sources(alias: Names, indexes: Sequence[Index]) -> list[Source]:
    """Put an alias table and indexes side by side; refuse indexes that were made from something else."""
    found = [Source(fusion.ALIAS, fusion.ALIAS, lambda texts, _: _looked_up(alias, texts))]
    for index in indexes:
        kind = str(index.manifest.settings["kind"])
        same = sum(source.kind == kind for source in found)
        name = f"{kind} {same + 1}" if same else kind
        found.append(Source(name, kind, _searching(index, _places(index, alias))))
    return found


def _looked_up(alias: Names, texts: Sequence[str]) -> Rows:
    return fusion.from_alias(alias.candidates(alias.lookup(texts)))


def _searching(index: Index, places: NDArray[np.uint8]) -> Callable[[Sequence[str], int], Rows]:
    def find(texts: Sequence[str], k: int) -> Rows:
        found = fusion.from_hits(index.search(texts, k))
        return found._replace(kb=places[found.kb])

    return find


def _places(index: Index, alias: Names) -> NDArray[np.uint8]:
    """Say which number each knowledge base of an index has in the alias table."""
    for one in index.manifest.inputs:
        if one.kind == "alias" and one.content != alias.manifest.content:
            raise ArtefactError(
                f"{index.path}: made from another alias table ({one.path}) than {alias.path}; "
                f"give that one, or make the index again: kbtools index {alias.path} ..."
            )
    theirs = {ref.name: place for place, ref in enumerate(alias.manifest.kbs)}
    found = []
    for ref in index.manifest.kbs:
        place = theirs.get(ref.name)
        if place is None or not _same(ref, alias.manifest.kbs[place]):
            raise ArtefactError(
                f"{index.path}: its entities are those of another {ref.name!r} than in {alias.path}: "
                "make both from the same knowledge bases"
            )
        found.append(place)
    return np.array(found, np.uint8)


def _same(one: KbRef, other: KbRef) -> bool:
    """Tell whether numbers mean the same entities, though one may know of more."""
    return (
        one.content == other.content
        or shares_ids(one.id_space, other.id_space)
        or shares_ids(other.id_space, one.id_space)
    )
