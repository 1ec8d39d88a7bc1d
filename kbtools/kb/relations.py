"""Relations: the properties a dump describes, and those that it only uses, get their rids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kbtools.kb import keymap
from kbtools.kb.keymap import MISSING
from kbtools.kb.parts import Parts
from kbtools.kb.schema import TABLES

FILE, KEYS, RIDS = "work/relations.arrow", "work/relations.i64", "work/relations.u32"

Row = dict[str, Any]


def number(folder: Path, parts: Parts, old: list[Row] | None, prefixes: list[str]) -> dict[str, Any]:
    """Give rids in the order of the keys; those of an older release stay, new ones are appended."""
    described: dict[int, Row] = {}
    for _, batch in parts.batches("relations"):
        for row in batch.to_pylist():
            described.setdefault(row["key"], row)
    for _, batch in parts.batches("used"):
        for key in set(batch["key"].to_pylist()) - described.keys():
            described[key] = {"key": key, "id": keymap.id_of(key, prefixes)}
    rids = {row["id"]: row["rid"] for row in old or ()}
    keys = sorted(described)
    for key in keys:
        rids.setdefault(described[key]["id"], len(rids))
    rid_of_key = {key: rids[described[key]["id"]] for key in keys}
    rows: dict[int, Row] = {row["rid"]: row for row in old or ()}
    for key in keys:
        found = described[key]
        rid = rid_of_key[key]
        rows[rid] = {
            "rid": rid,
            "id": found["id"],
            "label": found.get("label"),
            "description": found.get("description"),
            "inverse_rid": rid_of_key.get(found.get("inverse", MISSING)),
        }
    table = pa.Table.from_pylist([rows[rid] for rid in sorted(rows)], schema=TABLES["relations"].schema)
    with pa.OSFile(str(folder / FILE), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
        out.write_table(table)
    # not np.save: on a full disk it raises an error that does not say so
    (folder / KEYS).write_bytes(np.array(keys, np.int64).tobytes())
    (folder / RIDS).write_bytes(np.array([rid_of_key[key] for key in keys], np.uint32).tobytes())
    return {"relations": len(rows)}


class Relations:
    """Keys of relations to rids, for whole columns."""

    def __init__(self, folder: Path) -> None:
        self._keys = np.fromfile(folder / KEYS, np.int64)
        self._rids = np.fromfile(folder / RIDS, np.uint32)

    def get(self, keys: Any) -> Any:
        """Return the rid of each key, MISSING where there is none."""
        if not len(self._keys):
            return np.full(len(keys), MISSING, np.uint32)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[place] == keys, self._rids[place], MISSING)
