"""Entities of a block to the staged tables: everything happens a column at a time.

`Flat` undoes one level of nesting for all entities of the block at once ([{P31: [a, b]}, {}, {P17: [c]}]
→ items a, b, c with the owner and the property of each), first for statements, then for qualifiers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb import staged
from kbtools.kb.schema import DEPRECATED, NORMAL, PREFERRED
from kbtools.kb.staged import SCHEMAS, VALUE
from kbtools.sources.wikidata import values
from kbtools.sources.wikidata.keys import INSTANCE_OF, PROPERTY, id_of
from kbtools.sources.wikidata.records import Statement
from kbtools.sources.wikidata.values import NO_KEY

T = TypeVar("T")
Array = np.ndarray[Any, Any]
INVERSE_ID = "P1696"
RANKS = {"deprecated": DEPRECATED, "normal": NORMAL, "preferred": PREFERRED}


class Flat(NamedTuple, Generic[T]):
    """Items with the position of their owner, the key of their property, and the bounds of their groups."""

    items: list[T]
    owner: Array  # [items]
    relation: Array  # [items]
    starts: Array  # [groups] where the items of one (owner, property) begin
    sizes: Array  # [groups]


def flatten(maps: Sequence[dict[str, list[T]]]) -> Flat[T]:
    """Undo two levels of nesting: owner → property → items."""
    groups = list(chain.from_iterable(m.values() for m in maps))
    sizes = np.array([len(group) for group in groups], np.int64)
    relation = np.array([PROPERTY[name] for m in maps for name in m], np.int64)
    owner = np.repeat(np.arange(len(maps)), np.array([len(m) for m in maps], np.int64))
    return Flat(
        list(chain.from_iterable(groups)),
        np.repeat(owner, sizes),
        np.repeat(relation, sizes),
        np.cumsum(sizes) - sizes,
        sizes,
    )


def batch(table: str, **columns: Any) -> pa.RecordBatch:
    """Make a batch of a staged table; a column that is one value is repeated, a missing one is null."""
    return staged.batch(SCHEMAS[table], columns)


def statement_tables(
    claims: Sequence[dict[str, list[Statement]]],
    *,
    row: int,
    statement: int,
    literals: bool,
    qualifiers: bool,
) -> tuple[dict[str, pa.RecordBatch], int]:
    """Make the tables that come of statements, and tell how many statements there were.

    `claims` has one map an entity, the first of which is entity `row`; statements count on from `statement`.
    """
    flat = flatten(claims)
    count = len(flat.items)
    if not count:
        return {}, 0
    rank = np.array([RANKS[s.rank] for s in flat.items], np.int8)
    best = _best(rank, flat)
    numbers = np.arange(statement, statement + count)
    rows = flat.owner + row
    found = values.read([s.mainsnak for s in flat.items], literals=literals)

    at = found.tails != NO_KEY
    triples = {"row": rows[at], "relation": flat.relation[at], "tail": found.tails[at]}
    tables = {"triples": batch("triples", **triples, rank=rank[at], best=best[at], statement=numbers[at])}
    typed = at & best & (flat.relation == INSTANCE_OF)
    tables["types"] = batch("types", row=rows[typed], type=found.tails[typed])

    at = found.where
    if literals:
        own = {"row": rows[at], "relation": flat.relation[at], "rank": rank[at], "best": best[at]}
        tables["literals"] = batch("literals", **own, statement=numbers[at], **found.literals)
    external = pc.equal(found.literals["datatype"], "external-id").to_numpy(zero_copy_only=False) & best[at]
    tables["xref"] = batch(
        "xref",
        row=rows[at][external],
        scheme=_names(flat.relation[at][external]),
        value=found.literals["value"].filter(pa.array(external)),
    )
    if qualifiers:
        tables["qualifiers"] = _qualifiers(flat.items, rows, numbers)
    return tables, count


def _best(rank: Array, flat: Flat[Statement]) -> Any:
    """Mark the preferred statements of each group if there are any, else the normal ones."""
    full = flat.sizes > 0
    highest = np.repeat(np.maximum.reduceat(rank, flat.starts[full]), flat.sizes[full])
    return (rank == highest) & (rank != DEPRECATED)


def _qualifiers(statements: list[Statement], rows: Array, numbers: Array) -> pa.RecordBatch:
    owners = [i for i, s in enumerate(statements) if s.qualifiers]
    flat = flatten([statements[i].qualifiers for i in owners])  # type: ignore[misc]
    found = values.read(flat.items)
    statement = np.array(owners, np.int64)[flat.owner]
    first = np.searchsorted(flat.owner, flat.owner)
    # a literal's columns, spread over all rows: null where the value is an entity
    place = np.full(len(flat.items), -1, np.int64)
    place[found.where] = np.arange(len(found.where))
    spread = pa.array(place, mask=place < 0)
    return batch(
        "qualifiers",
        row=rows[statement],
        statement=numbers[statement],
        relation=flat.relation,
        tail=pa.array(found.tails, mask=found.tails == NO_KEY),
        ord=np.arange(len(flat.items)) - first,
        **{name: found.literals[name].take(spread) for name, _ in VALUE},
    )


def used_relations(tables: dict[str, pa.RecordBatch]) -> set[int]:
    """Return the keys of all relations that these tables speak of."""
    keys = [
        np.unique(tables[name]["relation"].to_numpy())
        for name in ("triples", "literals", "qualifiers")
        if name in tables
    ]
    return set().union(*(column.tolist() for column in keys))


def inverses(claims: Sequence[dict[str, list[Statement]]]) -> pa.Array:
    """Return for each property the key of its inverse, null where it states none."""
    stated = [{INVERSE_ID: c[INVERSE_ID]} if INVERSE_ID in c else {} for c in claims]
    found = np.full(len(claims), NO_KEY, np.int64)
    tables, _ = statement_tables(stated, row=0, statement=0, literals=False, qualifiers=False)
    if tables:
        best = tables["triples"].filter(tables["triples"]["best"])
        found[best["row"].to_numpy()] = best["tail"].to_numpy()
    return pa.array(found, mask=found == NO_KEY)


def _names(keys: Array) -> pa.Array:
    distinct, place = np.unique(keys, return_inverse=True)
    return pa.array([id_of(int(key)) for key in distinct], pa.string()).take(pa.array(place))
