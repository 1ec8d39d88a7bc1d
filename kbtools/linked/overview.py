"""What linked documents are: how many mentions, of what kinds, of whom, and the first documents in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from kbtools.kb.overview import Overview, sample
from kbtools.kb.views import add_views, ask, connect
from kbtools.linked.naming import Called
from kbtools.linked.reader import Linked
from kbtools.linked.schema import KIND, TABLE

__all__ = ["KIND", "LinkedOverview", "describe"]

TEXT = 100  # characters of a text that are shown
SHOWN = 8  # mentions of a document that are shown


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many mentions there are of one sort in one knowledge base, and how many of them are NIL."""

    kb: str
    kind: str
    mentions: int
    nil: int


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """An entity, and how often it is mentioned."""

    kb: str
    eid: int
    id: str | None
    label: str | None
    mentions: int


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """What a place in a text means; without an eid nothing that the knowledge base has."""

    surface: str | None
    kb: str
    eid: int | None
    id: str | None
    label: str | None
    p: float


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a document; `more` mentions are not shown."""

    doc_id: str
    text: str | None
    mentions: list[Mention]
    more: int


class LinkedOverview(Overview, frozen=True, kw_only=True):
    """Linked documents in plain words."""

    documents: int
    mentioned: list[Count]
    entities: list[Named]
    first: list[Sample]
    remarks: list[str]


def describe(
    general: Overview,
    *,
    kbs: Sequence[Path | str] = (),
    rows: int = 3,
    top: int = 10,
    memory: int | None = None,
    threads: int | None = None,
) -> LinkedOverview:
    """Describe linked documents: `rows` of them, and the `top` entities that are mentioned most often.

    Ids and labels come from the knowledge bases `kbs`, or from where they were when these were linked.
    """
    linked = Linked(general.path)
    who = Called(linked.manifest, kbs)
    names = [ref.name for ref in linked.kbs]
    fields = {name: getattr(general, name) for name in Overview.__struct_fields__ if name != "samples"}
    with connect(linked.path, memory=memory, threads=threads) as con:
        add_views(con, [linked])
        others = [table for table in linked.tabular if table != TABLE and linked.rows(table) and rows]
        return LinkedOverview(
            **fields,
            samples=[sample(con, table, rows) for table in others],
            documents=linked.rows(TABLE),
            mentioned=_mentioned(con, names),
            entities=_entities(con, names, who, top),
            first=_first(con, names, who, rows),
            remarks=[who.note] if who.note else [],
        )


def _mentioned(con: duckdb.DuckDBPyConnection, names: list[str]) -> list[Count]:
    found = ask(
        con,
        "SELECT m.kb, m.kind::VARCHAR AS kind, count(*) AS n, count(*) FILTER (m.eid IS NULL)"
        f" FROM (SELECT unnest(mentions) AS m FROM {TABLE}) GROUP BY ALL ORDER BY m.kb, n DESC, kind",
    )
    return [Count(kb=names[kb], kind=kind, mentions=n, nil=nil) for kb, kind, n, nil in found]


def _entities(con: duckdb.DuckDBPyConnection, names: list[str], who: Called, top: int) -> list[Named]:
    found = ask(
        con,
        f"SELECT m.kb, m.eid, count(*) AS n FROM (SELECT unnest(mentions) AS m FROM {TABLE})"
        f" WHERE m.eid IS NOT NULL GROUP BY ALL ORDER BY n DESC, m.kb, m.eid LIMIT {top}",
    )
    called = who.names((kb, eid) for kb, eid, _ in found)
    return [
        Named(kb=names[kb], eid=eid, id=id_, label=label, mentions=n)
        for kb, eid, n in found
        for id_, label in [called.get((kb, eid), (None, None))]
    ]


def _first(con: duckdb.DuckDBPyConnection, names: list[str], who: Called, rows: int) -> list[Sample]:
    """Return the first documents that have mentions."""
    found = ask(
        con,
        f"SELECT doc_id, text[:{TEXT}], len(mentions), [{{'s': text[m.start + 1 : m.\"end\"], 'kb': m.kb,"
        f" 'eid': m.eid, 'p': m.p}} FOR m IN mentions[:{SHOWN}]]"
        f" FROM {TABLE} WHERE len(mentions) > 0 LIMIT {rows}",
    )
    pairs = ((one["kb"], one["eid"]) for *_, told in found for one in told if one["eid"] is not None)
    called = who.names(pairs)
    return [
        Sample(
            doc_id=doc_id,
            text=text,
            mentions=[
                _mention(one, names, called.get((one["kb"], one["eid"]), (None, None))) for one in told
            ],
            more=count - len(told),
        )
        for doc_id, text, count, told in found
    ]


def _mention(one: dict[str, Any], names: list[str], called: tuple[str | None, str | None]) -> Mention:
    id_, label = called
    return Mention(surface=one["s"], kb=names[one["kb"]], eid=one["eid"], id=id_, label=label, p=one["p"])
