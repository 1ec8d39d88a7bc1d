"""Ids that now mean another entity: chains are followed to their end, loops are left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb.keymap import MISSING, KeyMap
from kbtools.kb.parts import Parts
from kbtools.kb.schema import STR, U32

FILE = "work/redirects.arrow"
LONGEST = 32  # hops; a chain that is longer is a loop

SCHEMA = pa.schema([("from_id", STR), ("to_eid", U32), ("kind", STR)])


def resolve(parts: Parts, known: KeyMap) -> tuple[pa.Table, dict[str, Any]]:
    """Return (from_id, to_eid, kind) of all redirects that end at an entity of this base.

    The ids they start from are made `known` under the eid they lead to, so that statements which still
    speak of a merged entity find the one it was merged into. An id that is an entity is no redirect.
    """
    batches = [batch for _, batch in parts.batches("redirects")]
    if not batches:
        return SCHEMA.empty_table(), {}
    staged = pa.Table.from_batches(batches).combine_chunks()
    keys, first = np.unique(staged["key"].to_numpy(), return_index=True)
    staged = staged.take(pa.array(first))
    targets = staged["to"].to_numpy()
    live = known.get(keys) != MISSING
    ends = targets.copy()
    eids = known.get(ends)
    for _ in range(LONGEST):
        lost = np.flatnonzero((eids == MISSING) & ~live)
        place = np.searchsorted(keys, ends[lost])
        place[place == len(keys)] = 0
        leads_on = keys[place] == ends[lost]
        if not leads_on.any():
            break
        ends[lost[leads_on]] = targets[place[leads_on]]
        eids = known.get(ends)
    kept = (eids != MISSING) & ~live
    known.put(keys[kept], eids[kept])
    found = staged.filter(pa.array(kept))
    table = pa.table([found["from_id"], pa.array(eids[kept]), found["kind"]], schema=SCHEMA)
    return table, {"redirects": int(kept.sum()), "redirects elsewhere": int((~kept).sum())}


def save(folder: Path, table: pa.Table) -> None:
    """Write them down, sorted, for the task that makes the table."""
    ordered = table.take(pc.sort_indices(table, [(name, "ascending") for name in SCHEMA.names]))
    with pa.OSFile(str(folder / FILE), "wb") as file, pa.ipc.new_file(file, SCHEMA) as out:
        out.write_table(ordered)
