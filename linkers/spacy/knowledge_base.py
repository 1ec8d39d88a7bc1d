"""A KnowledgeBase of spaCy that is backed by the memory-mapped tables: its entity_linker trains on it.

    [components.entity_linker.generate_empty_kb]
    @misc = "kbtools.KnowledgeBase.v1"
    alias = "ALIAS"
    vectors = "DENSE_INDEX"

What spaCy's linker makes of candidates has weak points that are met here. It shuffles them before it takes
the best: no two priors of a mention are equal (the later one is smaller by the smallest step). It divides by
the length of their vectors: no vector is zero (all entities without one share one, and the prior decides
among them). It looks names up as they are spelt: here the other rungs of a look-up are tried, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from spacy.kb import Candidate, KnowledgeBase
from spacy.tokens import Span
from spacy.util import registry
from spacy.vocab import Vocab

from kbtools.alias import Alias
from kbtools.arrays import ranges
from kbtools.errors import ConfigError
from kbtools.kb.bases import bases_of
from kbtools.kb.resolving import resolve
from kbtools.linkers.spacy import saving
from kbtools.linkers.spacy.entity_ids import EntityIds
from kbtools.linkers.spacy.vectors import Vectors

REMEMBERED = 1 << 20  # ids whose entities are known without asking the knowledge base


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of it."""

    alias: str = ""
    kbs: list[str] = []
    vectors: str | None = None
    most: int = 30
    length: int = 64  # of vectors, where there are none


