"""What `verify --deep` asks of a knowledge base's rows: order, dense ids, references, derived columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.errors import KbError, ResourceError
from kbtools.kb.reader import Kb
from kbtools.kb.schema import TABLES
from kbtools.kb.views import add_views, ask, connect

NUMBERED = {"entities": "eid", "relations": "rid", "pages": "page"}  # rows are numbered 0, 1, 2 ...
REFERENCES = {  # column → the table whose rows it numbers
    **dict.fromkeys(("eid", "head", "tail", "type", "ancestor", "to_eid", "target"), "entities"),
    **dict.fromkeys(("relation", "inverse_rid"), "relations"),
    "page": "pages",
}


def problems(
    kb: Kb, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield every problem in these `tables` (those whose files are whole), in one sentence each."""
    for table in tables:
        yield from guarded(table, partial(_order, kb, table))
    with connect(kb.path, memory=memory, threads=threads) as con:
        add_views(con, [kb], only=tables)
        statements = sorted(_statement_tables(kb))
        checks: list[tuple[set[str], Callable[[], Iterator[str]]]] = [
            *(({table}, partial(_numbers, con, kb, table)) for table in NUMBERED),
            *(({table}, partial(_references, con, kb, table)) for table in tables),
            ({"entities", "triples"}, partial(_degrees, con)),
            (set(statements), partial(_best, con, statements)),
            ({"qualifiers", *statements}, partial(_qualified, con, statements)),
        ]
        for needed, check in checks:
            if needed and needed <= set(tables):
                yield from guarded(", ".join(sorted(needed)), check)


