"""The release before (`--ids-from`): its ids keep their eids, and what vanished stays as a tombstone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from kbtools.artefact import Manifest, manifest
from kbtools.errors import ArtefactError
from kbtools.kb import arrays, redirects
from kbtools.kb.database import connect, feed
from kbtools.kb.keymap import MISSING
from kbtools.kb.parts import Parts
from kbtools.kb.schema import KIND, TOMBSTONE

OLD_EIDS, TOMBSTONES = "work/old_eids.u32", "work/tombstones.arrow"

Array = np.ndarray[Any, Any]


def read(path: Path) -> Manifest:
    """Read the manifest of a knowledge base that can go before another: one with entities of its own."""
    found = manifest.read(path, KIND)
    if found.base is not None:
        raise ArtefactError(f"{path} is an overlay of {found.base.name}; give the base instead")
    return found


class Predecessor:
    """Joins the staged rows with an older knowledge base by id, once, out of core."""

    def __init__(self, path: Path, folder: Path, parts: Parts, memory: int) -> None:
        self.path, self.folder, self.parts, self.memory = path, folder, parts, memory
        self.manifest = read(path)
        self.entities = self.manifest.tables["entities"].rows
        self._present = np.zeros(self.entities, bool)
        self._eids = arrays.create(folder / OLD_EIDS, parts.rows, fill=int(MISSING))
        with self._staged_ids() as staged, connect(folder, memory) as database:
            database.register("staged", staged)
            database.register("old", self._scan("entities", ["eid", "id"]))
            found = database.sql("SELECT row, eid FROM staged JOIN old USING (id)")
            for batch in found.to_arrow_reader(1 << 16):
                self._eids[batch["row"].to_numpy()] = batch["eid"].to_numpy()

    def take(self, rows: Array) -> Array:
        """Return the eids that these rows had, MISSING for the new, and note that they live on."""
        eids = np.asarray(self._eids[rows])
        self._present[eids[eids != MISSING]] = True
        return eids

    def relations(self) -> list[dict[str, Any]]:
        """Return the rows of the old relations."""
        return self._scan("relations").read_all().to_pylist() if "relations" in self.manifest.tables else []

    def close(self, moved: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
        """Write the tombstones; return all redirects: the new, the old that still hold, the retired ids."""
        gone, kept = self._write_tombstones(), redirects.SCHEMA.empty_table()
        if "redirects" in self.manifest.tables:
            kept = self._scan("redirects").read_all().cast(redirects.SCHEMA)
        with self._staged_ids() as staged, connect(self.folder, self.memory) as database:
            for name, table in (("new", moved), ("gone", gone), ("kept", kept)):
                database.register(name, table)
            database.register("staged", staged)
            live = "CREATE TABLE live AS SELECT id FROM staged SEMI JOIN kept ON id = from_id"
            database.execute(live).fetchall()
            retired = database.sql(_REDIRECTS).to_arrow_table()
        counts = {"tombstones": gone.num_rows, "ids kept": int(self._present.sum())}
        return retired.cast(redirects.SCHEMA), counts

    def _write_tombstones(self) -> pa.Table:
        absent = np.flatnonzero(~self._present)
        rows = [
            batch.filter(pa.array(~self._present[batch["eid"].to_numpy()]))
            for batch in self._scan("entities")
        ]
        schema = self._scan("entities").schema
        gone = pa.Table.from_batches(rows, schema)
        flags = pa.array(gone["flags"].to_numpy() | np.uint16(TOMBSTONE), pa.uint16())
        gone = gone.set_column(schema.get_field_index("flags"), schema.field("flags"), flags)
        plain = pa.schema([f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f for f in schema])
        gone = gone.cast(plain)
        with pa.OSFile(str(self.folder / TOMBSTONES), "wb") as file, pa.ipc.new_file(file, plain) as out:
            out.write_table(gone)
        if gone.num_rows != len(absent):
            raise ArtefactError(f"{self.path}: its eids are not dense; run kbtools verify --deep on it")
        return gone.select(["eid", "id"])

    def _staged_ids(self) -> AbstractContextManager[pa.RecordBatchReader]:
        def batches() -> Iterator[pa.RecordBatch]:
            for _, rows, batch in self.parts.numbered("entities", ["id"]):
                yield pa.RecordBatch.from_arrays([pa.array(rows, pa.uint32()), batch["id"]], schema=schema)

        schema = pa.schema([("row", pa.uint32()), ("id", pa.string())])
        return feed(schema, batches())

    def _scan(self, table: str, columns: list[str] | None = None) -> pa.RecordBatchReader:
        files = [self.path / file.path for file in self.manifest.tables[table].files]
        found = ds.dataset(files, schema=pq.read_schema(files[0]))
        return found.scanner(columns, use_threads=False).to_reader()


# An old redirect to an entity that has been merged since leads to where that one went.
_REDIRECTS = """
WITH merged AS (SELECT gone.eid, new.to_eid FROM gone JOIN new ON gone.id = new.from_id),
carried AS (
    SELECT kept.from_id, coalesce(merged.to_eid, kept.to_eid) AS to_eid, kept.kind
    FROM kept LEFT JOIN merged ON kept.to_eid = merged.eid
    WHERE kept.kind <> 'retired'
      AND kept.from_id NOT IN (SELECT from_id FROM new) AND kept.from_id NOT IN (SELECT id FROM live)
)
SELECT from_id, to_eid, kind FROM new
UNION ALL SELECT from_id, to_eid, kind FROM carried
UNION ALL SELECT id, eid, 'retired' FROM gone
    WHERE id NOT IN (SELECT from_id FROM new) AND id NOT IN (SELECT from_id FROM carried)
"""
