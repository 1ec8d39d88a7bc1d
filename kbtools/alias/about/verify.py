"""What `verify --deep` asks of an alias table's rows, and of its compiled look-up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.alias.about import agreement
from kbtools.alias.schema import KIND, LOOKUP, SOURCES, TABLES
from kbtools.kb.reader import Tables
from kbtools.kb.schema import STR
from kbtools.kb.soundness import guarded, many, out_of_order
from kbtools.kb.views import add_views, ask, connect
from kbtools.text import BARE, FOLDED, normalise_many

OFF = 1e-5  # how far the priors of one name may be from 1
ROWS = 1 << 16
LARGEST = (1 << 64) - 1


def problems(
    path: Path, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield every problem in these `tables` (those whose files are whole), in one sentence each."""
    alias = _Alias(path)
    there = {table for table in tables if table in TABLES}
    for table in TABLES:
        if table in there:
            yield from guarded(table, partial(_order, alias, table))
    for table in ("counts", "forms"):
        if table in there:
            yield from guarded(table, partial(_norms, alias, table))
    with connect(path, memory=memory, threads=threads) as con:
        add_views(con, [alias], only=there)
        checks: list[tuple[set[str], Callable[[], Iterator[str]]]] = [
            ({"counts"}, partial(_counted, con, alias)),
            ({"candidates"}, partial(_distributions, con, alias)),
            ({"candidates", "counts"}, partial(_candidates, con)),
            ({"forms", "counts"}, partial(_forms, con)),
        ]
        for needed, check in checks:
            if needed <= there:
                yield from guarded(", ".join(sorted(needed)), check)
    if {"candidates", "forms", LOOKUP} <= set(tables):
        yield from guarded(LOOKUP, partial(agreement.problems, alias))


class _Alias(Tables):
    kind = KIND


def _order(alias: Tables, table: str) -> Iterator[str]:
    key = TABLES[table].key
    order = [*key, *(name for name in TABLES[table].schema.names if name not in key)]
    row = out_of_order((_comparable(batch) for batch in alias.scan(table)), order)
    if row is not None:
        yield f"{table}: row {row:,} is out of order; rows are sorted by {', '.join(key)}"


