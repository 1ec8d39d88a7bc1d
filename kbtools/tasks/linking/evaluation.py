"""Linked documents beside gold: all is opened and checked first, then read, scored and told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kbtools import corpus
from kbtools.errors import ConfigError
from kbtools.metrics import Results
from kbtools.metrics.linking import Hints
from kbtools.tasks.linking import Settings, answers, judging, slices
from kbtools.tasks.linking import gold as golds
from kbtools.tasks.linking.answers import SHIFT, Answers
from kbtools.tasks.linking.compared import Compared
from kbtools.tasks.linking.curves import curves
from kbtools.tasks.linking.gold import Gold, surfaces
from kbtools.tasks.linking.modes import asked
from kbtools.tasks.linking.slices import Slices


class Evaluation:
    """Everything opened and checked; `run` does the work. Memory: gold and all answers."""

    def __init__(
        self,
        linked: Sequence[str | Path],
        data: str,
        *,
        kbs: Sequence[str | Path] = (),
        settings: Settings,
        corpus_settings: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        if not linked:
            raise ConfigError("nothing to score; pass linked documents with --linked LINKED")
        self.settings, self.seed, self.data = settings, seed, data
        self.corpus_settings = list(corpus_settings)
        self.compared = Compared(linked, kbs, [(data, corpus_settings)], settings.of)
        self.entities = self.compared.entities

    @property
    def lineage(self) -> dict[str, Any]:
        """What a report says of its making."""
        return self.compared.lineage(self.settings, self.seed, corpus=self.corpus_settings)

    def run(self) -> Results:
        """Score every system: the numbers, and every annotation with its class."""
        report = corpus.Report()
        of, gold, aside = self._of(self.compared.gold(self.data, self.corpus_settings, report))
        systems = [
            answers.read(one, name, gold, self.entities.places, of)
            for one, name in zip(self.compared.linked, self.compared.names, strict=True)
        ]
        wanted, _ = asked(gold.annotations, systems[0].annotations)
        known = gold.take(wanted & gold.annotations.known)
        ways = [way for way in self._slices(known, of) if way is not None]
        judged = [judging.judge(gold, one, self._hints(gold, one, of)) for one in systems]
        told = [
            measure
            for one in judged
            for measure in judging.measures(gold, one, ways, self.settings, self.seed)
        ]
        ids = self.entities.ids(gold.annotations.entity)
        said = [self.entities.ids(one.annotations.entity) for one in systems]
        return Results(
            title=f"Links of {Path(corpus.named(self.data).path).name}",
            measures=told,
            predictions=judging.predictions(gold, judged, ids, said),
            comparisons=list(judging.comparisons(judged, self.settings, self.seed)),
            curves=list(curves(judged, told, ways, self.settings)),
            counts={**gold.counts, "scored": len(gold.annotations), "in the knowledge base": len(known.told)},
            notes=[*self._notes(gold, aside, systems, of, report)],
        )  # fmt: skip

    def _of(self, gold: Gold) -> tuple[int, Gold, int]:
        """Choose the knowledge base that is scored, the one that gold speaks of most; leave others aside."""
        entity, places = gold.annotations.entity, self.entities.places
        of = self.compared.spoken_of(gold, self.data)
        named = np.array([places.get(name, of) if name else of for name in gold.kbs], np.int64)
        kept = np.where(entity >= 0, entity >> SHIFT, named) == of
        return of, gold.take(kept), int((~kept).sum())

    def _slices(self, known: Gold, of: int) -> Iterator[Slices | None]:
        yield slices.types(known.types, self.settings.types)
        yield slices.frequencies(self.entities.frequency(known.annotations.entity))
        yield slices.namesakes(self.entities.namesakes(known.surfaces, of))

    def _hints(self, gold: Gold, one: Answers, of: int) -> Hints:
        """Look at texts, and at what knowledge bases say of entities."""
        entity = gold.annotations.entity
        ours, theirs = gold.surfaces, surfaces(gold.texts, one.annotations)
        labels = self.entities.labels(entity)
        names = [label or name for label, name in zip(labels, gold.names, strict=True)]
        places = self.entities.is_of(one.annotations.entity, self.settings.places, of)
        placelike = self.entities.is_of(entity, (*self.settings.places, *self.settings.people), of)
        return Hints(
            gold_lower=np.array([_lower(text) for text in ours], np.bool_),
            system_lower=np.array([_lower(text) for text in theirs], np.bool_),
            gold_partial=np.array([_partial(*pair) for pair in zip(ours, names, strict=True)], np.bool_),
            gold_placelike=placelike,
            system_place=places,
            popular=one.popular,
        )

    def _notes(
        self, gold: Gold, aside: int, systems: Sequence[Answers], of: int, report: corpus.Report
    ) -> Iterator[str]:
        name = self.compared.bases[of].name
        if rejected := report.counts["rejected"]:
            first = report.rejects[0]
            where = f"{first['file']}:{first['line']}" if first["line"] else first["file"]
            yield f"{rejected:,} records of gold cannot be used; the first: {where}: {first['reason']}"
        if aside:
            yield f"{aside:,} gold links are to other knowledge bases than {name}; they are left out."
        if unknown := gold.counts[golds.UNKNOWN]:
            of_all = f"{unknown:,} of {gold.counts['gold']:,} gold links"
            yield f"{of_all}: an id that no knowledge base knows; it counts as NIL."
        for one in systems:
            for what, n in one.counts.items():
                if what != "documents":
                    yield f"{one.name}: {n:,} {what}."


def _lower(text: str) -> bool:
    """Tell whether no word begins with a capital; a script without capitals is not meant."""
    return not any(word[:1].isupper() for word in text.split()) and text.lower() != text.upper()


def _partial(text: str, name: str | None) -> bool:
    """Tell whether a text is a part of a name of several words."""
    return name is not None and " " in name and len(text) < len(name) and text in name