class TableKnowledgeBase(KnowledgeBase):  # type: ignore[misc] # spaCy's is compiled
    """Candidates from an alias table, vectors from a dense index."""

    def __init__(self, vocab: Vocab, settings: Settings) -> None:
        self.vectors = Vectors(settings.vectors) if settings.vectors else None
        super().__init__(vocab, self.vectors.dim if self.vectors else settings.length)
        self.settings = settings
        self.alias = Alias(settings.alias) if settings.alias else None
        self.bases = bases_of(self.alias.manifest, settings.kbs) if self.alias else {}
        self._ids = EntityIds(self.bases)
        self._entities: dict[str, tuple[int, int]] = {}  # by id, as far as they were met

    def __reduce__(self) -> Any:
        return TableKnowledgeBase, (self.vocab, self.settings)

    def __len__(self) -> int:
        return sum(base.kb.rows("entities") for base in self.bases.values())

    def is_empty(self) -> bool:
        """Tell whether no table is named yet; spaCy refuses to train then."""
        return len(self) == 0

    def get_candidates(self, mention: Span) -> Iterable[Candidate]:
        """Return the candidates of a mention, best first."""
        return self.get_alias_candidates(mention.text)

    def get_alias_candidates(self, alias: str) -> list[Candidate]:
        """Return the candidates of a name, best first."""
        return next(iter(self._candidates([alias])))

    def get_candidates_batch(self, mentions: Iterable[Span]) -> list[list[Candidate]]:
        """Return the candidates of several mentions, which are looked up at once."""
        return list(self._candidates([mention.text for mention in mentions]))

    def get_vector(self, entity: str) -> list[float]:
        """Return the vector of an entity; of one that is not known, the one that all such share."""
        found: list[float] = self.get_vectors([entity])[0]
        return found

    def get_vectors(self, entities: Iterable[str]) -> list[list[float]]:
        """Return the vectors of entities by their ids."""
        kb, eid = self._numbers(list(entities))
        vectors: list[list[float]] = self._vectors(kb, eid).tolist()
        return vectors

    def get_prior_prob(self, entity: str, alias: str) -> float:
        """Return how likely a name means an entity; 0 if it never does."""
        found = (one.prior_prob for one in self.get_alias_candidates(alias) if one.entity_ == entity)
        return next(found, 0.0)

    def contains_alias(self, alias: str) -> bool:
        """Tell whether a name is known."""
        return bool(self.get_alias_candidates(alias))

    def contains_entity(self, entity: str) -> bool:
        """Tell whether an entity is known."""
        return bool(self._numbers([entity])[1][0] >= 0)

    def to_bytes(self, **kwargs: Any) -> bytes:
        """Return the settings and paths: tables stay where they are."""
        return msgspec.json.encode(self.settings)

    def from_bytes(self, bytes_data: bytes, *, exclude: Sequence[str] = ()) -> TableKnowledgeBase:
        """Open the tables that `to_bytes` named."""
        self.__init__(self.vocab, saving.read(bytes_data, Settings, "knowledge base"))  # type: ignore[misc]
        return self

    def to_disk(self, path: str | Path, exclude: Iterable[str] = ()) -> None:
        """Write the settings and paths: tables stay where they are."""
        saving.write(path, self.settings)

    def from_disk(self, path: str | Path, exclude: Iterable[str] = ()) -> TableKnowledgeBase:
        """Open the tables that `to_disk` named."""
        return self.from_bytes(Path(path).read_bytes())

    def _candidates(self, names: list[str]) -> Iterator[list[Candidate]]:
        if self.alias is None:
            raise ConfigError('the knowledge base has no names yet; write alias = "PATH" in its settings')
        kb, eid, prior, counts = _best_first(self.alias, names, self.settings.most)
        ids, vectors = self._ids.of(kb, eid), self._vectors(kb, eid)
        self._remember(ids, kb, eid)
        at = 0
        for name, length in zip(names, counts, strict=True):
            yield [
                Candidate(
                    kb=self,
                    entity_hash=self.vocab.strings.add(ids[row]),
                    entity_freq=0.0,
                    entity_vector=vectors[row].tolist(),
                    alias_hash=self.vocab.strings.add(name),
                    prior_prob=float(prior[row]),
                )
                for row in range(at, at + length)
                if ids[row] is not None
            ]
            at += length

    def _remember(self, ids: list[str | None], kb: NDArray[np.uint8], eid: NDArray[np.uint32]) -> None:
        if len(self._entities) > REMEMBERED:
            self._entities.clear()
        known = zip(ids, kb.tolist(), eid.tolist(), strict=True)
        self._entities.update((name, (place, number)) for name, place, number in known if name is not None)

    def _numbers(self, ids: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        new = sorted({name for name in ids if name not in self._entities})
        if new:
            found = resolve(self.bases, new)
            for name, kb, eid in zip(new, found.kb.tolist(), found.eid.tolist(), strict=True):
                self._entities[name] = (kb, eid)
        told = np.array([self._entities[name] for name in ids], np.int64).reshape(-1, 2)
        return told[:, 0].astype(np.uint8), told[:, 1]

    def _vectors(self, kb: NDArray[np.uint8], eid: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        if self.vectors is not None and self.alias is not None:
            return self.vectors.of(kb, eid, [ref.name for ref in self.alias.kbs])
        length = self.entity_vector_length
        return np.full((len(eid), length), 1 / np.sqrt(max(length, 1)), np.float32)


class _Found(NamedTuple):
    """The candidates of names, name after name, best first."""

    kb: NDArray[np.uint8]
    eid: NDArray[np.uint32]
    prior: NDArray[np.float32]  # smaller with each candidate of a name
    counts: list[int]  # of candidates of each name


def _best_first(alias: Alias, names: list[str], most: int) -> _Found:
    found = alias.lookup(names)
    rows, name = ranges(found.first, found.length), np.repeat(np.arange(len(names)), found.length)
    kb, eid, prior = alias.kb_of(rows), alias.arrays["eids"][rows], alias.arrays["priors"][rows]
    order = np.lexsort((eid, kb, -prior, name))
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(found.length) - found.length, found.length)
    order, name, rank = order[rank < most], name[rank < most], rank[rank < most]
    counts = np.minimum(found.length, most).tolist()
    return _Found(kb[order], eid[order], _without_ties(prior[order], name, rank), counts)


def _without_ties(
    prior: NDArray[np.float32], name: NDArray[np.int64], rank: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Make each prior of a name smaller than the one before, by the smallest step at least."""
    bits = prior.view(np.int32).astype(np.int64)  # in the order of the numbers, as none is negative
    apart = np.minimum.accumulate(bits + rank - (name << 33)) + (name << 33) - rank  # each name by itself
    found: NDArray[np.float32] = np.maximum(apart, 0).astype(np.int32).view(np.float32)
    return found


@registry.misc("kbtools.KnowledgeBase.v1")  # type: ignore[untyped-decorator]
def loader(
    alias: str = "",
    kbs: list[str] | None = None,
    vectors: str | None = None,
    most: int = 30,
) -> Callable[..., TableKnowledgeBase]:
    """Return what makes the knowledge base: for `generate_empty_kb`, and for `kb_loader` of initialize."""

    def make(vocab: Vocab, entity_vector_length: int = 64) -> TableKnowledgeBase:
        settings = Settings(
            alias=alias, kbs=kbs or [], vectors=vectors, most=most, length=entity_vector_length
        )
        return TableKnowledgeBase(vocab, settings)

    return make
