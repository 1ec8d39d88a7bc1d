"""`kbtools eval linkprediction`: what is opened and checked first, and what is ranked then."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kbtools import config
from kbtools.artefact import Input, KbRef, digest, unite
from kbtools.artefact.manifest import NAME as MANIFEST
from kbtools.errors import ArtefactError, SourceError
from kbtools.kb import statements
from kbtools.kb.bases import bases_of
from kbtools.kb.reader import Base, gather, shares_ids
from kbtools.metrics import Cloud, Results
from kbtools.models.kge import graph, pictures, questions
from kbtools.models.kge.known import Known
from kbtools.models.kge.questions import NO_ENTITY, NO_RELATION, Graphed
from kbtools.models.kge.ranking import MEMORY, Ranker
from kbtools.models.kge.trained import Trained
from kbtools.progress import Progress
from kbtools.tasks.linkprediction import Settings, reporting, telling
from kbtools.tasks.linkprediction.naming import Names
from kbtools.tasks.linkprediction.ranks import Ranks

I64 = NDArray[np.int64]
FILTERED = {
    "all": "filtered by train, valid and test",
    "train+valid": "filtered by train and valid",
    "none": "not filtered",
}


class Evaluation:
    """Everything opened and checked; `run` does the work.

    Memory: `memory` for ranking, the triples that are ranked with what is known of them, 10 bytes an entity.
    """

    def __init__(
        self,
        vectors: str | Path,
        data: str | Path,
        *,
        kbs: Sequence[str | Path] = (),
        settings: Settings,
        memory: int | None = None,
        seed: int = 0,
        quiet: bool = True,
    ) -> None:
        self.trained, self.data, self.settings = Trained.open(vectors), Path(data), settings
        self.memory, self.seed, self.quiet = memory or MEMORY, seed, quiet
        self.stated = not (self.data / MANIFEST).is_file()
        if self.stated and not self.data.is_file():
            raise SourceError("neither a knowledge base nor a file of triples", path=self.data)
        given = [*kbs] if self.stated else [self.data, *(one for one in kbs if not _same(one, self.data))]
        self.base = _base(self.trained, given)

    @property
    def lineage(self) -> dict[str, Any]:
        """What a report says of its making: settings that can change results, inputs, terms."""
        hidden = {"plots"}
        plain = {k: v for k, v in config.plain(self.settings).items() if k not in hidden}
        entities = self.trained.entities
        inputs = [Input(path=str(entities.path), kind="vectors", content=entities.content)]
        inputs += [
            Input(path=str(part.path), kind="kb", content=part.manifest.content) for part in self.base.parts
        ]
        if self.stated:
            inputs.append(Input(path=str(self.data), kind="file", content=digest.of_dump(self.data)))
        manifests = [entities.manifest, *(part.manifest for part in self.base.parts)]
        return {
            "settings": {"seed": self.seed, **plain},
            "inputs": inputs,
            "kbs": entities.kbs,
            "licences": unite(licence for one in manifests for licence in one.licences),
            "draw": self.settings.plots,
        }

    def run(self) -> Results:
        """Rank: the numbers, and every query."""
        recipe = self.trained.recipe
        with tempfile.TemporaryDirectory(prefix="kbtools-") as folder:
            told, seed = recipe.triples, recipe.seed
            read = graph.read([self.base], told, Path(folder), shuffled=None, seed=seed, learned=False)
            return self._results(Graphed(read, self.trained))

    def _results(self, graphed: Graphed) -> Results:
        settings, told = self.settings, statements.relations(self.base)
        ids: list[str] = told["id"].to_pylist()
        called = [
            f"{label} ({one})" if label and label != one else one
            for one, label in zip(ids, told["label"].to_pylist(), strict=True)
        ]
        counts: Counter[str] = Counter()
        stated = self._asked(graphed, ids, counts)
        triples = questions.drawn(stated, settings.triples, self.seed)
        known = graphed.known(triples, settings.filter, [stated] if self.stated else [])
        ranks = self._rank(triples, known)
        groups = telling.groups(triples, graphed.training(called), settings.relations)
        eids = np.append(self.trained.eids.numpy(), -1)  # of row −1: nobody
        asked = reporting.Asked(eids[triples[:, 0]], triples[:, 1], eids[triples[:, 2]], eids[ranks.top])
        return reporting.results(
            self._title(),
            asked,
            ranks,
            groups,
            settings,
            seed=self.seed,
            names=Names(self.base),
            relations=ids,
            counts={name: n for name, n in counts.items() if n},
            notes=[*self._notes(counts, groups[3].group)],
            clouds=[*self._clouds(graphed, called)],
        )

    def _asked(self, graphed: Graphed, relations: Sequence[str], counts: Counter[str]) -> I64:
        """Return the triples that can be ranked, [n, 3] in the rows of vectors."""
        if self.stated:
            found = questions.read(self.data, self.base, relations)
            counts.update(found.counts)
            row = self.trained.row_of(torch.from_numpy(found.triples[:, [0, 2]])).numpy()
            triples = np.stack([row[:, 0], found.triples[:, 1], row[:, 1]], axis=1)
            what = "whose ids it knows"
        else:
            counts["entities of the graph"], counts["relations of the graph"] = (
                graphed.graph.rows,
                graphed.graph.relations,
            )
            counts.update(
                {f"triples of {split}": len(getattr(graphed.graph, split)) for split in graph.SPLITS}
            )
            triples, what = graphed.triples(self.settings.split), f"of {self.settings.split}"
        sound = graphed.sound(triples, counts)
        if not len(sound):
            left = f"; {len(triples):,} have no vectors" if len(triples) else ""
            raise ArtefactError(f"{self.data}: no triples {what} to rank{left}{self._cure(graphed, triples)}")
        return sound

    def _cure(self, graphed: Graphed, triples: I64) -> str:
        """Say what could be ranked where a knowledge base has no triples of a split."""
        others = [split for split in ("valid", "test") if len(getattr(graphed.graph, split))]
        if self.stated or len(triples):
            return ""
        return (
            f"; it has some of {others[0]}: --split {others[0]}"
            if others
            else "; pass triples as text with --data"
        )

    def _rank(self, triples: I64, known: Known | None) -> Ranks:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        one = self.trained
        ranker = Ranker(
            one.scorer.to(device),
            one.entities,
            one.relations.to(device),
            None if one.reciprocal is None else one.reciprocal.to(device),
            read=one.read,
            memory=self.memory,
        )
        total = 2 * len(triples) * one.entities.rows
        there = None if known is None else known.to(device)
        with Progress("ranking", total, "scores", quiet=self.quiet) as progress:
            return ranker.rank(torch.from_numpy(triples), there, top=self.settings.top, progress=progress)

    def _title(self) -> str:
        what = self.data.name if self.stated else f"{self.base.name} ({self.settings.split})"
        model = self.trained.recipe.model
        return (
            f"Links of {what} by {model} vectors, {FILTERED[self.settings.filter]}; "
            "entities that training has not seen stay in"
        )

    def _notes(self, counts: Mapping[str, int], seen: I64) -> Iterator[str]:
        made = self.trained.entities.manifest
        here = {*(part.manifest.content for part in self.base.parts), *(ref.content for ref in made.kbs)}
        for one in made.inputs:
            if one.kind == "kb" and one.content not in here:  # an overlay
                yield f"{one.path} was learned, too, and is not known here; give it with --kb."
        if unseen := int((seen[:, 0] > 0).sum()):
            of = f"{unseen:,} of {len(seen):,} triples"
            yield f"{of} have an entity that training has not seen; they stay in."
        for what, why in (
            (NO_ENTITY, "an entity without a vector"),
            (NO_RELATION, "a relation without a vector"),
            ("unknown ids", "an id that the knowledge base does not know"),
        ):
            if counts[what]:
                yield f"{counts[what]:,} triples have {why}; they are left out."

    def _clouds(self, graphed: Graphed, relations: Sequence[str]) -> Iterator[Cloud]:
        if self.settings.map and self.settings.plots:
            yield pictures.cloud(
                self.trained, graphed, self.base, called=relations, settings=self.settings, seed=self.seed
            )


def _base(trained: Trained, given: Sequence[str | Path]) -> Base:
    """Open the knowledge base whose entities the vectors are: that given, or where it was."""
    manifest = trained.entities.manifest
    if not given:
        return next(iter(bases_of(manifest).values()))
    found = gather(given)
    for base in found:
        if any(_is(ref, base) for ref in manifest.kbs):
            return base
    names = ", ".join(repr(ref.name) for ref in manifest.kbs) or "no knowledge base"
    others = ", ".join(f"{base.kb.path} ({base.name!r})" for base in found)
    raise ArtefactError(
        f"{trained.entities.path}: vectors of {names}; their numbers mean other entities in {others}"
    )


def _is(ref: KbRef, base: Base) -> bool:
    """Tell whether the numbers of a knowledge base mean the same."""
    manifest = base.kb.manifest
    return manifest.content == ref.content or shares_ids(ref.id_space, manifest.id_space)


def _same(one: str | Path, other: Path) -> bool:
    return Path(one).resolve() == other.resolve()
