"""What an alias table is: how many names, how ambiguous, who says so, and some of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import msgspec

from kbtools.alias.about.referents import Referents
from kbtools.alias.schema import KIND, LOOKUP, TABLES
from kbtools.kb.overview import Overview, sample
from kbtools.kb.reader import Tables
from kbtools.kb.views import add_views, ask, connect

__all__ = ["KIND", "MASS", "AliasOverview", "Known", "Source", "describe"]

MASS = "sum((n * 1e6)::HUGEINT)::DOUBLE / 1e6"  # a sum over integers is the same in each run


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """How much a source says: rows of `counts`, and what they add up to."""

    source: str
    rows: int
    n: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A name: how many candidates it has, its weighted count, and what it means most likely."""

    norm: str
    candidates: int
    n: float
    kb: str | None
    eid: int | None
    id: str | None
    label: str | None
    prior: float | None


class AliasOverview(Overview, frozen=True, kw_only=True):
    """An alias table in plain words."""

    names: int
    surfaces: int
    single: float  # the share of names with one candidate in all
    bytes_per_name: float  # of the compiled look-up
    per_kb: dict[str, int]  # names that it has candidates for
    sources: list[Source]
    ambiguous: list[Known]
    frequent: list[Known]
    remarks: list[str]


def describe(
    general: Overview,
    *,
    kbs: Sequence[Path | str] = (),
    rows: int = 3,
    top: int = 10,
    memory: int | None = None,
    threads: int | None = None,
) -> AliasOverview:
    """Describe an alias table: `rows` rows a table and the `top` most ambiguous names.

    Ids and labels come from the knowledge bases `kbs`, or from where they were when the table was made.
    """
    path = Path(general.path)
    alias = Tables(path)
    manifest = alias.manifest
    who = Referents(manifest, kbs)
    with connect(path, memory=memory, threads=threads) as con:
        add_views(con, [alias], only=TABLES)
        ask(
            con,
            f"CREATE TABLE widths AS SELECT norm, count(*) AS candidates, {MASS} AS n FROM candidates"
            " WHERE form IS NULL GROUP BY norm",
        )
        names, single = ask(con, "SELECT count(*), count(*) FILTER (candidates = 1) FROM widths")[0]
        wholes = ask(con, "SELECT count(*) FILTER (surface IS NULL), count(surface) FROM forms")[0]
        size = sum(table.bytes for table in general.tables if table.table == LOOKUP)
        firsts = "SELECT kb, count(*) FROM candidates WHERE form IS NULL AND rank = 0 GROUP BY kb"
        per_kb = dict(ask(con, firsts))
        return AliasOverview(
            **{name: getattr(general, name) for name in Overview.__struct_fields__ if name != "samples"},
            samples=[sample(con, table, rows) for table in TABLES if table in alias.tabular and rows],
            names=wholes[0],
            surfaces=wholes[1],
            single=single / names if names else 0.0,
            bytes_per_name=size / wholes[0] if wholes[0] else 0.0,
            per_kb={ref.name: per_kb.get(place, 0) for place, ref in enumerate(manifest.kbs)},
            sources=_sources(con),
            ambiguous=_known(con, alias, who, "candidates DESC, n DESC", top),
            frequent=_known(con, alias, who, "n DESC, candidates DESC", top),
            remarks=[who.note] if who.note else [],
        )


def _sources(con: duckdb.DuckDBPyConnection) -> list[Source]:
    found = ask(
        con,
        "SELECT source::VARCHAR AS s, count(*), sum(n)::HUGEINT AS total FROM counts"
        " GROUP BY s ORDER BY total DESC, s",
    )
    return [Source(source=source, rows=count, n=n) for source, count, n in found]


def _known(
    con: duckdb.DuckDBPyConnection, alias: Tables, who: Referents, order: str, top: int
) -> list[Known]:
    """Return the first names in this order, with their best candidate in the first knowledge base."""
    rows = ask(
        con,
        f"WITH chosen AS (SELECT norm, candidates, n FROM widths ORDER BY {order}, norm LIMIT {top})"
        " SELECT norm, candidates, chosen.n, c.kb, c.eid, c.prior FROM chosen LEFT JOIN"
        " (SELECT norm, kb, eid, prior FROM candidates SEMI JOIN chosen USING (norm)"
        " WHERE form IS NULL AND rank = 0 QUALIFY row_number() OVER (PARTITION BY norm ORDER BY kb) = 1) AS c"
        f" USING (norm) ORDER BY {order}, norm",
    )
    named = who.entities(con, {(kb, eid) for *_, kb, eid, _ in rows if kb is not None})
    found = []
    for norm, candidates, n, kb, eid, prior in rows:
        entity = named.get((kb, eid))
        found.append(
            Known(
                norm=norm,
                candidates=candidates,
                n=n,
                kb=None if kb is None else alias.manifest.kbs[kb].name,
                eid=eid,
                id=entity and entity.id,
                label=entity and entity.label,
                prior=prior,
            )
        )
    return found
