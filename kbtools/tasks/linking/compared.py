"""What is compared, opened and checked before anything is read: linked documents, knowledge bases, gold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kbtools import config, corpus
from kbtools.artefact import Input, unite
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.bases import bases_of
from kbtools.kb.reader import gather, shares_ids
from kbtools.linked import Linked
from kbtools.tasks.linking import gold as golds
from kbtools.tasks.linking.answers import SHIFT
from kbtools.tasks.linking.entities import Entities
from kbtools.tasks.linking.gold import Gold


class Compared:
    """Systems, and what they and gold speak of; `corpora` are the documents to read, with their settings."""

    def __init__(
        self,
        linked: Sequence[str | Path],
        kbs: Sequence[str | Path],
        corpora: Sequence[tuple[str, Sequence[str]]],
        of: str | None,
    ) -> None:
        self.linked = [Linked(path) for path in linked]
        self.names = _names([one.path for one in self.linked])
        for one in self.linked[1:]:
            _check_same_bases(self.linked[0], one)
        if self.linked:
            self.bases = bases_of(self.linked[0].manifest, kbs)
        else:
            self.bases = dict(enumerate(gather(kbs)))
        self.entities = Entities(self.bases)
        if of and of not in self.entities.places:
            there = ", ".join(self.entities.places)
            raise ConfigError(f"no knowledge base {of!r} here; there are: {there}")
        self._of = of
        self._parts = [part for base in self.bases.values() for part in base.parts]
        self.inputs = [
            Input(path=str(one.path), kind=kind, content=one.manifest.content)
            for kind, some in (("linked", self.linked), ("kb", self._parts))
            for one in some
        ]
        self.inputs += [one for path, settings in corpora for one in corpus.inputs(path, settings)]

    def lineage(self, settings: Any, seed: int, **more: Any) -> dict[str, Any]:
        """Return what a report says of its making: settings that can change results, inputs, terms."""
        plain = {k: v for k, v in config.plain(settings).items() if k != "plots"}
        manifests = [one.manifest for one in (*self.linked, *self._parts)]
        return {
            "settings": {"seed": seed, **plain, **more},
            "inputs": self.inputs,
            "kbs": self.linked[0].kbs if self.linked else [],
            "licences": unite(licence for manifest in manifests for licence in manifest.licences),
            "draw": settings.plots,
        }

    def gold(self, data: str, settings: Sequence[str], report: corpus.Report) -> Gold:
        """Read what is right, each entity once at a place."""
        documents = corpus.documents(data, settings=settings, report=report)
        read = golds.read(documents, self.entities.resolve, self.entities.numbered, data)
        return golds.told_once(read, self.entities.places)

    def spoken_of(self, gold: Gold, data: str) -> int:
        """Choose the knowledge base that is scored: that asked for, or what gold speaks of most."""
        places = self.entities.places
        if self._of:
            return places[self._of]
        entity = gold.annotations.entity
        found = Counter((entity[entity >= 0] >> SHIFT).tolist())
        if not found:
            raise ArtefactError(
                f"{data}: no gold link is to an entity of {', '.join(places)}{_first_id(gold)}; "
                "pass the knowledge base that it speaks of with --kb KB"
            )
        return int(min(found, key=lambda place: (-found[place], place)))


def _first_id(gold: Gold) -> str:
    """Show an id that leads nowhere: whose ids they are is seen at a glance."""
    for told, kb in zip(gold.told, gold.kbs, strict=True):
        if told is not None:
            return f"; the first is to {told!r}" + (f" of {kb}" if kb else "")
    return ", all are NIL"


def _names(paths: Sequence[Path]) -> list[str]:
    """Call systems by their folders, or by their whole paths where two are called alike."""
    short = [path.resolve().name for path in paths]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, paths, strict=True)]


def _check_same_bases(first: Linked, other: Linked) -> None:
    """Refuse systems whose numbers mean other entities."""
    known = {ref.name: ref for ref in first.kbs}
    for ref in other.kbs:
        mine = known.get(ref.name)
        if mine and mine.content != ref.content and not shares_ids(mine.id_space, ref.id_space):
            raise ArtefactError(f"{other.path}: linked to another release of {ref.name!r} than {first.path}")
