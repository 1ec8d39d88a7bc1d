"""The texts of entities: label, types and description put together by DuckDB, out of core.

An entity without a label and a description has nothing to say; it is left out and counted, as are
tombstones. The label is the one in the language asked for, else the knowledge base's own; a description is
the one in that language, else the entity's own, else the shortest kind there is (never an example).
"""

from __future__ import annotations

from itertools import chain, combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from kbtools.artefact import Outcome
from kbtools.kb import views
from kbtools.kb.quoting import quote
from kbtools.kb.reader import Base, gather
from kbtools.kb.schema import TOMBSTONE
from kbtools.linkers.index.dense import template as templates

if TYPE_CHECKING:
    import duckdb

FILE = "work/texts.parquet"
BATCH = 1 << 15
SCHEMA = pa.schema(
    [
        ("kb", pa.uint8()), ("eid", pa.uint32()), ("id", pa.string()), ("label", pa.string()),
        ("text", pa.string()), ("digest", pa.uint64()),
    ]
)  # fmt: skip

_KINDS = ("short", "gloss", "definition", "abstract")


def write(
    folder: Path,
    *,
    paths: list[str],
    template: str,
    lang: str | None,
    types: int,
    max_chars: int,
    memory: int | None,
    threads: int,
) -> Outcome:
    """Write the texts of all entities of the knowledge bases at `paths`, by kb and eid."""
    entities = tombstones = rows = 0
    with pq.ParquetWriter(folder / FILE, SCHEMA, compression="zstd", compression_level=1) as out:
        for kb, base in enumerate(gather(paths)):
            with views.connect(folder / FILE, memory=memory, threads=threads) as con:
                needed = ("entities", "labels", "descriptions", "types")
                views.add_views(con, base.parts, only=needed)
                entities += views.ask_one(con, "SELECT count(*) FROM entities")
                tombstones += views.ask_one(
                    con, f"SELECT count(*) FROM entities WHERE flags & {TOMBSTONE} > 0"
                )
                _prepare(con, base, lang, types if "types" in templates.parts(template) else 0)
                with views.told():
                    found = con.sql(_query(kb, template, max_chars)).to_arrow_reader(BATCH)
                    for batch in found:
                        out.write_batch(batch.cast(SCHEMA))
                        rows += batch.num_rows
    facts = {"entities": entities, "tombstones": tombstones, "texts": rows}
    return Outcome(files=[FILE], facts={**facts, "without text": entities - tombstones - rows})


def _prepare(con: duckdb.DuckDBPyConnection, base: Base, lang: str | None, types: int) -> None:
    """Lay out one row per entity for each part of the texts."""
    tables = set(base.tables)
    label, description = "nullif(trim(label), '')", "nullif(trim(description), '')"
    wanted = f"WHERE lang = {quote(lang)}" if lang else "WHERE false"
    labels = f"SELECT eid, min(text) AS text FROM labels {wanted} GROUP BY eid"
    none = "SELECT 0::UINTEGER AS eid, NULL::VARCHAR AS text WHERE false"
    views.ask(
        con,
        f"CREATE TABLE named AS SELECT eid, id, coalesce(l.text, {label}) AS label, "
        f"{description} AS own FROM entities "
        f"LEFT JOIN ({labels if 'labels' in tables else none}) l USING (eid) "
        f"WHERE flags & {TOMBSTONE} = 0",
    )
    rank = " ".join(f"WHEN {quote(kind)} THEN {place}" for place, kind in enumerate(_KINDS))
    first = f"lang <> {quote(lang)}" if lang else "true"
    told = (
        f"SELECT eid, min({{'other': {first}, 'kind': CASE kind {rank} END, 'lang': lang, 'text': text}}) "
        f"AS best FROM descriptions WHERE kind <> 'example' AND trim(text) <> '' GROUP BY eid"
    )
    empty = "SELECT 0::UINTEGER AS eid, {'other': true, 'text': NULL::VARCHAR} AS best WHERE false"
    views.ask(con, f"CREATE TABLE told AS {told if 'descriptions' in tables else empty}")
    ours = (
        f"SELECT t.eid, array_to_string(list(n.label ORDER BY t.type)[:{types}], ', ') AS names "
        "FROM types t JOIN named n ON n.eid = t.type WHERE n.label IS NOT NULL GROUP BY t.eid"
    )
    empty = "SELECT 0::UINTEGER AS eid, NULL::VARCHAR AS names WHERE false"
    views.ask(con, f"CREATE TABLE classed AS {ours if types and 'types' in tables else empty}")


def _query(kb: int, template: str, max_chars: int) -> str:
    """Return the SQL that fills the template; each set of missing parts has a row of the CASE."""
    used = templates.parts(template)
    subsets = chain.from_iterable(combinations(used, size) for size in range(len(used)))
    cases = []
    for missing in map(set, subsets):
        pieces = templates.without(template, missing)
        tests = " AND ".join(f"{part} IS {'' if part in missing else 'NOT '}NULL" for part in used)
        cases.append(f"WHEN {tests} THEN {_filled(pieces)}")
    speaking = " OR ".join(f"{part} IS NOT NULL" for part in used if part in templates.SPEAKING)
    return (
        f"SELECT {kb}::UTINYINT AS kb, eid, id, label, left(text, {max_chars}) AS text, "
        f"md5_number_lower(left(text, {max_chars}))::UBIGINT AS digest FROM ("
        f"SELECT eid, id, label, CASE {' '.join(cases)} END AS text FROM ("
        "SELECT eid, id, label, names AS types, "
        "CASE WHEN best.other OR best IS NULL THEN coalesce(own, best.text) ELSE best.text END "
        "AS description FROM named LEFT JOIN told USING (eid) LEFT JOIN classed USING (eid)) "
        f"WHERE {speaking}) ORDER BY eid"
    )


def _filled(pieces: list[tuple[str, str | None]]) -> str:
    found = [sql for text, part in pieces for sql in ((quote(text) if text else None), part) if sql]
    return " || ".join(found) or "''"
