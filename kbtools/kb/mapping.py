"""Staged rows to final rows: local numbers and keys become eids and rids, rows of left-out entities go.

Row order is kept; sorting comes after (`finish.py`). A statement whose value is an entity outside the base
becomes a literal that keeps the id as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb import arrays, keymap, numbering
from kbtools.kb.keymap import MISSING, KeyMap
from kbtools.kb.parts import Part, Parts, rows_of
from kbtools.kb.relations import Relations
from kbtools.kb.schema import TABLES
from kbtools.kb.writer import plain

OUTSIDE = "entity-id"  # the datatype of a reference to an entity that is not in the base

Array = np.ndarray[Any, Any]


class Mapping:
    """The numbering of one staging folder, applied to staged batches."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.parts = folder, Parts(folder)
        self.numbered = numbering.load(folder)
        self._eids = arrays.open_array(folder / numbering.EIDS)
        self._keys = KeyMap(folder / numbering.KEYS)
        self._relations = Relations(folder)

    def eids(self, rows: Array) -> Array:
        """Return the eid of each global entity row, MISSING for those left out."""
        found: Array = self._eids[rows]
        return found

    def table(self, name: str, first: int = 0, end: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the final rows of a table that belong to the entity rows from `first` up to `end`."""
        stop = self.parts.rows if end is None else end
        make = getattr(self, f"_{name}", self._by_row)
        for part, batch in self.parts.between(name, first, stop):
            yield from self._some(make(name, part, batch))
        if name == "literals":
            for part, batch in self.parts.between("triples", first, stop):
                yield from self._some(self._outside(part, batch))

    def _some(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        if batch.num_rows:
            yield batch

    def _by_row(self, name: str, part: Part, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Map a table whose only number is the entity's: row → eid."""
        eids = self.eids(rows_of(part, batch))
        return _final(name, eids != MISSING, batch, eid=eids)

    def _types(self, name: str, part: Part, batch: pa.RecordBatch) -> pa.RecordBatch:
        eids, types = self.eids(rows_of(part, batch)), self._keys.get(batch["type"].to_numpy())
        return _final(name, (eids != MISSING) & (types != MISSING), batch, eid=eids, type=types)

    def _triples(self, name: str, part: Part, batch: pa.RecordBatch) -> pa.RecordBatch:
        heads, tails = self.eids(rows_of(part, batch)), self._keys.get(batch["tail"].to_numpy())
        return _final(
            name,
            (heads != MISSING) & (tails != MISSING),
            batch,
            head=heads,
            relation=self._relations.get(batch["relation"].to_numpy()),
            tail=tails,
            statement=_statements(part, batch),
        )

    def _literals(self, name: str, part: Part, batch: pa.RecordBatch) -> pa.RecordBatch:
        heads = self.eids(rows_of(part, batch))
        relation = self._relations.get(batch["relation"].to_numpy())
        return _final(
            name, heads != MISSING, batch, head=heads, relation=relation, statement=_statements(part, batch)
        )

    def _outside(self, part: Part, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Statements whose value is not in the base, as literals."""
        heads, keys = self.eids(rows_of(part, batch)), batch["tail"].to_numpy()
        keep = (heads != MISSING) & (self._keys.get(keys) == MISSING)
        batch, keys = batch.filter(pa.array(keep)), keys[keep]
        return _final(
            "literals",
            np.ones(len(keys), bool),
            batch,
            head=heads[keep],
            relation=self._relations.get(batch["relation"].to_numpy()),
            statement=_statements(part, batch),
            datatype=pa.repeat(OUTSIDE, len(keys)),
            value=self._ids(keys),
        )

    def _qualifiers(self, name: str, part: Part, batch: pa.RecordBatch) -> pa.RecordBatch:
        keep = self.eids(rows_of(part, batch)) != MISSING
        batch = batch.filter(pa.array(keep))
        entity = batch["tail"].is_valid().to_numpy(zero_copy_only=False)
        keys = batch["tail"].fill_null(-1).to_numpy()
        tails = self._keys.get(keys)
        outside = entity & (tails == MISSING)
        datatype, value = batch["datatype"], batch["value"]
        if outside.any():
            mask = pa.array(outside)
            datatype = pc.if_else(mask, OUTSIDE, datatype)
            value = pc.replace_with_mask(value, mask, self._ids(keys[outside]))
        return _final(
            name,
            np.ones(len(keys), bool),
            batch,
            statement=_statements(part, batch),
            relation=self._relations.get(batch["relation"].to_numpy()),
            tail=pa.array(tails, mask=tails == MISSING),
            datatype=datatype,
            value=value,
        )

    def _ids(self, keys: Array) -> Any:
        """Return the ids that keys stand for."""
        spaces, indices = keymap.split(keys)
        letters = pa.array(self.numbered.prefixes).take(pa.array(spaces))
        return pc.binary_join_element_wise(letters, pa.array(indices).cast(pa.string()), "")


def _statements(part: Part, batch: pa.RecordBatch) -> Any:
    return batch["statement"].to_numpy().astype(np.uint64) + np.uint64(part.statement)


def _final(table: str, keep: Array, batch: pa.RecordBatch, **columns: Any) -> pa.RecordBatch:
    """Make rows of the plain final schema: `columns` where given, else the batch's own, else null."""
    schema = plain(TABLES[table].schema)
    staged = set(batch.schema.names)
    arrays = []
    for field in schema:
        if field.name in columns:
            column = columns[field.name]
        elif field.name in staged:
            column = batch[field.name]
        else:
            column = pa.nulls(batch.num_rows, field.type)
        array = column if isinstance(column, pa.Array) else pa.array(column)
        arrays.append(array if array.type == field.type else array.cast(field.type))
    whole = pa.RecordBatch.from_arrays(arrays, schema=schema)
    return whole if keep.all() else whole.filter(pa.array(keep))
