"""Files of Arrow mapped into memory, and one array that reaches over all of them.

A batch of shuffled examples touches about as many record batches as it has rows. A loop over those would cost
more than all that is read. So whatever is mapped is addressed as one array of each type, as the memory of the
process is: an index is an address less the lowest one. Only places inside buffers are ever looked at; who
computes them has checked what the files say (`Lists.runs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.shards.base import I64


class MappedFile(NamedTuple):
    """An Arrow file: what it holds, and where it lies in memory."""

    path: Path
    batches: list[pa.RecordBatch]
    schema: pa.Schema
    memory: pa.Buffer


def map_file(path: Path) -> MappedFile:
    """Map a file; of each record batch, only where its columns and lists begin and end is read."""
    try:
        with pa.memory_map(str(path)) as source:
            memory = source.read_buffer()
        reader = pa.ipc.open_file(memory)
        schema = reader.schema
        if not all(schema.names) or len({*schema.names}) < len(schema.names):
            raise damaged(path, "its columns have no names of their own")
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        for batch in batches:
            batch.validate()  # whether its parts fit together; Arrow itself may end the process if not
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(path, error) from error
    return MappedFile(path, batches, schema, memory)


def damaged(path: Path, error: Exception | str) -> ArtefactError:
    """Say in one line that a file is not what it was."""
    what = " ".join(str(error).split())
    return ArtefactError(f"{path}: damaged: {what}; make the shards again, or fetch them once more")


class Memory:
    """All mapped files of a table as one array of each type."""

    def __init__(self, files: Sequence[MappedFile]) -> None:
        self.files = files
        there = [file.memory for file in files if file.memory.size]
        self._low = min((buffer.address for buffer in there), default=0)
        self._high = max((buffer.address + buffer.size for buffer in there), default=0)
        owner = [number for number, file in enumerate(files) for _ in file.batches]
        self._owner = np.array(owner, np.int64)  # [C] the file of each record batch
        self._first = np.array([file.memory.address for file in files], np.int64)
        self._last = np.array([file.memory.address + file.memory.size for file in files], np.int64)

    def view(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Look at all memory from the first file to the last as numbers of one type."""
        reach = _Reach(self._low, (self._high - self._low) // dtype.itemsize, dtype, self)
        return np.asarray(reach) if self.files else np.zeros(0, dtype)

    def places(self, buffers: Sequence[pa.Buffer | None], size: int, name: str, bits: I64) -> I64:
        """Say where buffers begin, one of each record batch, in numbers of `size` bytes; 0: it is empty.

        `bits` is how much each must hold.
        """
        address = np.array([buffer.address if buffer else 0 for buffer in buffers], np.int64)
        length = np.array([buffer.size if buffer else 0 for buffer in buffers], np.int64)
        there = length > 0
        outside = (address < self._first[self._owner]) | (address + length > self._last[self._owner])
        if (wrong := np.flatnonzero(there & outside)).size:
            path = self.files[self._owner[wrong[0]]].path
            raise ArtefactError(
                f"{path}: {name} is compressed and cannot be mapped; write it uncompressed, or as Parquet"
            )
        if (wrong := np.flatnonzero(length * 8 < bits)).size:
            raise damaged(self.files[self._owner[wrong[0]]].path, f"{name} is cut short")
        if (wrong := np.flatnonzero(there & (address % size != 0))).size:
            raise damaged(self.files[self._owner[wrong[0]]].path, f"{name} is not aligned to {size} bytes")
        found: I64 = np.where(there, (address - self._low) // size, 0)
        return found

    def path(self, chunk: int) -> Path:
        """Say which file a record batch is of."""
        return self.files[int(self._owner[chunk])].path


class _Reach:
    """What numpy needs to know to lay an array over memory; `keeps` is what must stay mapped."""

    def __init__(self, address: int, count: int, dtype: np.dtype[Any], keeps: object) -> None:
        self.keeps = keeps
        self.__array_interface__ = {
            "version": 3,
            "data": (address, True),  # read only
            "shape": (count,),
            "typestr": dtype.str,
        }
