"""Overlays (`--onto`): rows that speak of another base's entities. They add tables, never entities.

Ids are looked up in the base: among its ids and what redirects to them, or among the titles that its
entities have on one site. Relations that the base knows keep their rids, others are numbered after them; so
are statements. A record about something that the base does not have is rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools.artefact import Manifest, Outcome, manifest
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb import keymap, numbering, redirects
from kbtools.kb import relations as relation_table
from kbtools.kb.database import connect, feed
from kbtools.kb.keymap import KeyMap
from kbtools.kb.named import PREFIX
from kbtools.kb.parts import Parts
from kbtools.kb.quoting import read_parquet
from kbtools.kb.reader import Kb
from kbtools.kb.schema import KIND, STR, TABLES
from kbtools.kb.sorting import BATCH
from kbtools.kb.union import end_of_statements
from kbtools.kb.writer import plain

NAMES = "work/names.parquet"  # ids and their keys
KEYED = pa.schema([("id", STR), ("key", pa.int64())])
BLOCK = 1 << 20
REJECTS = plain(TABLES["rejects"].schema)


def read(path: Path, match: str = "id") -> Manifest:
    """Read the manifest of a base that can bear an overlay whose ids are what `match` says."""
    found = manifest.read(path, KIND)
    if found.base is not None:
        raise ArtefactError(f"{path} is an overlay of {found.base.name} itself; give that base")
    site = _site(match)
    if site and not Kb(path).rows("sitelinks"):
        raise ConfigError(f"--onto {path}: it has no sitelinks to find {site} titles by")
    return found


def _site(match: str) -> str | None:
    kind, _, site = match.partition(":")
    return site if kind == "site" else None


def write_keyed(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write ids and their keys."""
    with pq.ParquetWriter(path, KEYED, compression="lz4") as out:
        for batch in batches:
            out.write_batch(batch.cast(KEYED))


def write_names(path: Path, database: Any, onto: Path, match: str) -> int:
    """Write what names the base's entities, each with the eid as its key; return how many entities it has."""
    base = Kb(onto)
    if site := _site(match):
        query = f"SELECT title AS id, eid FROM {_files(base, 'sitelinks')} WHERE site = $site"
        values = {"site": site}
    else:
        query, values = f"SELECT id, eid FROM {_files(base, 'entities')} e", {}
        if base.rows("redirects"):  # a tombstone's id is found here too: it means what it was merged into
            moved = _files(base, "redirects")
            query += f" ANTI JOIN {moved} m ON e.id = m.from_id UNION ALL SELECT from_id, to_eid FROM {moved}"
    found = database.sql(
        f"SELECT id, min(eid)::BIGINT AS key FROM ({query}) GROUP BY id ORDER BY key, id", params=values
    )
    write_keyed(path, found.to_arrow_reader(BATCH))
    return base.rows("entities")


def relations(onto: Path) -> list[dict[str, Any]]:
    """Return the relations of the base."""
    base = Kb(onto)
    return base.table("relations").to_pylist() if base.rows("relations") else []


def only_new(query: str, onto: Path, table: str) -> str:
    """Leave out of some rows what the base says already; it has a label in a language, or has not."""
    base = Kb(onto)
    if not base.rows(table):
        return query
    columns = ["eid", "lang"] if table == "labels" else TABLES[table].schema.names
    same = " AND ".join(f'mine."{name}" IS NOT DISTINCT FROM base."{name}"' for name in columns)
    return f"SELECT mine.* FROM ({query}) mine ANTI JOIN {_files(base, table)} base ON {same}"


def number(folder: Path, onto: Path, memory: int) -> Outcome:
    """Do for an overlay what `numbering.number` does for a base: eids are the base's."""
    parts, base = Parts(folder), Kb(onto)
    entities = base.rows("entities")
    pages = keymap.Pages()
    for low in range(0, entities, BLOCK):
        pages.mark(np.arange(low, min(low + BLOCK, entities)))
    for _, batch in parts.batches("redirects", ["key"]):
        pages.mark(batch["key"].to_numpy())
    known = KeyMap.create(folder / numbering.KEYS, pages)
    for low in range(0, entities, BLOCK):
        eids = np.arange(low, min(low + BLOCK, entities))
        known.put(eids, eids)
    moved, counts = redirects.resolve(parts, known)
    redirects.save(folder, moved)
    earlier = relations(onto)
    counts |= relation_table.number(folder, parts, earlier, [])
    unknown = _unknown(folder, parts, base, moved, memory)
    numbered = numbering.Numbered(
        entities=entities,
        in_order=False,
        bounds=[0],
        prefixes=[],
        relations=len(earlier),
        statements=end_of_statements(base),
    )
    (folder / numbering.NUMBERED).write_bytes(msgspec.json.encode(numbered))
    made = [numbering.NUMBERED, numbering.DUPLICATES, redirects.FILE]
    made += [relation_table.FILE, relation_table.KEYS, relation_table.RIDS]
    made += [f"{numbering.KEYS}/{path.name}" for path in sorted((folder / numbering.KEYS).iterdir())]
    return Outcome(files=made, facts={"repeated": unknown, **counts})


def _unknown(folder: Path, parts: Parts, base: Kb, moved: pa.Table, memory: int) -> int:
    """Write rejects for what the base does not have; pages need no entity, and tails are kept as text."""
    mentions = pa.schema([("entity", STR), ("file", STR), ("line", pa.uint64())])
    count = 0
    with (
        connect(folder, memory) as database,
        feed(mentions, _mentions(parts, mentions)) as mentioned,
        _column(parts, "pages", "entity") as pages,
        _column(parts, "triples", "tail") as tails,
        pa.OSFile(str(folder / numbering.DUPLICATES), "wb") as file,
        pa.ipc.new_file(file, REJECTS) as out,
    ):
        for name, rows in (("mentioned", mentioned), ("pages", pages), ("tails", tails), ("moved", moved)):
            database.register(name, rows)
        database.execute(
            f"""
            CREATE TABLE unknown AS FROM mentioned m
            ANTI JOIN {read_parquet([folder / NAMES])} n ON m.entity = n.id
            ANTI JOIN moved ON m.entity = from_id
            """
        ).fetchall()
        found = database.sql(
            """
            SELECT file, min(line) AS line, NULL::UBIGINT AS byte, $reason AS reason, entity[:200] AS snippet
            FROM unknown u ANTI JOIN pages ON u.entity = pages.entity ANTI JOIN tails ON u.entity = tail
            GROUP BY u.entity, file ORDER BY file, line, snippet
            """,
            params={"reason": f"{base.name} has no such entity, and an overlay adds none"},
        )
        for batch in found.to_arrow_reader(BATCH):
            count += batch.num_rows
            out.write_batch(batch.cast(REJECTS))
    return count


def _mentions(parts: Parts, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the entities that the dump speaks of, with file and, where it is known, line."""
    for part, batch in parts.batches(PREFIX + "entities", ["entity", "line"]):
        files = pa.repeat(part.file, batch.num_rows)
        yield pa.RecordBatch.from_arrays(
            [batch["entity"], files, numbering.lines(part, batch)], schema=schema
        )


def _column(parts: Parts, table: str, column: str) -> AbstractContextManager[pa.RecordBatchReader]:
    batches = (batch for _, batch in parts.batches(PREFIX + table, [column]))
    return feed(pa.schema([(column, STR)]), batches)


def _files(base: Kb, table: str) -> str:
    return read_parquet([path.absolute() for path in base.files(table)])
