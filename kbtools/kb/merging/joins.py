"""Which entities are one.

Pairs that equal ids or cross references name are drawn together into groups: if A names B and C names B,
all three are one. A group may hold one entity of each knowledge base. If it would hold two of one, then its
references are not one to one, and nobody can say which of them is right: the whole group is left apart,
counted, and written to `rejects`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.errors import ArtefactError
from kbtools.kb import arrays
from kbtools.kb.database import connect, feed
from kbtools.kb.merging.parts import Array, Union
from kbtools.kb.merging.schemes import RELEASE, Rule

if TYPE_CHECKING:
    import duckdb

EIDS = "work/eids.u32"
SNIPPET = 200
_IDS = pa.schema([("entity", pa.uint32()), ("base", pa.int32()), ("id", pa.string())])
_XREFS = pa.schema([*list(_IDS)[:2], ("scheme", pa.string()), ("value", pa.string())])


class Joins(NamedTuple):
    """What becomes of each entity. Entities are counted through all bases; arrays of them ascend."""

    eids: Array  # [entities] uint32: its eid in the union
    absorbed: Array  # those that were joined to an earlier one
    leaders: Array  # those that others were joined to
    renamed: Array  # those whose id means another, earlier one
    ambiguous: list[str]  # groups that were left apart, in words

    @property
    def groups(self) -> int:
        """How many entities of the union are made of several."""
        return len(self.leaders)


def join(union: Union, on: str, rules: Sequence[Rule]) -> Joins:
    """Find out which entities are one, and give all their new numbers."""
    with connect(union.folder, union.memory, threads=union.threads) as database:
        _load(database, "ids", _IDS, _ids(union))
        if on == "id":
            one, two = _of_equal_ids(database)
        else:
            _load(database, "xrefs", _XREFS, _xrefs(union, rules))
            one, two = _of_cross_references(database, rules)
        members, leaders, bad = _groups(one, two, union)
        away = members != leaders
        absorbed = members[away]
        eids = _number(union, absorbed, leaders[away])
        renamed = np.zeros(0, np.int64) if on == "id" else _renamed(database, absorbed, union)
        told = _told(database, union, *bad)
    return Joins(eids, absorbed, np.unique(leaders[away]), renamed, told)


def _ids(union: Union) -> Iterator[pa.RecordBatch]:
    for part in union.having("entities"):
        for batch in part.kb.scan("entities", ["eid", "id"]):
            yield _batch(
                _IDS, batch["eid"].to_numpy().astype(np.int64) + part.entity, part.place, batch["id"]
            )


def _xrefs(union: Union, rules: Sequence[Rule]) -> Iterator[pa.RecordBatch]:
    wanted = pa.array(sorted({rule.scheme for rule in rules} | {r.other for r in rules if r.base is None}))
    for part in union.having("xref"):
        for batch in part.kb.scan("xref", ["eid", "scheme", "value"]):
            rows = batch.set_column(1, "scheme", batch["scheme"].cast(pa.string()))
            rows = rows.filter(pa.compute.is_in(rows["scheme"], wanted))
            entities = rows["eid"].to_numpy().astype(np.int64) + part.entity
            yield _batch(_XREFS, entities, part.place, rows["scheme"], rows["value"])


def _batch(schema: pa.Schema, entities: Array, place: int, *columns: pa.Array) -> pa.RecordBatch:
    bases = pa.repeat(pa.scalar(place, pa.int32()), len(entities))
    return pa.RecordBatch.from_arrays([pa.array(entities, pa.uint32()), bases, *columns], schema=schema)


def _load(
    database: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> None:
    with feed(schema, batches) as source:
        database.register("source", source)
        database.execute(f"CREATE TABLE {table} AS FROM source").fetchall()
        database.unregister("source")


def _pairs(database: duckdb.DuckDBPyConnection, query: str, **values: Any) -> tuple[Array, Array]:
    found = database.sql(query, params=values).to_arrow_table()
    one, two = (found.column(place).to_numpy().astype(np.int64) for place in (0, 1))
    return one, two


def _of_equal_ids(database: duckdb.DuckDBPyConnection) -> tuple[Array, Array]:
    return _pairs(
        database,
        "SELECT leader, entity FROM ids JOIN (SELECT id, min(entity) AS leader FROM ids GROUP BY id"
        " HAVING count(*) > 1) USING (id) WHERE entity <> leader",
    )


def _of_cross_references(database: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> tuple[Array, Array]:
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for rule in rules:
        if rule.base is not None:
            # Wikidata calls satellites -s; where ids are made of offsets, they are under -a
            value = r"regexp_replace(value, '^(\d{8})-s$', '\1-a')" if rule.scheme in RELEASE else "value"
            query = (
                f"SELECT DISTINCT x.entity, i.entity FROM xrefs x JOIN ids i ON i.id = {value}"
                " WHERE x.scheme = $scheme AND i.base = $base AND x.base <> $base"
            )
            found.append(_pairs(database, query, scheme=rule.scheme, base=rule.base))
        else:
            query = (
                "WITH said AS (SELECT DISTINCT entity, base, value FROM xrefs WHERE scheme IN ($one, $two))"
                " SELECT leader, entity FROM said JOIN (SELECT value, min(entity) AS leader FROM said"
                " GROUP BY value HAVING count(DISTINCT base) > 1) USING (value) WHERE entity <> leader"
            )
            found.append(_pairs(database, query, one=rule.scheme, two=rule.other))
    one, two = zip(*found, strict=True)
    return np.concatenate(one), np.concatenate(two)


def _groups(one: Array, two: Array, union: Union) -> tuple[Array, Array, tuple[Array, Array]]:
    """Draw pairs together → members and their leaders (the earliest), and the same of ambiguous groups."""
    members = np.unique(np.concatenate([one, two]))
    left, right = np.searchsorted(members, one), np.searchsorted(members, two)
    label = np.arange(len(members))
    while True:
        least = np.minimum(label[left], label[right])
        new = label.copy()
        np.minimum.at(new, left, least)
        np.minimum.at(new, right, least)
        new = new[new]
        if (new == label).all():
            break
        label = new
    base = union.bases_of(members)
    order = np.lexsort([base, label])
    again = (np.diff(label[order]) == 0) & (np.diff(base[order]) == 0)
    bad = np.isin(label, label[order][1:][again])
    return members[~bad], members[label[~bad]], (members[bad], label[bad])


def _number(union: Union, absorbed: Array, leaders: Array) -> Array:
    """Give eids: in order, an entity that is absorbed takes its leader's. → [entities] uint32, on disk."""
    eids = arrays.create(union.folder / EIDS, union.entities)
    eids[:] = 1
    eids[absorbed] = 0
    np.cumsum(eids, out=eids, dtype=np.uint32)
    eids -= np.uint32(1)
    eids[absorbed] = eids[leaders]
    return eids[: union.entities]


