"""Naming: where ids are text, finds out which entities there are, and gives every id its eid.

Entities are numbered in the order in which the dump first speaks of them. Sorting does it, out of core:
rows by id, to gather what several say of one entity; then entities by their first row. The result is a part
like any other (`kb/staged.py`), whose keys are those numbers; `numbering` goes on from there, so that
releases, redirects and relations work as they do for ids that are numbers. What remains of naming is a file
of all ids and their eids, with which the tables are joined (`kb/joining.py`).

Memory: what DuckDB is given, 4 bytes an entity mapped from disk, and the names of the relations.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kbtools.artefact import Outcome
from kbtools.kb import named, numbering, overlay, staged
from kbtools.kb.database import connect, feed
from kbtools.kb.keymap import MISSING, KeyMap
from kbtools.kb.named import PREFIX
from kbtools.kb.overlay import KEYED, NAMES
from kbtools.kb.parts import NAMED, Part, Parts
from kbtools.kb.quoting import read_parquet
from kbtools.kb.schema import STR, U32
from kbtools.kb.sorting import BATCH

PART = "work/parts/names.part"
IDS = "work/ids.parquet"
NOWHERE = -1  # the key of an id that nothing has

NUMBERS = pa.schema([("id", STR), ("eid", U32), ("own", pa.bool_())])  # own: no redirect
COLUMNS = ("kind", "label", "description", "sitelinks", "freq")  # each takes its first value
FIRST = pa.schema([("entity", STR), ("place", pa.int64())])
DESCRIBED = pa.schema([*named.SCHEMAS["entities"], pa.field("place", pa.int64())])
GATHERED = pa.schema([DESCRIBED.field(name) for name in ("entity", *COLUMNS, "lang")])

Database = Any  # a DuckDB connection; importing its type costs a tenth of a second


def number(
    folder: Path,
    *,
    old: str | None,
    onto: str | None,
    match: str,
    own_names: bool,
    lang: str | None,
    prefixes: list[str],
    memory: int,
) -> Outcome:
    """Give numbers to everything that was staged under names; the results lie in `work/`.

    `match` says what ids are in the base `onto`. With `own_names`, an entity without a label has its id for
    one, in the language `lang`.
    """
    (folder / NAMED).unlink(missing_ok=True)  # left by an attempt that was cut off
    parts = Parts(folder)
    with connect(folder, memory) as database, staged.PartWriter(folder / PART) as out:
        if onto is None:
            _write_names(folder, database, _entities(parts, database, out, own_names=own_names, lang=lang))
            first = entities = pq.read_metadata(folder / NAMES).num_rows
        else:
            first, entities = overlay.write_names(folder / NAMES, database, Path(onto), match), 0
        _redirects(folder, parts, database, out, first)
        earlier = [] if onto is None else overlay.relations(Path(onto))
        _relations(parts, out, known=[row["id"] for row in earlier])
    Parts.save(folder, [Part(path=PART, file="", rows=entities)], NAMED)
    if onto is None:
        done = numbering.number(folder, prefixes=prefixes, old=old, memory=memory)
    else:
        done = overlay.number(folder, Path(onto), memory)
    _write_ids(folder)
    return Outcome(files=[NAMED, PART, IDS, *done.files], facts=done.facts)


def batches(parts: Parts, table: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table that were staged under names, in dump order."""
    for _, batch in parts.batches(PREFIX + table, columns):
        yield batch


def _entities(
    parts: Parts, database: Database, out: staged.PartWriter, *, own_names: bool, lang: str | None
) -> Iterator[pa.RecordBatch]:
    """Stage the entities in the order of their first mention; yield their ids and keys."""
    with feed(FIRST, _mentions(parts)) as mentions:
        database.register("mentions", mentions)
        database.execute(
            "CREATE TABLE first AS SELECT entity, min(place) AS place FROM mentions GROUP BY entity"
        ).fetchall()
    with feed(DESCRIBED, _descriptions(parts)) as rows, database.cursor() as other:
        other.register("rows", rows)
        found = other.sql('FROM rows ORDER BY entity, coalesce("order", 0), place')
        with feed(GATHERED, gather(found.to_arrow_reader(BATCH))) as gathered:
            database.register("gathered", gathered)
            database.execute("CREATE TABLE described AS FROM gathered").fetchall()
    key = 0
    query = "FROM first LEFT JOIN described USING (entity) ORDER BY place"
    for batch in database.sql(query).to_arrow_reader(BATCH):
        keys = np.arange(key, key + batch.num_rows)
        key += batch.num_rows
        columns = {name: batch[name] for name in (*COLUMNS, "lang")}
        columns["kind"] = columns["kind"].fill_null("entity")
        if own_names:
            own = pa.scalar(lang, STR)
            columns["lang"] = pc.if_else(columns["label"].is_null(), own, columns["lang"])
            columns["label"] = pc.coalesce(columns["label"], batch["entity"])
        numbered = {"key": keys, "id": batch["entity"], "chosen": 0}
        out.add("entities", staged.batch(staged.SCHEMAS["entities"], {**columns, **numbered}))
        out.end_block()
        yield pa.RecordBatch.from_arrays([batch["entity"], pa.array(keys)], schema=KEYED)


def _mentions(parts: Parts) -> Iterator[pa.RecordBatch]:
    """Yield all ids that are spoken of, with their places in the dump."""
    for _, places, batch in parts.numbered(PREFIX + "entities", ["entity"]):
        yield pa.RecordBatch.from_arrays([batch["entity"], pa.array(places)], schema=FIRST)


