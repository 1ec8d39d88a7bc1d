"""Which facts of an entity become branches: criteria, one file each, and their weighted sum.

    prepare(facts, settings)                    # once: what all facts together tell, in the facts' folder
    choose(sentences, facts, settings)          # a block of sentences; whys are places in base.WHY
    scored(sentences, facts, settings)          # all that was considered, and what scores are made of

What does not depend on the sentence is worked out once for each entity of a block. Among equal scores the
earlier statement goes first if the order of the file counts; else what facts say decides, so that the same
facts in another order give the same branches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kbtools import artefact, corpus, plugins
from kbtools.artefact import Input
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.executors import Pool
from kbtools.kb.bases import bases_of
from kbtools.kb.reader import Base
from kbtools.trees import cooccurrence
from kbtools.trees.base import I64, TAKEN, U8, WHY, Considered, Sentences
from kbtools.trees.choosing import _controls, _gates, _picking, _texts
from kbtools.trees.choosing._entities import entities
from kbtools.trees.choosing.base import FOLDER, Criterion, Encode, Floats, Given
from kbtools.trees.facts import Facts

TOO_LOW, SAID = WHY.index("score too low"), WHY.index("said already")
IN_TEXT, SPOKEN, LIKE = "unexpectedness", "novelty", "similarity"
RARE = ("unexpectedness", "informativeness:0.1")  # with counts, if nothing else is said: those that never met


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How facts are chosen."""

    by: tuple[str, ...] = setting(
        "What facts are scored by, as NAME or NAME:WEIGHT; the sum decides.", ("order",)
    )
    allow: tuple[str, ...] = setting("Relations (ids or labels) that may be said; none given: all.", ())
    deny: tuple[str, ...] = setting("Relations that are never said.", ())
    per_relation: int = setting("Branches of an entity with the same relation at most; 0: any number.", 0)
    tau: float = setting("How likely a mention must be its entity to have branches.", 0.0)
    deny_objects: tuple[str, ...] = setting("Objects (labels, values) that are never said.", ())
    deny_entities: tuple[str, ...] = setting("Entities (labels) that get no branches.", ())
    common: float = setting("The share of units from which on an entity is too common to have branches.", 1.0)
    least: float | None = setting("The least score of a branch.", None)
    said: bool = setting("Whether a branch may say what the sentence says, word for word.", True)
    considered: int = setting("Facts of an entity that are compared with the sentence at most.", 256)
    cooccurrence: str | None = setting("A corpus, or linked documents, in which to count what meets.", None)
    window: int = setting("Sentences in which entities meet; 0: a document.", 1)
    facts: _controls.Whose = setting(
        "Whose facts are told: the entity's own, or, to see what those are worth, none or others.", "true"
    )
    seed: int = setting("Of facts that are not the entity's own.", 0)

    def __post_init__(self) -> None:
        for name, low in (("per_relation", 0), ("considered", 1), ("window", 0)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is {low} or more")
        weights = self.weights
        for name in weights:
            plugins.summary(__name__, name)  # says what there is
        if IN_TEXT in weights and self.cooccurrence is None:
            raise ConfigError(f"{IN_TEXT} needs counts: pass --cooccurrence CORPUS|LINKED")
        if self.common < 1 and self.cooccurrence is None:
            raise ConfigError("common is a share of counted units: pass --cooccurrence CORPUS|LINKED")

    @property
    def weights(self) -> dict[str, float]:
        """Criteria and their weights, in alphabetical order."""
        found = {}
        for item in self.by:
            name, colon, weight = item.partition(":")
            try:
                found[name] = float(weight) if colon else 1.0
            except ValueError:
                raise ConfigError(
                    f"choice by {item!r}: write NAME or NAME:WEIGHT, such as {name}:0.5"
                ) from None
        if not found:
            raise ConfigError("choice by nothing; the order of the file is `order`")
        return dict(sorted(found.items()))


class Asked(Protocol):
    """The settings of trees, as far as they are needed here."""

    @property
    def max_entities(self) -> int:
        """Branches of an entity at most."""

    @property
    def predicate(self) -> bool:
        """Whether branches say the relation."""

    @property
    def choice(self) -> Settings:
        """How facts are chosen."""


class Scored(NamedTuple):
    """What was considered, and what each criterion gives it (before weights); NaN where it was not asked."""

    considered: Considered
    parts: dict[str, NDArray[np.float32]]


def inputs(settings: Asked) -> list[Input]:
    """Say what else is read to choose."""
    counted = settings.choice.cooccurrence
    return [] if counted is None else corpus.inputs(counted)


def prepare(
    facts: Facts, settings: Asked, *, base: Base | None = None, kb: str = "", alias: str | Path | None = None,
    site: Path | None = None, crew: Pool | None = None, force: bool = False,
) -> None:  # fmt: skip
    """Write what is worked out once for all tasks into the folder of the facts.

    A corpus is counted by `crew`, whose folder is `site`; without it in this process. Its links are to
    `base`, or to one named `kb`; `alias` finds names in a corpus that has none. What was linked to another
    release is refused, unless by `force`.
    """
    choice = settings.choice
    folder = facts.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    _texts.write(facts, folder, predicate=settings.predicate)
    _gates.relations_in.cache_clear()  # of facts that lay here before
    said = _gates.relations(facts, choice) == TAKEN  # refuses relations that are not there
    _controls.prepare(facts, folder, said, choice, base)
    asked = {*choice.weights} if choice.said else {*choice.weights, SPOKEN}
    for criterion in _criteria(tuple(sorted(asked))).values():
        criterion.prepare(facts, folder)
    if choice.cooccurrence is not None:
        told = None if alias is None else str(alias)
        kb = kb if base is None else base.name
        kbs = [] if base is None else [str(part.path) for part in base.parts]
        spec = corpus.named(choice.cooccurrence)
        if base is not None and spec.format == "linked":
            bases_of(artefact.read(Path(spec.path)), [part.path for part in base.parts], force=force)
        cooccurrence.prepare(
            facts, choice.cooccurrence, kb=kb, kbs=kbs, alias=told, window=choice.window, site=site, crew=crew
        )


def choose(sentences: Sentences, facts: Facts, settings: Asked, encode: Encode | None = None) -> Considered:
    """Take the best facts of each entity; those that were not taken are left out."""
    return scored(sentences, facts, settings, encode, everything=False).considered


def control(facts: Facts, settings: Asked) -> _controls.Controls:
    """Open what is told in the place of the entities' own facts."""
    return _controls.Controls(facts.folder / FOLDER, settings.choice)


def scored(
    sentences: Sentences, facts: Facts, settings: Asked, encode: Encode | None = None, *,
    everything: bool = True,
) -> Scored:  # fmt: skip
    """Score the facts of all entities of a block and choose among them; `everything`: tell of all of them.

    `encode` makes vectors of texts, for the criterion that compares them.
    """
    choice, mentions = settings.choice, sentences.mentions
    criteria = _criteria(tuple(choice.weights))
    soon = {name: one for name, one in criteria.items() if not one.of_sentence}
    settled = len(soon) == len(criteria) and choice.said and choice.least is None  # whatever the sentence
    eids, entity = np.unique(mentions.eid, return_inverse=True)
    gates = _gates.relations(facts, choice)
    some = entities(
        eids, facts, gates, choice.weights, soon,
        predicate=settings.predicate, denied=choice.deny_objects,
    )  # fmt: skip
    cap = (settings.max_entities, choice.per_relation) if settled else (choice.considered, 0)
    some = some.capped(*cap)
    gate = _gates.mentions(facts, mentions, choice)
    if not everything:
        some = some.take(np.flatnonzero(some.why == TAKEN))
        entity = np.where(gate == TAKEN, entity, len(eids))
    mention, row = some.of_mentions(entity)
    why = np.where(gate[mention] != TAKEN, gate[mention], some.why[row])
    found = _Block(mention, some.rows[row], why, some.score[row], {n: p[row] for n, p in some.parts.items()})
    if not settled:
        given = Given(
            facts, found.rows, sentences.texts, mentions.sentence[found.mention], settings.predicate, encode
        )
        found = _with_sentences(found, given, settings, some.tie[row])
    if not everything:
        found = found.take(np.flatnonzero(found.why == TAKEN))
    return found.told(scored=[*choice.weights] != ["order"])


class _Block(NamedTuple):
    """C facts on the way to be considered."""

    mention: I64
    rows: I64
    why: U8
    score: Floats
    parts: dict[str, Floats]

    def take(self, kept: I64) -> _Block:
        """Keep some of them, in this order."""
        parts = {name: part[kept] for name, part in self.parts.items()}
        return _Block(self.mention[kept], self.rows[kept], self.why[kept], self.score[kept], parts)

    def told(self, *, scored: bool) -> Scored:
        """Write it down; a score that is the order of the file alone is none."""
        score = self.score.astype(np.float32) if scored else np.full(len(self.rows), np.nan, np.float32)
        parts = {name: part.astype(np.float32) for name, part in self.parts.items()}
        return Scored(Considered(self.mention, self.rows, score, self.why), parts)


def _with_sentences(found: _Block, given: Given, settings: Asked, tie: I64) -> _Block:
    """Score facts against their sentences, and choose."""
    choice, facts = settings.choice, given.facts
    score, why, parts = found.score.copy(), found.why.copy(), dict(found.parts)
    for name, criterion in _late(choice).items():
        parts[name] = criterion.score(given)
        score += choice.weights[name] * parts[name]
    if not choice.said:
        novelty = parts[SPOKEN] if SPOKEN in parts else _criteria((SPOKEN,))[SPOKEN].score(given)
        why[(why == TAKEN) & (novelty == 0)] = SAID
    if choice.least is not None:
        why[(why == TAKEN) & (score < choice.least)] = TOO_LOW
    order = _picking.ordered(found.mention, score, why, tie)
    ready = _Block(found.mention, found.rows, why, score, parts).take(order)
    caps = (settings.max_entities, choice.per_relation)
    return ready._replace(why=_picking.pick(ready.mention, facts.relation[ready.rows], ready.why, *caps))


def _late(choice: Settings) -> dict[str, Criterion]:
    """Return the criteria that ask for the sentence."""
    return {name: one for name, one in _criteria(tuple(choice.weights)).items() if one.of_sentence}


@lru_cache(maxsize=4)
def _criteria(names: tuple[str, ...]) -> dict[str, Criterion]:
    """Load criteria by their names."""
    return {name: plugins.load(__name__, name).CRITERION for name in names}
