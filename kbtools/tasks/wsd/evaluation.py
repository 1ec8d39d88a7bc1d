"""Linked documents beside gold senses: all is opened and checked first, then read, scored and told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools import corpus
from kbtools.errors import ConfigError
from kbtools.linked import Linked
from kbtools.metrics import Comparison, Measure, Results, wsd
from kbtools.tasks.linking import answers
from kbtools.tasks.linking.answers import SHIFT
from kbtools.tasks.linking.compared import Compared
from kbtools.tasks.linking.gold import Gold
from kbtools.tasks.wsd import Settings, senses

Longs = NDArray[np.int64]
FIRST, FREQUENT = "first sense", "most frequent sense"
PARTS = {"n": "NOUN", "v": "VERB", "a": "ADJ", "r": "ADV"}


class System(NamedTuple):
    """One who answers."""

    name: str
    entity: Longs  # of each instance; −1: no answer


class Evaluation:
    """Everything opened and checked; `run` does the work. Memory: gold, all answers, the training corpus."""

    def __init__(
        self,
        linked: Sequence[str | Path],
        data: str,
        *,
        kbs: Sequence[str | Path] = (),
        settings: Settings,
        seed: int = 0,
    ) -> None:
        if not linked and not kbs:
            raise ConfigError("nothing to score; pass linked documents with --linked, or a wordnet with --kb")
        self.settings, self.seed, self.data = settings, seed, data
        corpora = [(one, ()) for one in (data, settings.train) if one]
        self.compared = Compared(linked, kbs, corpora, settings.of)
        self.entities = self.compared.entities

    @property
    def lineage(self) -> dict[str, Any]:
        """What a report says of its making."""
        return self.compared.lineage(self.settings, self.seed)

    def run(self) -> Results:
        """Score every system and the baselines: the numbers, and every instance with what each says."""
        report = corpus.Report()
        gold = self.compared.gold(self.data, (), report)
        of = self.compared.spoken_of(gold, self.data)
        gold = gold.take(_asked(gold, of))
        words = [senses.word_of(one) for one in gold.told]
        systems = [
            System(name, self._said(one, name, gold, of))
            for one, name in zip(self.compared.linked, self.compared.names, strict=True)
        ]
        systems += self._baselines(gold, words, of)
        right = _right(gold)
        parts = [_part(word, kind) for word, kind in zip(words, gold.types, strict=True)]
        told = [measure for one in systems for measure in self._measures(one, right, parts)]
        return Results(
            title=f"Senses in {Path(corpus.named(self.data).path).name}",
            measures=told,
            predictions=self._predictions(gold, right, systems),
            comparisons=list(self._comparisons(systems, right)),
            counts={"instances": len(right), "documents": len(gold.ids)},
            notes=[*self._notes(gold, words, systems, report)],
        )  # fmt: skip

    def _said(self, linked: Linked, name: str, gold: Gold, of: int) -> Longs:
        """Find what a linker says of each instance: at just this place, its surest mention."""
        found = answers.read(linked, name, gold, self.entities.places, of).annotations
        order = np.argsort(-np.where(found.entity >= 0, found.score, -1), kind="stable")
        places = [one[order].tolist() for one in (found.doc, found.start, found.end)]
        best: dict[tuple[int, int, int], int] = {}
        for *place, entity in zip(*places, found.entity[order].tolist(), strict=True):
            best.setdefault((place[0], place[1], place[2]), entity)
        asked = gold.annotations
        wanted = zip(asked.doc.tolist(), asked.start.tolist(), asked.end.tolist(), strict=True)
        return np.maximum(np.array([best.get(place, -1) for place in wanted], np.int64), -1)

    def _baselines(self, gold: Gold, words: Sequence[senses.Word | None], of: int) -> Iterator[System]:
        base = self.compared.bases[of]
        eid = senses.first(base, words)
        first = np.where(eid >= 0, (of << SHIFT) + eid, -1)
        if (first >= 0).any():
            yield System(FIRST, first)
        if self.settings.train:
            train = self.compared.gold(self.settings.train, (), corpus.Report())
            told = zip(map(senses.word_of, train.told), train.annotations.entity.tolist(), strict=True)
            yield System(FREQUENT, senses.most_frequent(told, words, first))

    def _measures(self, one: System, right: wsd.Keys, parts: Sequence[str]) -> Iterator[Measure]:
        draws = {"seed": self.seed, "resamples": self.settings.resamples, "level": self.settings.level}
        said = _keys(one.entity)
        scores = {("", ""): wsd.score(right, said, **draws)}  # type: ignore[arg-type]
        groups = wsd.by_group(right, said, parts, **draws)  # type: ignore[arg-type]
        scores |= {("part of speech", group): score for group, score in groups.items() if group}
        for (by, group), score in scores.items():
            for metric in ("precision", "recall", "f1"):
                value = getattr(score, metric)
                if np.isnan(value.mean):  # precision of no answer
                    continue
                yield Measure(
                    system=one.name, metric="F1" if metric == "f1" else metric, value=value.mean,
                    low=value.low, high=value.high, n=score.instances, by=by, group=group,
                )  # fmt: skip

    def _comparisons(self, systems: Sequence[System], right: wsd.Keys) -> Iterator[Comparison]:
        """Compare every system with the first sense, and with the first of those that were given."""
        earned = {one.name: wsd.earned(right, _keys(one.entity)) for one in systems}
        pairs = [(one.name, FIRST) for one in systems if one.name != FIRST and FIRST in earned]
        pairs += [(one.name, systems[0].name) for one in systems[1 : len(self.compared.linked)]]
        for name, other in pairs:
            gap = wsd.compare(
                earned[name], earned[other], seed=self.seed, resamples=self.settings.resamples,
                level=self.settings.level,
            )  # fmt: skip
            yield Comparison(
                system=name, other=other, metric="F1", difference=gap.mean, low=gap.low, high=gap.high,
                p=gap.p, n=len(earned[name].credit),
            )  # fmt: skip

    def _predictions(self, gold: Gold, right: wsd.Keys, systems: Sequence[System]) -> pa.Table:
        """Lay out every instance beside what every system says."""
        asked = gold.annotations
        ids = self.entities.ids(asked.entity)
        lead = {
            "document": pa.array([gold.ids[doc] for doc in asked.doc.tolist()], pa.string()),
            "start": asked.start,
            "end": asked.end,
            "text": pa.array(gold.surfaces, pa.string()),
            "key": pa.array(gold.told, pa.string()),
            "gold": pa.array(ids, pa.string()),
        }
        tables = []
        for one in systems:
            said = pa.array(self.entities.ids(one.entity), pa.string())
            earned = wsd.earned(right, _keys(one.entity)).credit
            name = pa.array([one.name] * len(said), pa.string())
            tables.append(pa.table({"system": name, **lead, "answer": said, "credit": earned}))
        return pa.concat_tables(tables)

    def _notes(
        self,
        gold: Gold,
        words: Sequence[senses.Word | None],
        systems: Sequence[System],
        report: corpus.Report,
    ) -> Iterator[str]:
        if rejected := report.counts["rejected"]:
            yield f"{rejected:,} records of gold cannot be used; the first: {report.rejects[0]['reason']}"
        if unknown := int((gold.annotations.entity < 0).sum()):
            yield f"{unknown:,} instances have senses that the knowledge base does not know."
        if FIRST not in {one.name for one in systems}:
            yield "no sense is numbered in this knowledge base: there is no first sense to compare with."
        elif missing := sum(word is None for word in words):
            yield f"{missing:,} instances have no sense key: their first senses are not known."
        for one in systems:
            if silent := int((one.entity < 0).sum()):
                yield f"{one.name}: {silent:,} instances without an answer."


def _asked(gold: Gold, of: int) -> NDArray[np.bool_]:
    """Mark instances: gold with an id, of this knowledge base or one that it does not know."""
    entity = gold.annotations.entity
    told = np.array([one is not None for one in gold.told], np.bool_)
    return np.where(entity >= 0, entity >> SHIFT == of, told)


def _right(gold: Gold) -> list[list[str]]:
    """Return what is right for each instance; one whose sense nobody knows can only be missed."""
    others = gold.annotations.others
    bounds, values = others.offsets.tolist(), others.values.tolist()
    return [
        [str(one) for one in dict.fromkeys((entity, *values[low:high])) if one >= 0] or ["unknown"]
        for entity, low, high in zip(gold.annotations.entity.tolist(), bounds, bounds[1:], strict=False)
    ]


def _keys(entity: Longs) -> list[list[str]]:
    return [[str(one)] if one >= 0 else [] for one in entity.tolist()]


def _part(word: senses.Word | None, kind: str | None) -> str:
    return PARTS[word.pos] if word else kind or ""