def guarded(what: str, check: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Yield what a check finds; where it cannot be done, say so."""
    try:
        yield from check()
    except ResourceError:
        raise  # says nothing about the rows
    except KbError as error:
        yield f"{what}: cannot be checked: {error}"


def _order(kb: Kb, table: str) -> Iterator[str]:
    if (spec := TABLES.get(table)) is not None:
        row = out_of_order(kb.scan(table), spec.order)
        if row is not None:
            yield f"{table}: row {row:,} is out of order; rows are sorted by {', '.join(spec.key)}"


def out_of_order(batches: Iterable[pa.RecordBatch], order: list[str]) -> int | None:
    """Return a row that sorts before the row ahead of it, if there is one. Nulls come last."""
    row, last = 0, None
    for batch in batches:
        rows = pa.Table.from_batches([batch] if last is None else [last, batch]).combine_chunks()
        if (at := _inversion(rows, order)) is not None:
            return row + at + (1 if last is None else 0)
        row += batch.num_rows
        last = batch.slice(batch.num_rows - 1) if batch.num_rows else last
    return None


def _inversion(rows: pa.Table, order: list[str]) -> int | None:
    """Return the first of two neighbours that should stand the other way round."""
    ties: npt.NDArray[np.int64] | None = None  # neighbours that agree in all columns so far; None: all
    for name in order:
        column = rows[name]
        if pa.types.is_dictionary(column.type) or pa.types.is_boolean(column.type):
            column = column.cast(pa.uint8() if pa.types.is_boolean(column.type) else column.type.value_type)
        if pa.types.is_nested(column.type):
            return None
        if ties is None:
            one, two = column.slice(0, rows.num_rows - 1), column.slice(1)
        else:
            one, two = column.take(pa.array(ties)), column.take(pa.array(ties + 1))
        no_one, no_two = _mask(pc.is_null(one)), _mask(pc.is_null(two))
        wrong = _mask(pc.greater(one, two)) | (no_one & ~no_two)
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            return at if ties is None else int(ties[at])
        same = np.flatnonzero(_mask(pc.equal(one, two)) | (no_one & no_two))
        ties = same if ties is None else ties[same]
        if not len(ties):
            return None
    return None


def _mask(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(values, False).to_numpy(), dtype=bool)


def _numbers(con: duckdb.DuckDBPyConnection, kb: Kb, table: str) -> Iterator[str]:
    """Check that a table's numbers are 0 … rows − 1, each once, and that its ids are unique.

    An overlay's relations go on where those of its base end.
    """
    key = NUMBERED[table]
    rows, distinct, first, last = ask(
        con, f"SELECT count(*), count(DISTINCT {key}), min({key}), max({key}) FROM {table}"
    )[0]
    begin = first if _goes_on(kb, table) else 0
    if distinct != rows:
        yield f"{table}: {many(rows - distinct)} with a repeated {key}"
    elif rows and last != begin + rows - 1:
        yield f"{table}: {key} is not dense: {many(rows)}, and the last is {last:,}"
    if table == "pages":
        return
    repeated = ask(
        con, f"SELECT id, count(*) FROM {table} GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 3"
    )
    if repeated:
        yield f"{table}: ids are not unique: {', '.join(f'{id_!r} {n} times' for id_, n in repeated)}"


def _goes_on(kb: Kb, table: str) -> bool:
    return kb.manifest.base is not None and table == "relations"


def _references(con: duckdb.DuckDBPyConnection, kb: Kb, table: str) -> Iterator[str]:
    """Check that numbers which name rows of another table are below its row count."""
    columns = [row[0] for row in ask(con, f"DESCRIBE {table}")]
    named = [c for c in columns if c in REFERENCES and NUMBERED.get(table) != c]
    absent = {REFERENCES[c] for c in named} - set(kb.tables)
    if kb.manifest.base is None and kb.rows(table):
        yield from (f"{table}: speaks of {other}, a table that is absent" for other in sorted(absent))
    named = [c for c in named if REFERENCES[c] not in absent and not _goes_on(kb, REFERENCES[c])]
    if named:
        tests = [f"count(*) FILTER ({c} >= {kb.rows(REFERENCES[c])})" for c in named]
        for column, bad in zip(named, ask(con, f"SELECT {', '.join(tests)} FROM {table}")[0], strict=True):
            if bad:
                yield f"{table}: {many(bad)} with a {column} beyond the last of {REFERENCES[column]}"


def _degrees(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for column, end in (("in_degree", "tail"), ("out_degree", "head")):
        bad, eid, said, found = ask(
            con,
            f"SELECT count(*), min(eid), arg_min({column}, eid), arg_min(coalesce(n, 0), eid) FROM entities"
            f" LEFT JOIN (SELECT {end} AS eid, count(*) AS n FROM triples GROUP BY {end}) USING (eid)"
            f" WHERE {column} <> coalesce(n, 0)",
        )[0]
        if bad:
            yield f"entities: {column} is wrong in {many(bad)}; eid {eid} says {said:,}, triples {found:,}"


def _statement_tables(kb: Kb) -> set[str]:
    return {"triples", "literals"} & set(kb.tables)


def _best(con: duckdb.DuckDBPyConnection, tables: list[str]) -> Iterator[str]:
    """Best = preferred if there is any for (head, relation), else normal: over triples and literals alike."""
    rows = " UNION ALL ".join(f"SELECT head, relation, rank, best FROM {table}" for table in tables)
    bad, head, relation = ask(
        con,
        f"WITH said AS ({rows}), top AS (SELECT head, relation, max(rank) AS top FROM said GROUP BY ALL)"
        " SELECT count(*), min(head), arg_min(relation, head) FROM said JOIN top USING (head, relation)"
        " WHERE best <> (rank = top AND rank >= 0)",
    )[0]
    if bad:
        yield (
            f"{', '.join(tables)}: best does not follow from rank in {many(bad)}, "
            f"first for head {head}, relation {relation}"
        )


def _qualified(con: duckdb.DuckDBPyConnection, tables: list[str]) -> Iterator[str]:
    rows = " UNION ALL ".join(f"SELECT statement FROM {table}" for table in tables)
    bad = ask(con, f"SELECT count(*) FROM qualifiers ANTI JOIN ({rows}) USING (statement)")[0][0]
    if bad:
        yield f"qualifiers: {many(bad)} of no statement"


def many(count: int, noun: str = "row") -> str:
    """Write a count and its noun."""
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"
