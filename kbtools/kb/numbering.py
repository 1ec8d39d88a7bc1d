"""Numbering: every staged entity row gets its eid, every relation its rid, every old id its new meaning.

Without a predecessor, eids follow the dump. With one (`--ids-from`), every id it knew keeps its eid, new
ids are appended in dump order, and ids that have vanished stay as tombstones. Repeated ids are refused:
the first one in the dump counts.

Memory: 4 bytes an entity row, mapped from disk; redirects (some millions) are held.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Outcome
from kbtools.kb import arrays, keymap, redirects, relations
from kbtools.kb.keymap import MISSING, KeyMap
from kbtools.kb.parts import Part, Parts
from kbtools.kb.predecessor import TOMBSTONES, Predecessor
from kbtools.kb.schema import TABLES

GROUP = 1 << 13  # eids in a row group of a table sorted by eid: 1.5 M statements of the richest in Wikidata
FILE = 1 << 17  # eids in a file

KEEP, EIDS, KEYS, NUMBERED = "work/keep.npy", "work/eids.u32", "work/keys", "work/numbered.json"
DUPLICATES = "work/duplicates.arrow"

Array = np.ndarray[Any, Any]


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """What the later tasks need to know about the numbering."""

    entities: int
    in_order: bool  # eids ascend with the rows of the dump
    bounds: list[int]  # the first row of each GROUP entities in dump order, and the end
    prefixes: list[str]  # of ids, by key space; none where ids are text (`names.py`)
    old: str | None = None
    relations: int = 0  # of the base, where this is an overlay: the rids before its own
    statements: int = 0  # of the base


def number(folder: Path, *, prefixes: list[str], old: str | None, memory: int) -> Outcome:
    """Give numbers to everything that was staged; the results lie in `work/`."""
    parts = Parts(folder)
    predecessor = Predecessor(Path(old), folder, parts, memory) if old else None
    known = _create_map(folder, parts)
    rows = Rows(folder, parts, known, predecessor)
    rows.number()
    moved, counts = redirects.resolve(parts, known)
    if predecessor:
        moved, more = predecessor.close(moved)
        counts |= more
    redirects.save(folder, moved)
    earlier = predecessor.relations() if predecessor else None
    counts |= relations.number(folder, parts, earlier, prefixes)
    numbered = Numbered(
        entities=rows.entities,
        in_order=predecessor is None,
        bounds=rows.bounds,
        prefixes=prefixes,
        old=old,
    )
    (folder / NUMBERED).write_bytes(msgspec.json.encode(numbered))
    made = [NUMBERED, EIDS, DUPLICATES, redirects.FILE, relations.FILE, relations.KEYS, relations.RIDS]
    made += [f"{KEYS}/{path.name}" for path in sorted((folder / KEYS).iterdir())]
    made += [TOMBSTONES] if predecessor else []
    return Outcome(files=made, facts={"entities": rows.entities, "repeated": rows.repeated, **counts})


class Rows:
    """Goes through the staged entities in dump order and gives each its eid."""

    def __init__(self, folder: Path, parts: Parts, known: KeyMap, predecessor: Predecessor | None) -> None:
        self.folder, self.parts, self.known, self.predecessor = folder, parts, known, predecessor
        self.entities = predecessor.entities if predecessor else 0
        self.repeated = self._chosen = 0
        self.bounds = [0]
        self._keep = np.load(folder / KEEP, mmap_mode="r") if (folder / KEEP).exists() else None
        self._eids = arrays.create(folder / EIDS, parts.rows, fill=int(MISSING))

    def number(self) -> None:
        """Fill the eids of all rows; rows that are left out stay MISSING."""
        schema = TABLES["rejects"].schema
        with pa.OSFile(str(self.folder / DUPLICATES), "wb") as file, pa.ipc.new_file(file, schema) as out:
            for part, rows, batch in self.parts.numbered("entities", ["key", "id", "line"]):
                again = self._take(rows, batch["key"].to_numpy())
                if again.any():
                    self.repeated += int(again.sum())
                    out.write_batch(_duplicate_rows(part, batch.filter(pa.array(again))))
        self.bounds.append(self.parts.rows)

    def _take(self, rows: Array, keys: Array) -> Any:
        """Give numbers to some rows; return which of them repeat an id."""
        chosen = np.ones(len(keys), bool) if self._keep is None else self._keep[rows].copy()
        again = chosen & ((self.known.get(keys) != MISSING) | _repeats(keys, chosen))
        chosen &= ~again
        eids = np.full(len(keys), MISSING, np.uint32)
        if self.predecessor:
            eids[chosen] = self.predecessor.take(rows[chosen])
        fresh = chosen & (eids == MISSING)
        eids[fresh] = np.arange(self.entities, self.entities + fresh.sum())
        self.entities += int(fresh.sum())
        places = self._chosen + np.cumsum(chosen) - 1
        self._chosen += int(chosen.sum())
        self.bounds += rows[chosen & (places % GROUP == 0) & (places > 0)].tolist()
        self._eids[rows] = eids
        self.known.put(keys[chosen], eids[chosen])
        return again


def load(folder: Path) -> Numbered:
    """Read what `number` found."""
    return msgspec.json.decode((folder / NUMBERED).read_bytes(), type=Numbered)


def _create_map(folder: Path, parts: Parts) -> KeyMap:
    pages = keymap.Pages()
    for table in ("entities", "redirects"):
        for _, batch in parts.batches(table, ["key"]):
            pages.mark(batch["key"].to_numpy())
    return KeyMap.create(folder / KEYS, pages)


def _repeats(keys: Array, chosen: Array) -> Array:
    """Mark keys that stand among the chosen ones of the same batch before."""
    repeats = np.zeros(len(keys), bool)
    places = np.flatnonzero(chosen)
    _, firsts = np.unique(keys[places], return_index=True)
    repeats[np.delete(places, firsts)] = True
    return repeats


def lines(part: Part, batch: pa.RecordBatch) -> pa.Array:
    """Return the line numbers of staged rows, from 1; null where they are not known."""
    if part.line is None:
        return pa.nulls(batch.num_rows, pa.uint64())
    return pc.add(batch["line"], pa.scalar(part.line + 1, pa.uint64()))


def _duplicate_rows(part: Part, batch: pa.RecordBatch) -> pa.RecordBatch:
    rows = batch.num_rows
    reason = pc.binary_join_element_wise(batch["id"], "again: the first entity of this id counts", " ")
    columns = [
        pa.repeat(part.file, rows),
        lines(part, batch),
        pa.nulls(rows, pa.uint64()),
        reason,
        batch["id"],
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TABLES["rejects"].schema)
