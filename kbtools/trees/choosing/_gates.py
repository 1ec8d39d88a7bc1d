"""What is never said: relations and entities that are denied, mentions that are uncertain or too common."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.errors import ConfigError
from kbtools.trees import cooccurrence
from kbtools.trees.base import TAKEN, U8, WHY, Mentions
from kbtools.trees.facts import Facts, opened

DENIED, NOT_ALLOWED, ENTITY, BELOW_TAU, COMMON = (
    WHY.index(why)
    for why in ("relation denied", "relation not allowed", "entity denied", "below tau", "too common")
)


class Gates(Protocol):
    """What is settled of all facts, whatever their score."""

    @property
    def allow(self) -> tuple[str, ...]:
        """Relations that may be said."""

    @property
    def deny(self) -> tuple[str, ...]:
        """Relations that are never said."""

    @property
    def tau(self) -> float:
        """How likely a mention must be its entity."""

    @property
    def deny_entities(self) -> tuple[str, ...]:
        """Labels of entities that get no branches."""

    @property
    def common(self) -> float:
        """The share of units from which on an entity is too common."""


def mentions(facts: Facts, found: Mentions, choice: Gates) -> U8:
    """Say of each mention whether it may have branches: TAKEN, or why not."""
    why: U8 = np.full(len(found.eid), TAKEN, np.uint8)
    known = (found.eid >= 0) & (found.eid < facts.entities)
    rows = np.flatnonzero(known)
    if choice.common < 1:
        counted = cooccurrence.opened(facts.folder)
        why[rows[counted.share(found.eid[rows]) > choice.common]] = COMMON
    if choice.deny_entities:
        denied = pc.is_in(facts.names(found.eid[rows]), pa.array(choice.deny_entities, pa.string()))
        why[rows[denied.to_numpy(zero_copy_only=False)]] = ENTITY
    why[found.p < choice.tau] = BELOW_TAU
    return why


def relations(facts: Facts, choice: Gates) -> U8:
    """Say of each relation whether it may be said: TAKEN, or why not; refuse names that none has."""
    return relations_in(facts.folder, choice.allow, choice.deny)


@lru_cache(maxsize=4)
def relations_in(folder: Path, allow: tuple[str, ...], deny: tuple[str, ...]) -> U8:
    """Look relations up in the folder of facts."""
    facts = opened(folder)
    why: U8 = np.full(len(facts.relations), NOT_ALLOWED if allow else TAKEN, np.uint8)
    for names, what in ((allow, TAKEN), (deny, DENIED)):
        for name in names:
            mine = pc.or_(pc.equal(facts.relation_ids, name), pc.equal(facts.relations, name))
            rows = np.flatnonzero(pc.fill_null(mine, False).to_numpy(zero_copy_only=False))
            if not len(rows):
                known = [*facts.relations.to_pylist(), *facts.relation_ids.to_pylist()]
                near = get_close_matches(name, [one for one in known if one], n=1)
                hint = (
                    f"did you mean {near[0]!r}?"
                    if near
                    else "give ids or labels as the knowledge base has them"
                )
                raise ConfigError(f"no relation {name!r}: {hint}")
            why[rows] = what
    return why
