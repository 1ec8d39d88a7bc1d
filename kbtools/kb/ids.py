"""From numbers back to ids and labels: what an entity is called outside of an artefact."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.kb.reader import Kb
from kbtools.kb.schema import STR

GROUPS = 64  # row groups held, of all knowledge bases: 2¹⁸ ids each


class Ids:
    """Ids and labels of the entities of a knowledge base, read row group by row group when asked for."""

    def __init__(self, kb: Kb) -> None:
        self._groups: list[tuple[str, str, int]] = []
        content = kb.manifest.content  # another may be made at the same place later
        sizes = []
        for path in kb.files("entities"):
            with pq.ParquetFile(path) as file:
                facts = [file.metadata.row_group(at).num_rows for at in range(file.metadata.num_row_groups)]
            self._groups += [(str(path.absolute()), content, at) for at in range(len(facts))]
            sizes += facts
        self._begins = np.cumsum([0, *sizes])

    def __len__(self) -> int:
        return int(self._begins[-1])

    def take(self, eids: NDArray[np.integer[Any]], column: str = "id") -> pa.StringArray:
        """Return the ids (or labels) of entities; null for −1 and for numbers that no entity has."""
        known = np.flatnonzero((eids >= 0) & (eids < len(self)))
        distinct, back = np.unique(eids[known], return_inverse=True)
        group = np.searchsorted(self._begins, distinct, side="right") - 1
        parts: list[pa.Array] = [pa.array([], STR)]
        for number in np.unique(group).tolist():
            rows = distinct[group == number] - self._begins[number]
            parts.append(_column(*self._groups[number], column).take(pa.array(rows.astype(np.int64))))
        place = np.full(len(eids), -1, np.int64)
        place[known] = back
        return pa.concat_arrays(parts).take(pa.array(place, mask=place < 0))


@lru_cache(maxsize=GROUPS)
def _column(path: str, _content: str, group: int, name: str) -> pa.Array:
    try:
        with pq.ParquetFile(Path(path)) as file:
            return file.read_row_group(group, columns=[name])[name].combine_chunks().cast(STR)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ArtefactError(f"{path}: damaged: {' '.join(str(error).split())}") from error
