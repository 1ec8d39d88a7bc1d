"""Strings out of bytes: many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.trees.base import I64


def gather(data: NDArray[np.uint8], low: NDArray[Any], high: NDArray[Any]) -> pa.StringArray:
    """Cut strings out of UTF-8: from `low` to `high` each."""
    sizes = (high - low).astype(np.int64)
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    found = np.ascontiguousarray(data[ranges(low, sizes)])
    buffers = [pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(found)]
    return pa.StringArray.from_buffers(len(sizes), *buffers)


class Joined:
    """Texts laid end to end with a line feed behind each, as code points and as UTF-8."""

    def __init__(self, texts: list[str]) -> None:
        self.text = "\n".join([*texts, ""])
        self.begins = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) + 1 for text in texts], out=self.begins[1:])
        self.codes = np.frombuffer(self.text.encode("utf-32-le"), np.uint32)
        self.bytes = np.frombuffer(self.text.encode(), np.uint8)
        sizes = (
            1 + (self.codes > 0x7F).astype(np.int64) + (self.codes > 0x7FF) + (self.codes > 0xFFFF)
            if len(self.bytes) != len(self.codes)
            else np.ones(len(self.codes), np.int64)
        )
        self.at = np.zeros(len(self.codes) + 1, np.int64)  # of each code point in the bytes
        np.cumsum(sizes, out=self.at[1:])

    def strings(self, start: NDArray[Any], end: NDArray[Any]) -> pa.StringArray:
        """Cut strings out: places of all texts laid end to end."""
        return gather(self.bytes, self.at[start], self.at[end])

    def owner(self, places: NDArray[Any]) -> I64:
        """Return whose text places are in."""
        return np.searchsorted(self.begins, places, "right").astype(np.int64) - 1
