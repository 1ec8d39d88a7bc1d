"""The facts of the entities of a block, each entity once, ordered as far as no sentence is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.arrays import ranges
from kbtools.trees.base import I64, TAKEN, U8, WHY
from kbtools.trees.choosing import _picking, _texts
from kbtools.trees.choosing.base import Criterion, Floats, Given
from kbtools.trees.facts import Facts

REPEATED, OBJECT = WHY.index("repeated"), WHY.index("object denied")
NONE = np.zeros(0, np.int64)


class Entities(NamedTuple):
    """N entities with C facts: those that may be taken first, best first."""

    facts: Facts
    begins: I64  # [N + 1]
    rows: I64  # [C] of the facts
    why: U8  # [C]
    score: Floats  # [C]
    parts: dict[str, Floats]  # of each criterion, before its weight
    tie: I64  # [C] what decides among equal scores: the least goes first

    @property
    def group(self) -> I64:
        """Whose facts they are."""
        return np.repeat(np.arange(len(self.begins) - 1), np.diff(self.begins))

    def take(self, kept: I64) -> Entities:
        """Keep some facts, in this order; they are still ordered by entity."""
        return self._replace(
            begins=np.searchsorted(self.group[kept], np.arange(len(self.begins))),
            rows=self.rows[kept],
            why=self.why[kept],
            score=self.score[kept],
            parts={name: part[kept] for name, part in self.parts.items()},
            tie=self.tie[kept],
        )

    def capped(self, most: int, per_relation: int = 0) -> Entities:
        """Mark what is over the caps."""
        return self._replace(
            why=_picking.pick(self.group, self.facts.relation[self.rows], self.why, most, per_relation)
        )

    def of_mentions(self, entity: I64) -> tuple[I64, I64]:
        """Return mention and row of these facts, for mentions of the entities; N is none of them."""
        begins = np.append(self.begins, self.begins[-1])
        size = np.diff(begins)[entity]
        return np.repeat(np.arange(len(entity)), size), ranges(begins[entity], size)


def entities(
    eids: I64, facts: Facts, gate: U8, weights: Mapping[str, float], early: Mapping[str, Criterion],
    *, predicate: bool, denied: tuple[str, ...] = (),
) -> Entities:  # fmt: skip
    """Gather and score facts; `gate` says of each relation whether it may be said, `denied` what never is."""
    begins, rows = facts.of(eids)
    given = Given(facts, rows, (), NONE, predicate, None)
    why = gate[facts.relation[rows]]
    if denied:
        never = pc.is_in(facts.objects(rows), pa.array(denied, pa.string())).to_numpy(zero_copy_only=False)
        why[(why == TAKEN) & never] = OBJECT
    why[(why == TAKEN) & _texts.repeated(given.folder, rows)] = REPEATED
    score, parts = np.zeros(len(rows)), {}
    for name, criterion in early.items():
        parts[name] = criterion.score(given)
        score += weights[name] * parts[name]
    tie = np.arange(len(rows))  # the order of the file
    group = np.repeat(np.arange(len(eids)), np.diff(begins))
    if "order" not in weights:
        said = (_texts.objects(facts, given.folder, rows), _texts.relations(facts, given.folder, rows))
        tie[np.lexsort((facts.tail[rows], facts.statement[rows], *said, group))] = np.arange(len(rows))
    found = Entities(facts, begins, rows, why, score, parts, tie)
    return found.take(_picking.ordered(group, score, why, tie))
