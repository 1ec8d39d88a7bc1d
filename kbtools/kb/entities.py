"""The rows of the entities table, and the digest that names an id space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from kbtools.kb import degrees
from kbtools.kb.keymap import MISSING
from kbtools.kb.mapping import Mapping
from kbtools.kb.predecessor import TOMBSTONES
from kbtools.kb.schema import TABLES
from kbtools.kb.writer import plain

SCHEMA = plain(TABLES["entities"].schema)


def rows_of_entities(mapping: Mapping) -> Iterator[pa.RecordBatch]:
    """Yield the entities in dump order, then the tombstones of the release before."""
    folder, total = mapping.folder, mapping.numbered.entities
    ends = {f"{side}_degree": degrees.total(folder, side, total) for side in ("in", "out")}
    for _, rows, batch in mapping.parts.numbered("entities"):
        eids = mapping.eids(rows)
        chosen = eids != MISSING
        if chosen.any():
            yield _batch(batch.filter(pa.array(chosen)), eids[chosen], ends)
    if mapping.numbered.old is not None:
        with pa.memory_map(str(folder / TOMBSTONES)) as file, pa.ipc.open_file(file) as found:
            for batch in found.read_all().to_batches():
                yield _batch(batch, batch["eid"].to_numpy(), ends, flags=batch["flags"])


def _batch(
    batch: pa.RecordBatch, eids: Any, ends: dict[str, Any], flags: pa.Array | None = None
) -> pa.RecordBatch:
    zero = np.zeros(len(eids), np.uint64)
    made: dict[str, Any] = {"eid": eids, "flags": zero if flags is None else flags}
    made |= {name: batch[name].fill_null(0) for name in ("sitelinks", "freq")}
    made |= {name: sums[eids] for name, sums in ends.items()}
    columns = []
    for field in SCHEMA:
        column = made[field.name] if field.name in made else batch[field.name]
        columns.append((column if isinstance(column, pa.Array) else pa.array(column)).cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


class IdSpace:
    """Digests ids on their way to the writer; the same however they are batched."""

    def __init__(self) -> None:
        self._state = xxhash.xxh3_128()

    def watch(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Note the ids of sorted entity rows."""
        for batch in batches:
            if batch.num_rows:
                self._state.update("\n".join([*batch["id"].to_pylist(), ""]).encode())
            yield batch

    def digest(self) -> str:
        """Return the name of the id space."""
        return self._state.hexdigest()
