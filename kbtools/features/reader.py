"""Features opened for reading: vectors as arrays, with the places they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.features.schema import KIND, NUMBERS, TABLE, VECTOR
from kbtools.kb.reader import Tables

Array = NDArray[Any]


class Features(Tables):
    """One `features` folder.

    `array` is all vectors, [rows, dim]; `places` the other columns, row by row; `blocks` gives both piece by
    piece, for what is more than memory holds.
    """

    kind = KIND

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        files = self.files(TABLE)
        if not files:
            raise ArtefactError(f"{self.path}: has no vectors; make it again")
        try:
            kind = pq.read_schema(files[0]).field(VECTOR).type
        except (pa.ArrowException, OSError, KeyError) as error:
            raise ArtefactError(f"{files[0]}: damaged: {' '.join(str(error).split())}") from error
        if not pa.types.is_fixed_size_list(kind) or kind.value_type not in NUMBERS.values():
            raise ArtefactError(f"{files[0]}: `{VECTOR}` is {kind}, where vectors of one width are wanted")
        self.dim = int(kind.list_size)

    @property
    def count(self) -> int:
        """How many vectors there are."""
        return self.rows(TABLE)

    @property
    def array(self) -> Array:
        """All vectors, [rows, dim]."""
        return np.concatenate([as_array(one[VECTOR]) for one in self.scan(TABLE, [VECTOR])])

    @property
    def places(self) -> pa.Table:
        """What the vectors are of: doc_id, unit, start and end."""
        return self.table(TABLE, ["doc_id", "unit", "start", "end"])

    def blocks(self, rows: int = 4096) -> Iterator[tuple[pa.RecordBatch, Array]]:
        """Yield rows and their vectors in order."""
        for batch in self.scan(TABLE, rows=rows):
            yield batch, as_array(batch[VECTOR])


def as_array(column: pa.FixedSizeListArray) -> Array:
    """Return a column of vectors as an array, [rows, dim], without a copy."""
    found: Array = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
    return found
