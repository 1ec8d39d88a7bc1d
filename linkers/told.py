"""What a corpus tells of its links, as numbers: ids become entities of the knowledge bases in use."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb.reader import Base
from kbtools.kb.resolving import resolve
from kbtools.kb.schema import STR
from kbtools.linkers.base import KINDS, Given, Longs


def given(links: pa.Array, bases: Mapping[int, Base], names: list[str]) -> Given | None:
    """Return the links of documents; None if the corpus tells of none.

    An id counts before an eid, and `kb` of a link may be a name of ours or anything else. `names` are the
    knowledge bases in order; without `bases` ids are not looked up.
    """
    if links.null_count == len(links):
        return None
    values = links.flatten()
    text = pc.list_parent_indices(links).to_numpy().astype(np.int32)
    spaces, ids = _field(values, "kb"), _field(values, "id")
    ours = pc.fill_null(pc.index_in(spaces, pa.array(names, STR)), -1).to_numpy().astype(np.int16)
    eid = pc.fill_null(_field(values, "eid").cast(pa.int64()), -1).to_numpy().copy()
    eid[ours < 0] = -1  # a number of something that is not here
    if bases and ids.null_count < len(ids):
        found = resolve(bases, ids, spaces)
        known = found.eid >= 0
        eid[known], ours[known] = found.eid[known], found.kb[known]
    kinds = pc.fill_null(pc.index_in(_field(values, "kind"), pa.array(KINDS, STR)), KINDS.index("anchor"))
    start, end = (_field(values, name).to_numpy().astype(np.int32) for name in ("start", "end"))
    order = _order(text, start, end)
    columns = (text, start, end, ours, eid, kinds.to_numpy().astype(np.uint8))
    return Given(*(column[order] for column in columns))


def _order(text: np.ndarray, start: np.ndarray, end: np.ndarray) -> Longs:
    order: Longs = np.lexsort((-end, start, text))
    return order


def _field(values: pa.StructArray, name: str) -> pa.Array:
    return values.field(values.type.get_field_index(name))
