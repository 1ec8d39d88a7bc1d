"""Who is of the same kind: entities with the same types, and a circle through each kind.

    circles(kinds(base), eids, key)    # whom each of `eids` is exchanged for

Entities that are alone with their types go with others that have the least of them, and those who still are
alone among themselves. Memory: 12 bytes an entity of the base, 40 for each of `eids` while circles are made.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.cycles import I64, U64, keys_of
from kbtools.errors import ConfigError
from kbtools.kb.reader import Base

NONE = np.uint32(0xFFFFFFFF)


class Kinds(NamedTuple):
    """What entities are, by eid."""

    types: U64  # [E] one number for all types of an entity; those of the same types have the same
    least: NDArray[np.uint32]  # [E] the type with the least number


def kinds(base: Base) -> Kinds:
    """Read the types of all entities, those of overlays too; refuse a base that has none."""
    many = base.kb.rows("entities")
    types, least = np.zeros(many, np.uint64), np.full(many, NONE, np.uint32)
    for part in base.parts:
        for batch in part.scan("types", ["eid", "type"]) if "types" in part.tables else ():
            eid, kind = (batch[name].to_numpy() for name in ("eid", "type"))
            np.add.at(types, eid, keys_of(kind))
            np.minimum.at(least, eid, kind.astype(np.uint32))
    if not types.any():
        raise ConfigError(f"{base.name}: says of no entity what it is: nobody can be exchanged for his like")
    return Kinds(types, least)


def circles(of: Kinds, eids: NDArray[Any], key: int) -> I64:
    """Return a place in `eids` for each of them: another one of its kind, always the same; [N]."""
    found = np.arange(len(eids))
    drawn = keys_of(np.full(len(eids), key), eids)
    alone = np.ones(len(eids), np.bool_)
    for groups in (of.types[eids], of.least[eids], np.zeros(len(eids), np.uint32)):
        some = np.flatnonzero(alone)
        order = some[np.lexsort((drawn[some], groups[some]))]
        begins = np.append(True, groups[order][1:] != groups[order][:-1])[: len(order)]
        first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
        last = np.append(begins[1:], True)[: len(order)]
        after = np.where(last, first, np.arange(len(order)) + 1)
        found[order] = order[after]
        alone[order] = after == np.arange(len(order))
    return found
