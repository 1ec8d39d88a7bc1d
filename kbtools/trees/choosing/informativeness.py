"""Rare relations and rare objects say more: inverse document frequency of both over the facts of the base.

    score = (ln(F / n_r) + ln(F / n_o)) / (2 ln F)

F facts, n_r of them with the relation, n_o with the object (Sparck Jones 1972): 1 for what is said once,
0 for what all facts say. Objects that are no entities are counted by their text.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from kbtools.trees.base import I64
from kbtools.trees.choosing import _texts
from kbtools.trees.choosing.base import Floats, Given
from kbtools.trees.facts import Facts, mapped

AT_ONCE = 1 << 20  # facts that are counted together
RELATIONS, ENTITIES, LITERALS = (f"{name}.counts" for name in ("relation", "entity", "literal"))


class Informativeness:
    """Facts that few others are like."""

    of_sentence: ClassVar[bool] = False

    def prepare(self, facts: Facts, folder: Path) -> None:
        """Count facts by relation and by object. Memory: 8 bytes an entity, 16 a literal."""
        relations = np.zeros(len(facts.relations), np.int64)
        entities = np.zeros(facts.entities, np.int64)
        for low in range(0, len(facts), AT_ONCE):
            tail = facts.tail[low : low + AT_ONCE]
            np.add.at(relations, facts.relation[low : low + AT_ONCE], 1)
            np.add.at(entities, tail[tail >= 0], 1)
        relations.tofile(folder / RELATIONS)
        entities.tofile(folder / ENTITIES)
        _repeats(folder).tofile(folder / LITERALS)

    def score(self, given: Given) -> Floats:
        """Look up how often relation and object are said."""
        total = len(given.facts)
        relation = mapped(given.folder / RELATIONS, np.int64)[given.facts.relation[given.rows]]
        tail = given.facts.tail[given.rows]
        literal = tail < 0
        objects = np.empty(len(tail), np.int64)
        objects[~literal] = mapped(given.folder / ENTITIES, np.int64)[tail[~literal]]
        objects[literal] = mapped(given.folder / LITERALS, np.int64)[-1 - tail[literal]]
        if total < 2:
            return np.ones(len(tail))
        found: Floats = 1.0 - (np.log(relation) + np.log(objects)) / (2.0 * np.log(total))
        return found


def _repeats(folder: Path) -> I64:
    """Count how many literals have the text of each."""
    _, back, counts = np.unique(_texts.values(folder), return_inverse=True, return_counts=True)
    found: I64 = counts[back].astype(np.int64)
    return found


CRITERION = Informativeness()