def _comparable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Write sources as their place in the list, and the norm as a whole as "", which comes first."""
    for name in ("source", "form", "surface"):
        if name in batch.schema.names:
            column = batch[name]
            column = (
                pc.index_in(column.cast(STR), pa.array(SOURCES)) if name == "source" else column.fill_null("")
            )
            batch = batch.set_column(batch.schema.get_field_index(name), name, column)
    return batch


def _norms(alias: Tables, table: str) -> Iterator[str]:
    """Check that surfaces are as kbtools.text leaves them, and that each stands under its norm."""
    wrong, example = 0, ""
    for batch in alias.scan(table, ["surface", "norm"], rows=ROWS):
        pairs = pa.Table.from_batches([batch.filter(batch["surface"].is_valid())]).group_by(
            ["surface", "norm"]
        )
        rows = pairs.aggregate([])
        surfaces, norms = rows["surface"].to_pylist(), rows["norm"].to_pylist()
        exact, bare = normalise_many(surfaces), normalise_many(surfaces, BARE)
        for i in (i for i, norm in enumerate(bare) if not norm):
            (bare[i],) = normalise_many([surfaces[i]], FOLDED)
        bad = [s for s, e, n, b in zip(surfaces, exact, norms, bare, strict=True) if s != e or n != b]
        wrong, example = wrong + len(bad), example or next(iter(bad), "")
    if wrong:
        yield f"{table}: {many(wrong)} with a surface that does not belong to its norm, such as {example!r}"


def _counted(con: duckdb.DuckDBPyConnection, alias: Tables) -> Iterator[str]:
    """Check that counts are of knowledge bases and sources that there are, and have one row each."""
    kbs, known = len(alias.manifest.kbs), ", ".join(f"'{source}'" for source in SOURCES)
    strange, unknown = ask(
        con,
        f"SELECT count(*) FILTER (kb >= {kbs}), count(*) FILTER (source NOT IN ({known})) FROM counts",
    )[0]
    if strange:
        yield f"counts: {many(strange)} of a knowledge base that the manifest does not name"
    if unknown:
        yield f"counts: {many(unknown)} of an unknown source"
    repeated = ask(
        con,
        "SELECT count(*), min(surface) FROM (SELECT surface FROM counts"
        " GROUP BY norm, surface, kb, eid, source HAVING count(*) > 1)",
    )[0]
    if repeated[0]:
        yield f"counts: {many(repeated[0])} are there more than once, such as of {repeated[1]!r}"


def _distributions(con: duckdb.DuckDBPyConnection, alias: Tables) -> Iterator[str]:
    """Check priors and ranks of each norm, form and knowledge base."""
    kbs = len(alias.manifest.kbs)
    beyond, strange = ask(
        con,
        "SELECT count(*) FILTER (NOT coalesce(prior BETWEEN 0 AND 1, false) OR isnan(prior)),"
        f" count(*) FILTER (kb >= {kbs}) FROM candidates",
    )[0]
    whole = not alias.manifest.settings.get("compat")  # other systems' formulas need not sum to 1
    if beyond and whole:
        yield f"candidates: {many(beyond)} with a prior that is not from 0 to 1"
    if strange:
        yield f"candidates: {many(strange)} of a knowledge base that the manifest does not name"
    off, one, said, gaps, gap = ask(
        con,
        f"SELECT count(*) FILTER (off), min(norm) FILTER (off), arg_min(total, norm) FILTER (off),"
        " count(*) FILTER (gaps), min(norm) FILTER (gaps) FROM ("
        f" SELECT norm, sum(prior::DOUBLE) AS total, NOT coalesce(abs(total - 1) <= {OFF}, false) AS off,"
        " max(rank) + 1 <> count(*) OR count(DISTINCT rank) <> count(*)"
        " OR count(DISTINCT eid) <> count(*) AS gaps FROM candidates GROUP BY norm, form, kb)",
    )[0]
    if off and whole:
        yield f"candidates: the priors of {many(off, 'name')} do not sum to 1; those of {one!r} to {said:.6f}"
    if gaps:
        yield f"candidates: ranks are not 0, 1, 2 … in {many(gaps, 'name')}, such as {gap!r}"
    rises, name = ask(
        con,
        "SELECT count(*), min(norm) FROM (SELECT norm, prior > lag(prior) OVER"
        " (PARTITION BY norm, form, kb ORDER BY rank) AS rises FROM candidates) WHERE rises",
    )[0]
    if rises:
        yield f"candidates: {many(rises)} with a better prior than the rank before, such as of {name!r}"


def _candidates(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Check that every candidate is counted, and under the sources that it names."""
    bit = " ".join(f"WHEN '{source}' THEN {1 << place}" for place, source in enumerate(SOURCES))
    bad, name, bits = ask(
        con,
        "SELECT count(*) FILTER (told IS NULL), min(norm) FILTER (told IS NULL),"
        " count(*) FILTER (sources & ~told <> 0) FROM candidates LEFT JOIN"
        f" (SELECT norm, kb, eid, bit_or(CASE source {bit} ELSE 0 END)::UINTEGER AS told"
        " FROM counts GROUP BY norm, kb, eid) USING (norm, kb, eid)",
    )[0]
    if bad:
        yield f"candidates: {many(bad)} of entities that are not in counts, such as of {name!r}"
    if bits:
        yield f"candidates: {many(bits)} with a source that is not in counts"


def _forms(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Check that `forms` has all spellings and norms of `counts`, once each, and their links."""
    spelt = (
        "SELECT norm, surface, sum(CASE WHEN source = 'anchor' THEN n ELSE 0 END) AS links FROM counts"
        " GROUP BY GROUPING SETS ((norm, surface), (norm))"
    )
    faults = {
        "without a row in forms": "f.linked IS NULL",
        "that are not in counts": "c.links IS NULL",
        "whose links are not those of counts": f"f.linked <> least(c.links, {LARGEST})",
    }
    told = [
        f"count(*) FILTER ({which}), min(coalesce(c.norm, f.norm)) FILTER ({which})"
        for which in faults.values()
    ]
    found = ask(
        con,
        f"SELECT {', '.join(told)} FROM ({spelt}) AS c FULL JOIN forms AS f"
        " ON c.norm = f.norm AND c.surface IS NOT DISTINCT FROM f.surface",
    )[0]
    for what, bad, norm in zip(faults, found[::2], found[1::2], strict=True):
        if bad:
            yield f"forms: {many(bad, 'spelling')} {what}, such as of {norm!r}"
    repeated = ask(
        con, "SELECT count(*) FROM (SELECT 1 FROM forms GROUP BY norm, surface HAVING count(*) > 1)"
    )[0][0]
    if repeated:
        yield f"forms: {many(repeated)} are there more than once"
