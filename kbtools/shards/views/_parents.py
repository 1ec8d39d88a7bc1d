"""From which entities that were mentioned before a mention can be reached, and by which relations.

For KGLM (Logan et al. 2019). Relations go by their numbers; R more, where R is how many there are, if the
triple goes the other way; −2 says: the same entity once more. A mention that nothing leads to is new.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.arrays import ranges
from kbtools.kb import statements
from kbtools.kb.reader import Base
from kbtools.kb.resolving import resolve
from kbtools.kb.schema import STR
from kbtools.shards.base import I64, NONE, Here, Texts
from kbtools.shards.layouts import _edges
from kbtools.shards.views._mentions import Mentions

AGAIN = -2
NEW, REFLEXIVE, INVERSE = "@@NEW@@", "@@REFLEXIVE@@", "R:"


class Leads(NamedTuple):
    """What leads to each of M mentions."""

    offsets: I64  # [M + 1]
    parent: I64
    relation: I64

    def take(self, rows: I64) -> Leads:
        """Return those of some mentions."""
        lengths = np.diff(self.offsets)[rows]
        at = ranges(self.offsets[rows], lengths)
        return Leads(np.append(0, np.cumsum(lengths)), self.parent[at], self.relation[at])


class _Told(msgspec.Struct):
    """What `extra` of a link may say."""

    relation: list[str] = []
    parent_id: list[str] = []


_told = msgspec.json.Decoder(_Told)


def before(row: I64, means: I64) -> tuple[I64, I64]:
    """Return pairs of mentions of known entities: one, and one before it in its row; rows never fall."""
    each = np.arange(len(row))
    count = each - np.searchsorted(row, row)
    later, earlier = np.repeat(each, count), ranges(each - count, count)
    known = (means[later] >= 0) & (means[earlier] >= 0)
    return later[known], earlier[known]


def of_base(pairs: tuple[I64, I64], means: I64, base: Base, here: Here) -> Leads:
    """Return all that a knowledge base says of a mention and those before it."""
    later, earlier = pairs
    edges = _edges.edges(base, here)
    there, relation = edges.between(means[earlier], means[later])
    back, inverse = edges.between(means[later], means[earlier])
    again = np.flatnonzero(means[later] == means[earlier])
    place = np.concatenate([there, back, again])
    every = [relation, inverse + _count(base), np.full(len(again), AGAIN)]
    return _leads(later[place], means[earlier[place]], np.concatenate(every), len(means))


def of_told(pairs: tuple[I64, I64], means: I64, told: Leads) -> Leads:
    """Keep of what the corpus says what comes from a mention before, in the same row."""
    owner = np.repeat(np.arange(len(means)), np.diff(told.offsets))
    known = _codes(pairs[0], means[pairs[1]])
    kept = np.isin(_codes(owner, told.parent), known)
    return _leads(owner[kept], told.parent[kept], told.relation[kept], len(means))


def told(texts: Texts, mentions: Mentions, here: Here) -> Leads:
    """Read what links of a corpus say in `extra`: `relation` and `parent_id`, as in Linked WikiText-2."""
    count = len(mentions.link)
    if "links" not in texts.documents.schema.names:
        return Leads(np.zeros(count + 1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    extra = texts.documents["links"].flatten().field("extra").take(pa.array(mentions.link)).to_pylist()
    rows: list[tuple[int, str, str]] = []
    for place, one in enumerate(extra):
        try:
            found = _told.decode(one) if one else _Told()
        except (msgspec.DecodeError, RecursionError):
            here.counts["mentions whose parents cannot be read"] += 1
            continue
        pairs = zip(found.parent_id, found.relation, strict=False)
        rows += [(place, parent, relation) for parent, relation in pairs if relation != NEW]
    owner = np.array([row[0] for row in rows], np.int64)
    kb = mentions.kb[owner]
    spaces = pa.array([here.kbs[place].name if place >= 0 else None for place in kb.tolist()], STR)
    ids = pa.array([row[1] for row in rows], STR)
    parent = resolve(here.bases, ids, spaces).eid if here.bases and rows else np.full(len(rows), NONE)
    relation = _numbers([row[2] for row in rows], kb, here)
    here.counts["parents not in the knowledge base"] += int((parent < 0).sum())
    kept = np.flatnonzero(parent >= 0)
    return _leads(owner[kept], parent[kept], relation[kept], count)


def _numbers(names: list[str], kb: Any, here: Here) -> I64:
    """Return the numbers of relations, as each knowledge base has them; −1: it has none."""
    plain = pa.array([name.removeprefix(INVERSE) for name in names], STR)
    turned = np.array([name.startswith(INVERSE) for name in names], np.bool_)
    found = np.full(len(names), NONE, np.int64)
    for place, base in here.bases.items():
        table = statements.relations(base)
        rid = table["rid"].combine_chunks().take(pc.index_in(plain, table["id"].combine_chunks()))
        number = pc.fill_null(rid, NONE).to_numpy(False).astype(np.int64)
        number = np.where((number >= 0) & turned, number + _count(base), number)
        found = np.where(kb == place, number, found)
    found[np.array([name == REFLEXIVE for name in names], np.bool_)] = AGAIN
    return found


def _count(base: Base) -> int:
    """Return how many numbers of relations there are."""
    return int(statements.relations(base)["rid"].to_numpy().max(initial=-1)) + 1


def _leads(owner: I64, parent: I64, relation: I64, count: int) -> Leads:
    """Put what leads to each mention in order, each once."""
    rows = np.unique(np.column_stack([owner, parent, relation]).reshape(-1, 3).astype(np.int64), axis=0)
    return Leads(np.searchsorted(rows[:, 0], np.arange(count + 1)), rows[:, 1], rows[:, 2])


def _codes(owner: I64, parent: I64) -> I64:
    found: I64 = (owner << 32) + parent
    return found
