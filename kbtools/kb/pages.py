"""The table of pages: they stand in the dump's order, so that only their eids are looked up.

Memory: 4 bytes a page, mapped from disk, and what DuckDB is given for the look-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from kbtools.artefact import Outcome
from kbtools.kb import arrays
from kbtools.kb.database import connect, feed
from kbtools.kb.keymap import MISSING
from kbtools.kb.named import PREFIX
from kbtools.kb.names import IDS
from kbtools.kb.parts import Parts
from kbtools.kb.quoting import read_parquet
from kbtools.kb.schema import STR, TABLES, U64
from kbtools.kb.sorting import BATCH
from kbtools.kb.writer import plain, write_by

GROUP, FILE = 1 << 12, 1 << 17  # pages in a row group and in a file
EIDS = "work/page_eids.u32"


def build(folder: Path, *, memory: int) -> Outcome:
    """Write `pages`; one without an entity keeps a null."""
    parts = Parts(folder)
    total = sum(part.pages for part in parts.parts)
    eids = arrays.create(folder / EIDS, total, fill=int(MISSING))
    wanted = pa.schema([("page", U64), ("entity", STR)])
    with connect(folder, memory) as database, feed(wanted, _entities_of_pages(parts, wanted)) as found:
        database.register("pages", found)
        joined = database.sql(
            f"SELECT page, eid FROM pages JOIN {read_parquet([folder / IDS])} ids ON entity = ids.id"
        )
        for batch in joined.to_arrow_reader(BATCH):
            eids[batch["page"].to_numpy()] = batch["eid"].to_numpy()
    files = write_by(folder / "new", "pages", _pages(parts, eids), column="page", step=GROUP, file=FILE)
    without = int((eids == MISSING).sum()) if total else 0
    (folder / EIDS).unlink()
    facts = {"pages without an entity": without}
    return Outcome(files=[f"new/{name}" for name in files], facts=facts)


def _entities_of_pages(parts: Parts, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for _, numbers, batch in parts.numbered(PREFIX + "pages", ["entity"]):
        yield pa.RecordBatch.from_arrays([pa.array(numbers, U64), batch["entity"]], schema=schema)


def _pages(parts: Parts, eids: Any) -> Iterator[pa.RecordBatch]:
    for _, numbers, batch in parts.numbered(PREFIX + "pages"):
        mine = eids[numbers]
        columns = {
            "page": pa.array(numbers, pa.uint32()),
            "eid": pa.array(mine, pa.uint32(), mask=mine == MISSING),
        }
        schema = plain(TABLES["pages"].schema)
        yield pa.RecordBatch.from_arrays(
            [columns[f.name] if f.name in columns else batch[f.name] for f in schema], schema=schema
        )