def _descriptions(parts: Parts) -> Iterator[pa.RecordBatch]:
    """Yield the rows that say more of an entity than its id."""
    for _, places, batch in parts.numbered(PREFIX + "entities"):
        bare = np.logical_and.reduce([batch[name].is_null() for name in (*COLUMNS, "lang")])
        if not bare.all():
            rows = pa.RecordBatch.from_arrays([*batch.columns, pa.array(places)], schema=DESCRIBED)
            yield rows.filter(pa.array(~bare))


def gather(descriptions: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Make one row of the rows of each entity, which stand together: the first value of each column.

    The language is that of the label.
    """
    held = DESCRIBED.empty_table()
    for batch in descriptions:
        rows = pa.concat_tables([held, pa.Table.from_batches([batch], DESCRIBED)]).combine_chunks()
        last = pc.not_equal(rows["entity"], rows["entity"][-1]).to_numpy()
        cut = int(last.sum())  # the rows of the last entity may go on in the next batch
        yield from _first_values(rows.slice(0, cut))
        held = rows.slice(cut)
    yield from _first_values(held)


def _first_values(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    if not rows.num_rows:
        return
    ids = rows["entity"].combine_chunks()
    new = np.ones(len(ids), bool)
    new[1:] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(new)
    at = {name: _first_valid(rows[name], starts) for name in (*COLUMNS, "lang")}
    at["lang"] = pc.coalesce(at["label"], at["lang"])
    columns = [ids.take(pa.array(starts))]
    columns += [rows[name].combine_chunks().take(at[name]) for name in (*COLUMNS, "lang")]
    yield pa.RecordBatch.from_arrays(columns, schema=GATHERED)


def _first_valid(column: pa.ChunkedArray, starts: Any) -> pa.Array:
    """Return for each group the row of its first value, null if it has none."""
    none = len(column)
    rows = np.where(column.is_valid().to_numpy(), np.arange(none), none)
    first = np.minimum.reduceat(rows, starts)
    return pa.array(first, mask=first == none)


def _write_names(folder: Path, database: Database, found: Iterator[pa.RecordBatch]) -> None:
    overlay.write_keyed(folder / NAMES, found)
    for table in ("first", "described"):
        database.execute(f"DROP TABLE {table}").fetchall()


def _redirects(folder: Path, parts: Parts, database: Database, out: staged.PartWriter, first: int) -> None:
    """Stage the redirects under keys: ids that are no entities get keys from `first` on."""
    names, schema = folder / NAMES, named.SCHEMAS["redirects"]
    with feed(schema, batches(parts, "redirects")) as found:
        database.register("found", found)
        database.execute(
            'CREATE TABLE redirects AS SELECT from_id, first("to" ORDER BY "to") AS "to", '
            'first(kind ORDER BY "to", kind) AS kind FROM found GROUP BY from_id'
        ).fetchall()
    database.execute(
        f"""
        CREATE VIEW names AS FROM {read_parquet([names])};
        CREATE TABLE further AS
        SELECT from_id AS id, row_number() OVER (ORDER BY from_id) - 1 + {first} AS key
        FROM redirects ANTI JOIN names ON from_id = id;
        """
    ).fetchall()
    keyed = database.sql(
        f"""
        SELECT from_id, coalesce(n.key, f.key) AS key, coalesce(t.key, g.key, {NOWHERE}) AS "to", kind
        FROM redirects r LEFT JOIN names n ON r.from_id = n.id LEFT JOIN further f ON r.from_id = f.id
        LEFT JOIN names t ON r."to" = t.id LEFT JOIN further g ON r."to" = g.id
        ORDER BY from_id
        """
    )
    for batch in keyed.to_arrow_reader(BATCH):
        out.add("redirects", batch.cast(staged.SCHEMAS["redirects"]))
        out.end_block()
    further = database.sql("FROM further ORDER BY id").to_arrow_reader(BATCH)
    overlay.write_keyed(_further(folder), further)


def _relations(parts: Parts, out: staged.PartWriter, known: list[str]) -> None:
    """Stage the relations: first what the dump describes, in its order, then what it only uses, by name."""
    rows: dict[str, dict[str, Any]] = {name: {} for name in known}
    for batch in batches(parts, "relations"):
        for row in batch.to_pylist():
            mine = rows.setdefault(row.pop("relation"), {})
            mine.update({name: value for name, value in row.items() if mine.get(name) is None})
    used: set[str] = set()
    for table in ("triples", "literals", "qualifiers"):
        for batch in batches(parts, table, ["relation"]):
            used.update(pc.unique(batch["relation"]).to_pylist())
    for row in list(rows.values()):
        used.update({row["inverse"]} if row.get("inverse") else ())
    for name in sorted(used - rows.keys()):
        rows[name] = {}
    keys = {name: key for key, name in enumerate(rows)}
    made = [
        {
            "key": keys[name],
            "id": name,
            "label": row.get("label"),
            "description": row.get("description"),
            "inverse": keys.get(row.get("inverse", "")),
        }
        for name, row in rows.items()
    ]
    out.add("relations", pa.RecordBatch.from_pylist(made, schema=staged.SCHEMAS["relations"]))


def _write_ids(folder: Path) -> None:
    """Write down which eid each id stands for: entities, and what redirects to them."""
    known = KeyMap(folder / numbering.KEYS)
    with pq.ParquetWriter(folder / IDS, NUMBERS, compression="lz4") as out:
        for path in (folder / NAMES, _further(folder)):
            for batch in pq.ParquetFile(path).iter_batches(BATCH):
                eids = known.get(batch["key"].to_numpy())
                own = pa.repeat(path.name == Path(NAMES).name, len(eids))
                found = pa.RecordBatch.from_arrays([batch["id"], pa.array(eids), own], schema=NUMBERS)
                out.write_batch(found.filter(pa.array(eids != MISSING)))


def _further(folder: Path) -> Path:
    return folder / "work" / "further.parquet"
