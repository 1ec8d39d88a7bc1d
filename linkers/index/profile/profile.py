"""A profile, opened: what is known of entities, by row; mapped into memory and shared by processes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kbtools import artefact, config
from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.reader import shares_ids
from kbtools.linkers.base import Longs
from kbtools.linkers.index.base import Hits
from kbtools.linkers.index.profile import files
from kbtools.linkers.index.profile.csr import SIXTEENTHS, Csr
from kbtools.linkers.index.profile.settings import Settings


class Profile:
    """The words, neighbours and classes of entities.

    profile = Profile(path).bound_to(alias.kbs)
    rows = profile.rows(kb, eid)                    # −1: an entity that it does not know
    lengths, at = profile.neighbours.take(rows)     # profile.neighbours.values[at] are rows again
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.manifest = artefact.read(self.path, "index")
        told = self.manifest.settings
        if told.get("kind") != "profile":
            raise ArtefactError(
                f"{path}: an index of kind {told.get('kind')!r}, where a profile is wanted: "
                "kbtools index KB... --kind profile"
            )
        fields = {name: value for name, value in told.items() if name in Settings.__dataclass_fields__}
        self.settings = config.build(Settings, fields, where=str(path))
        self.arrays = files.opened(self.path, self.manifest)
        sizes = self.manifest.notes.get("entities")
        if not isinstance(sizes, list) or len(sizes) != len(self.manifest.kbs) or sum(sizes) != len(self):
            raise ArtefactError(f"{path}: its manifest does not say how many entities it has; make it again")
        self._sizes = np.array(sizes, np.int64)
        self._first = np.cumsum(self._sizes) - self._sizes
        self._places = np.arange(len(sizes))
        self.words = self._csr("words")
        self.neighbours = self._csr("neighbours")  # a sample, where there are more than were kept
        self.types = self._csr("types")
        self.classes = self._csr("classes")  # types and their superclasses
        self.parts = self._csr("parts")  # row i: who is called by the part with the hash parts.keys[i]
        self.degrees: NDArray[np.uint32] = self.arrays["neighbours.degrees"]  # all neighbours

    def __len__(self) -> int:
        return len(self.arrays["words.lengths"])

    def __repr__(self) -> str:
        return f"Profile({str(self.path)!r})"

    def _csr(self, name: str) -> Csr:
        weights = self.arrays.get(f"{name}.weights")
        return Csr(self.arrays[f"{name}.offsets"], self.arrays[f"{name}.values"], weights)

    @property
    def kbs(self) -> list[KbRef]:
        """The knowledge bases it speaks of."""
        return self.manifest.kbs

    def bound_to(self, kbs: Sequence[KbRef]) -> Profile:
        """Return the same, asked with the places of another list of knowledge bases.

        Those that it does not know have no rows; one of another release is refused.
        """
        bound = Profile.__new__(Profile)
        bound.__dict__.update(self.__dict__)
        mine = {ref.name: place for place, ref in enumerate(self.kbs)}
        bound._places = np.array([mine.get(ref.name, -1) for ref in kbs], np.int64)
        for ref, place in zip(kbs, bound._places.tolist(), strict=True):
            if place >= 0 and not _same(ref, self.kbs[place]):
                raise ArtefactError(
                    f"{self.path}: made from another release of {ref.name!r}; make it again: "
                    "kbtools index KB... --kind profile"
                )
        if len(kbs) and (bound._places < 0).all():
            wanted, known = (", ".join(ref.name for ref in refs) for refs in (kbs, self.kbs))
            raise ArtefactError(f"{self.path}: speaks of {known}, not of {wanted}")
        return bound

    def rows(self, kb: NDArray[np.integer], eid: NDArray[np.integer]) -> Longs:
        """Return the rows of entities; −1: not known here."""
        place = self._places[kb]
        rows = eid.astype(np.int64)
        known = (place >= 0) & (rows < self._sizes[place])
        found: Longs = np.where(known, rows + self._first[place], -1)
        return found

    def entities(self, rows: Longs) -> tuple[Longs, NDArray[np.uint32]]:
        """Return what rows stand for: places in the list of knowledge bases (−1: not in it), and eids."""
        place = np.searchsorted(self._first + self._sizes, rows, "right")
        back = np.full(len(self._sizes), -1, np.int64)
        back[self._places[self._places >= 0]] = np.flatnonzero(self._places >= 0)
        return back[place], (rows - self._first[place]).astype(np.uint32)

    def called(self, hashes: NDArray[np.uint64]) -> Longs:
        """Return the rows of `parts` for hashes of parts of names; −1: no name begins or ends so."""
        return _found(self.arrays["parts.keys"], hashes)

    def terms(self, hashes: NDArray[np.uint64]) -> Longs:
        """Return the numbers that words have here, from their hashes; −1: no entity has the word."""
        return _found(self.arrays["words.terms"], hashes)

    def document_frequency(self, hashes: NDArray[np.uint64]) -> Longs:
        """Return how many entities have each word, from their hashes."""
        number = self.terms(hashes)
        counts = self.arrays["words.entities"]
        if not len(counts):
            return np.zeros(len(hashes), np.int64)
        found: Longs = np.where(number >= 0, counts[np.maximum(number, 0)].astype(np.int64), 0)
        return found

    def search(self, queries: Sequence[str], k: int = 10) -> Hits:
        """Refuse: candidates are found by other kinds of indexes."""
        del queries, k
        raise ConfigError(
            f"{self.path}: a profile tells candidates apart, it finds none; give a fuzzy or dense index"
        )

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """How many words each entity has, in sixteenths, also those that were not kept."""
        lengths: NDArray[np.uint32] = self.arrays["words.lengths"]
        return lengths

    @cached_property
    def described(self) -> int:
        """How many entities have words: what document frequencies are shares of."""
        return int(self.manifest.counts["with words"])

    @cached_property
    def linked(self) -> int:
        """How many entities have neighbours: W of Milne and Witten."""
        return int(self.manifest.counts["with neighbours"])

    @cached_property
    def total(self) -> float:
        """How many words there are of all entities."""
        return int(self.manifest.counts["words in sixteenths"]) / SIXTEENTHS


def _found(known: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> Longs:
    """Return where hashes stand among known ones in order; −1: nowhere."""
    if not len(known):
        return np.full(len(hashes), -1, np.int64)
    place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    found: Longs = np.where(known[place] == hashes, place, -1)
    return found


def _same(one: KbRef, other: KbRef) -> bool:
    """Tell whether numbers mean the same entities, though one may know of more."""
    return (
        one.content == other.content
        or shares_ids(one.id_space, other.id_space)
        or shares_ids(other.id_space, one.id_space)
    )
