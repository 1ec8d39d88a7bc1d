"""What changed between two releases of a knowledge base: compared by string ids, out of core."""

from __future__ import annotations

from pathlib import Path

import duckdb
import msgspec

from kbtools import artefact
from kbtools.artefact.manifest import a
from kbtools.errors import ArtefactError
from kbtools.kb.reader import Kb, shares_ids
from kbtools.kb.schema import TOMBSTONE
from kbtools.kb.views import add_views, ask, ask_one, connect

TOP_RELATIONS = 100
UNWATCHED = {"rejects"}  # has a limit of its own: --max-rejects


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A count before and after."""

    name: str
    old: int
    new: int
    label: str | None = None

    @property
    def share(self) -> float | None:
        """The change relative to the old count; none if there was nothing before."""
        return (self.new - self.old) / self.old if self.old else None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """An entity that changed; `after` is the new label, or the entity it was merged into."""

    id: str
    before: str | None
    after: str | None


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How many entities changed in one way, and some of them."""

    count: int
    examples: list[Example]


class Edges(msgspec.Struct, frozen=True, kw_only=True):
    """The distinct triples of one relation: lost, gained and in both."""

    relation: str
    label: str | None
    removed: int
    added: int
    kept: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All that changed. `stable`: every id of OLD is in NEW under the same eid."""

    old: str
    new: str
    same: bool
    tables: list[Change]
    languages: list[Change]
    added: Moved
    vanished: Moved
    merged: Moved
    relabelled: Moved
    removed_triples: int
    added_triples: int
    relations: list[Edges]
    shared_ids: bool
    stable: bool
    moved_eids: int


def diff(
    old: Path,
    new: Path,
    *,
    examples: int = 5,
    top: int = 20,
    memory: int | None = None,
    threads: int | None = None,
) -> Difference:
    """Compare two knowledge bases; spills to disk what does not fit into memory."""
    before, after = _open(old, new)
    with connect(new, memory=memory, threads=threads) as con:
        add_views(con, [before], "old")
        add_views(con, [after], "new")
        _prepare(con, before, after)
        edges, removed, added = _edges(con, before, after, top)
        return Difference(
            old=str(old),
            new=str(new),
            same=before.manifest.content == after.manifest.content,
            tables=_tables(before, after),
            languages=_languages(con, before, after),
            added=_moved(con, "NOT lived AND lives", examples),
            vanished=_moved(con, "lived AND NOT lives AND successor IS NULL", examples),
            merged=_moved(con, "lived AND NOT lives AND successor IS NOT NULL", examples, "successor"),
            relabelled=_moved(con, "lived AND lives AND before IS DISTINCT FROM after", examples),
            removed_triples=removed,
            added_triples=added,
            relations=edges,
            shared_ids=shares_ids(before.manifest.id_space, after.manifest.id_space),
            moved_eids=(moved := ask_one(con, "SELECT count(*) FROM pairs WHERE old_eid <> new_eid")),
            stable=not moved
            and not ask_one(con, "SELECT count(*) FROM pairs WHERE old_eid IS NOT NULL AND new_eid IS NULL"),
        )


def drift(
    old: Path, new: Path, limit: float = 0.05, *, memory: int | None = None, threads: int | None = None
) -> list[str]:
    """Name every table, language and top-100 relation whose count moved by more than `limit`."""
    before, after = _open(old, new)
    with connect(new, memory=memory, threads=threads) as con:
        add_views(con, [before], "old")
        add_views(con, [after], "new")
        watched = [
            *(("table", change) for change in _tables(before, after) if change.name not in UNWATCHED),
            *(("language", change) for change in _languages(con, before, after)),
            *(("relation", change) for change in _top_relations(con, before, after)),
        ]
    return [_sentence(kind, change) for kind, change in watched if _beyond(change, limit)]


def _beyond(change: Change, limit: float) -> bool:
    return abs(change.new - change.old) > limit * change.old


def _sentence(kind: str, change: Change) -> str:
    what = f"{kind} {change.name}" + (f" ({change.label})" if change.label else "")
    share = "new" if change.share is None else f"{change.share:+.1%}"
    return f"{what}: {change.old:,} → {change.new:,} ({share})"


def _open(old: Path, new: Path) -> tuple[Kb, Kb]:
    kinds = [artefact.read(path).kind for path in (old, new)]
    if kinds[0] != kinds[1]:
        raise ArtefactError(f"{old} is {a(kinds[0])}, {new} {a(kinds[1])}; give two artefacts of one kind")
    if kinds[0] != "kb":
        raise ArtefactError(
            f"{old}: {a(kinds[0])}; so far only knowledge bases (kb) and alias tables can be compared"
        )
    return Kb(old), Kb(new)


def _tables(before: Kb, after: Kb) -> list[Change]:
    names = dict.fromkeys([*before.tables, *after.tables])
    return [Change(name=name, old=before.rows(name), new=after.rows(name)) for name in names]


def _labels(kb: Kb, schema: str) -> str:
    """Select the language of every label; from `entities` where there is no table of labels."""
    if "labels" in kb.tables:
        return f"SELECT lang FROM {schema}.labels"
    if "entities" in kb.tables:
        return f"SELECT lang FROM {schema}.entities WHERE label IS NOT NULL"
    return "SELECT NULL::VARCHAR AS lang WHERE false"


def _languages(con: duckdb.DuckDBPyConnection, before: Kb, after: Kb) -> list[Change]:
    counted = "(SELECT coalesce(lang, '?') AS lang, count(*) AS n FROM ({}) GROUP BY 1)"
    sides = counted.format(_labels(before, "old")), counted.format(_labels(after, "new"))
    found = ask(
        con,
        f"SELECT lang, coalesce(o.n, 0), coalesce(n.n, 0) FROM {sides[0]} AS o"
        f" FULL JOIN {sides[1]} AS n USING (lang)"
        " ORDER BY greatest(coalesce(o.n, 0), coalesce(n.n, 0)) DESC, lang",
    )
    return [Change(name=lang, old=old, new=new) for lang, old, new in found]


def _top_relations(con: duckdb.DuckDBPyConnection, before: Kb, after: Kb) -> list[Change]:
    """Count the triples of each relation that is among the top 100 of either release."""

    def counted(kb: Kb, schema: str) -> str:
        if not {"triples", "relations"} <= set(kb.tables):
            return "SELECT NULL::VARCHAR AS id, NULL::VARCHAR AS label, 0 AS n WHERE false"
        return (
            f"SELECT id, label, n FROM {schema}.relations JOIN"
            f" (SELECT relation AS rid, count(*) AS n FROM {schema}.triples GROUP BY relation) USING (rid)"
        )

    found = ask(
        con,
        f"WITH o AS ({counted(before, 'old')}), n AS ({counted(after, 'new')})"
        " SELECT id, coalesce(n.label, o.label), coalesce(o.n, 0) AS a, coalesce(n.n, 0) AS b"
        " FROM o FULL JOIN n USING (id)"
        " QUALIFY least(row_number() OVER (ORDER BY a DESC, id), row_number() OVER (ORDER BY b DESC, id))"
        f" <= {TOP_RELATIONS} ORDER BY a DESC, b DESC, id",
    )
    return [Change(name=id_, label=label, old=old, new=new) for id_, label, old, new in found]


def _prepare(con: duckdb.DuckDBPyConnection, before: Kb, after: Kb) -> None:
    """Join the entities of both releases by id, once: `pairs` has one row for each id of either."""

    def entities(kb: Kb, schema: str) -> str:
        if "entities" in kb.tables:
            return f"SELECT eid, id, label, flags & {TOMBSTONE} = 0 AS lives FROM {schema}.entities"
        return "SELECT NULL::UINTEGER AS eid, NULL AS id, NULL AS label, NULL::BOOLEAN AS lives WHERE false"

    redirects = "SELECT NULL AS from_id, NULL::UINTEGER AS to_eid WHERE false"
    if "redirects" in after.tables:
        redirects = "SELECT from_id, min(to_eid) AS to_eid FROM new.redirects GROUP BY from_id"
    ask(
        con,
        f"CREATE TABLE pairs AS WITH o AS ({entities(before, 'old')}), n AS ({entities(after, 'new')}),"
        f" r AS ({redirects}), s AS (SELECT from_id, target.id AS successor FROM r JOIN n AS target"
        " ON target.eid = r.to_eid WHERE target.lives AND target.id <> r.from_id)"
        " SELECT id, o.eid AS old_eid, n.eid AS new_eid, o.label AS before, n.label AS after,"
        " coalesce(o.lives, false) AS lived, coalesce(n.lives, false) AS lives, successor"
        " FROM o FULL JOIN n USING (id) LEFT JOIN s ON s.from_id = id",
    )


def _moved(con: duckdb.DuckDBPyConnection, which: str, examples: int, after: str = "after") -> Moved:
    found = ask(
        con,
        f"SELECT id, before, {after} FROM pairs WHERE {which}"
        f" ORDER BY coalesce(new_eid, old_eid), id LIMIT {examples}",
    )
    return Moved(
        count=ask_one(con, f"SELECT count(*) FROM pairs WHERE {which}"),
        examples=[Example(id=id_, before=old, after=new) for id_, old, new in found],
    )


def _edges(con: duckdb.DuckDBPyConnection, before: Kb, after: Kb, top: int) -> tuple[list[Edges], int, int]:
    """Compare the distinct (head id, relation id, tail id) of both releases.

    The old numbers are written as the new ones of the same id, or as negative ones where that id is gone;
    so numbers are compared, not strings.
    """
    has = [{"triples", "relations", "entities"} <= set(kb.tables) for kb in (before, after)]
    if not any(has):
        return [], 0, 0
    ask(
        con,
        "CREATE TABLE rids AS"
        " SELECT id, o.rid AS old_rid, n.rid AS new_rid, coalesce(n.label, o.label) AS label"
        f" FROM ({_rids(has[0], 'old')}) AS o FULL JOIN ({_rids(has[1], 'new')}) AS n USING (id)",
    )
    sides = []
    if has[0]:
        sides.append(
            "SELECT coalesce(h.new_eid::BIGINT, -1 - head) AS h,"
            " coalesce(q.new_rid::BIGINT, -1 - relation) AS r,"
            " coalesce(t.new_eid::BIGINT, -1 - tail) AS t, 1 AS side FROM old.triples"
            " JOIN pairs AS h ON h.old_eid = head JOIN pairs AS t ON t.old_eid = tail"
            " JOIN rids AS q ON q.old_rid = relation"
        )
    if has[1]:
        sides.append(
            "SELECT head::BIGINT AS h, relation::BIGINT AS r, tail::BIGINT AS t, 2 AS side FROM new.triples"
        )
    ask(
        con,
        "CREATE TABLE edges AS SELECT r, count(*) FILTER (sides = 1) AS removed,"
        " count(*) FILTER (sides = 2) AS added, count(*) FILTER (sides = 3) AS kept"
        f" FROM (SELECT h, r, t, bit_or(side) AS sides FROM ({' UNION ALL '.join(sides)}) GROUP BY h, r, t)"
        " GROUP BY r",
    )
    found = ask(
        con,
        "SELECT id, label, removed, added, kept FROM edges"
        " JOIN rids ON r = coalesce(new_rid::BIGINT, -1 - old_rid) WHERE removed + added > 0"
        f" ORDER BY removed + added DESC, id LIMIT {top}",
    )
    edges = [Edges(relation=i, label=lb, removed=r, added=a, kept=k) for i, lb, r, a, k in found]
    return edges, *ask(
        con, "SELECT coalesce(sum(removed), 0)::BIGINT, coalesce(sum(added), 0)::BIGINT FROM edges"
    )[0]


def _rids(there: bool, schema: str) -> str:
    if there:
        return f"SELECT rid, id, label FROM {schema}.relations"
    return "SELECT NULL::UINTEGER AS rid, NULL AS id, NULL AS label WHERE false"