def _renamed(database: duckdb.DuckDBPyConnection, absorbed: Array, union: Union) -> Array:
    """Find the entities whose id is also that of an earlier one which they were not joined to."""
    database.register("absorbed", pa.table({"entity": pa.array(absorbed, pa.uint32())}))
    database.execute("CREATE TABLE alive AS FROM ids ANTI JOIN absorbed USING (entity)").fetchall()
    rows = database.sql(
        "SELECT entity, base, id FROM alive JOIN (SELECT id, min(entity) AS leader FROM alive GROUP BY id"
        " HAVING count(*) > 1) USING (id) WHERE entity <> leader ORDER BY entity"
    ).to_arrow_table()
    names = [base.name for base in union.bases]
    new = [
        f"{names[base]}:{id_}"
        for base, id_ in zip(*(rows[c].to_pylist() for c in ("base", "id")), strict=True)
    ]
    database.register("new_ids", pa.table({"id": pa.array(new, pa.string())}))
    taken = database.execute(
        "SELECT id FROM new_ids SEMI JOIN alive USING (id) ORDER BY id LIMIT 1"
    ).fetchall()
    if taken:
        raise ArtefactError(
            f"the id {taken[0][0]!r} is taken; make a knowledge base again with another --name"
        )
    return np.asarray(rows["entity"].to_numpy(), np.int64)


def _told(database: duckdb.DuckDBPyConnection, union: Union, members: Array, labels: Array) -> list[str]:
    """Say which entities each ambiguous group holds."""
    database.register(
        "bad", pa.table({"entity": pa.array(members, pa.uint32()), "label": pa.array(labels, pa.int64())})
    )
    rows = database.execute("SELECT label, base, id FROM bad JOIN ids USING (entity) ORDER BY label, entity")
    found: dict[int, list[str]] = {}
    for label, base, id_ in rows.fetchall():
        found.setdefault(label, []).append(f"{union.bases[base].name}:{id_}")
    return [" ".join(ids)[:SNIPPET] for ids in found.values()]
