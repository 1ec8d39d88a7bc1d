"""Columns of mapped files: the values of any rows, gathered at once, from however many record batches.

A value is told by the record batch it lies in (`chunk`) and its place there (`index`); members of lists by
where their run begins and how long it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.errors import ArtefactError
from kbtools.shards.base import I64, Bools
from kbtools.shards.reading.fills import Fills
from kbtools.shards.reading.memory import Memory, damaged
from kbtools.shards.reading.ragged import Ragged

BYTES, WORDS, LONG = np.dtype(np.uint8), np.dtype(np.int32), np.dtype(np.int64)


class Column:
    """One level of a column over all record batches."""

    def __init__(self, name: str, arrays: Sequence[pa.Array], memory: Memory) -> None:
        self.name, self.memory = name, memory
        if any(array.offset for array in arrays):
            raise ArtefactError(f"{memory.path(0)}: {name} is a part of a column; write the file anew")
        self.buffers = [array.buffers() for array in arrays]
        self.size = np.array([len(array) for array in arrays], np.int64)  # [C]
        self._valid: I64 | None = None  # where the bits begin that say what is null; −1: nothing is
        if any(array.null_count for array in arrays):
            nulls = np.array([array.null_count > 0 for array in arrays])
            bits = [one[0] if null else None for one, null in zip(self.buffers, nulls, strict=True)]
            places = memory.places(bits, 1, name, self.size * nulls)
            self._valid = np.where(nulls, places, -1)
        self.bytes = memory.view(BYTES)

    def covers(self, size: I64) -> None:
        """Refuse record batches with fewer values than what holds them speaks of."""
        if (wrong := np.flatnonzero(self.size < size)).size:
            raise damaged(self.memory.path(int(wrong[0])), f"{self.name} is cut short")

    def take(self, chunk: I64, index: I64, fills: Fills) -> Any:
        """Gather values."""
        return self._take(chunk, index, fills)

    def runs(self, chunk: I64, begin: I64, lengths: I64, fills: Fills) -> Any:
        """Gather members of lists."""
        if self._valid is None:
            return self._runs(chunk, begin, lengths, fills)
        return self._take(np.repeat(chunk, lengths), ranges(begin, lengths), fills)

    def _take(self, chunk: I64, index: I64, fills: Fills) -> Any:
        raise NotImplementedError

    def _runs(self, chunk: I64, begin: I64, lengths: I64, fills: Fills) -> Any:
        """Gather runs of which nothing is null."""
        return self._take(np.repeat(chunk, lengths), ranges(begin, lengths), fills)

    def valid(self, chunk: I64, index: I64) -> Bools | None:
        """Tell which values are there; None: all."""
        if self._valid is None:
            return None
        begins = self._valid[chunk]
        told = begins >= 0
        found = np.ones(len(index), np.bool_)
        found[told] = self._bits(begins[told] * 8 + index[told])
        return found

    def _bits(self, at: I64) -> Bools:
        shift = (at & 7).astype(np.uint8)
        found: Bools = (self.bytes.take(at >> 3) >> shift & 1).view(np.bool_)
        return found

    def filled(self, found: NDArray[Any], valid: Bools | None, fills: Fills) -> NDArray[Any]:
        """Write what stands for nothing where a value is null."""
        if valid is None or valid.all():
            return found
        found = found.astype(np.int64) if found.dtype.kind in "iu" else found
        found[~valid] = fills.of(self.name, found.dtype)
        return found


class Numbers(Column):
    """Whole numbers, floats."""

    def __init__(self, name: str, arrays: Sequence[pa.Array], memory: Memory) -> None:
        super().__init__(name, arrays, memory)
        dtype = np.dtype(arrays[0].type.to_pandas_dtype())
        data = [buffers[1] for buffers in self.buffers]
        self.base = memory.places(data, dtype.itemsize, name, self.size * dtype.itemsize * 8)
        self.numbers = memory.view(dtype)

    def _take(self, chunk: I64, index: I64, fills: Fills) -> NDArray[Any]:
        found = self.numbers.take(self.base[chunk] + index)
        return self.filled(found, self.valid(chunk, index), fills)

    def _runs(self, chunk: I64, begin: I64, lengths: I64, fills: Fills) -> Any:
        return self.numbers.take(ranges(self.base[chunk] + begin, lengths))


class Truths(Column):
    """Booleans: a bit each."""

    def __init__(self, name: str, arrays: Sequence[pa.Array], memory: Memory) -> None:
        super().__init__(name, arrays, memory)
        self.base = memory.places([buffers[1] for buffers in self.buffers], 1, name, self.size) * 8

    def _take(self, chunk: I64, index: I64, fills: Fills) -> NDArray[Any]:
        return self.filled(self._bits(self.base[chunk] + index), self.valid(chunk, index), fills)

    def _runs(self, chunk: I64, begin: I64, lengths: I64, fills: Fills) -> Any:
        return self._bits(ranges(self.base[chunk] + begin, lengths))


class Lists(Column):
    """Lists of any length."""

    def __init__(self, name: str, arrays: Sequence[pa.Array], memory: Memory) -> None:
        super().__init__(name, arrays, memory)
        self._places(arrays, [array.values for array in arrays])
        self.inner = column(name, [array.values for array in arrays], memory)

    def _places(self, arrays: Sequence[pa.Array], inside: Sequence[Any]) -> None:
        kind = arrays[0].type
        dtype = LONG if pa.types.is_large_list(kind) or pa.types.is_large_string(kind) else WORDS
        places = [buffers[1] for buffers in self.buffers]
        bits = np.where(self.size > 0, self.size + 1, 0) * dtype.itemsize * 8
        self.base = self.memory.places(places, dtype.itemsize, self.name, bits)
        self.offsets = self.memory.view(dtype)
        self.limit = np.array([len(one) if one is not None else 0 for one in inside], np.int64)

    def span(self, chunk: I64, index: I64) -> tuple[I64, I64]:
        """Say where lists begin in their record batch, and how long they are; check what the file says."""
        at = self.base[chunk] + index
        begin, end = self.offsets.take(at).astype(np.int64), self.offsets.take(at + 1).astype(np.int64)
        wrong = (begin < 0) | (end < begin) | (end > self.limit[chunk])
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise damaged(self.memory.path(int(chunk[first])), f"{self.name} has lists outside of it")
        lengths = end - begin
        if (valid := self.valid(chunk, index)) is not None:
            lengths[~valid] = 0
        return begin, lengths

    def _take(self, chunk: I64, index: I64, fills: Fills) -> Any:
        begin, lengths = self.span(chunk, index)
        return Ragged(_ends(lengths), self.inner.runs(chunk, begin, lengths, fills))


class Texts(Lists):
    """Strings; what is gathered stays Arrow."""

    def __init__(self, name: str, arrays: Sequence[pa.Array], memory: Memory) -> None:
        Column.__init__(self, name, arrays, memory)
        data = [buffers[2] for buffers in self.buffers]
        self._places(arrays, [np.empty(one.size, np.bool_) if one else None for one in data])
        self.letters = memory.places(data, 1, name, self.limit * 8)

    def _take(self, chunk: I64, index: I64, fills: Fills) -> pa.Array:
        begin, lengths = self.span(chunk, index)
        letters = self.bytes.take(ranges(self.letters[chunk] + begin, lengths))
        valid = self.valid(chunk, index)
        bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
        offsets = pa.py_buffer(_ends(lengths))
        found = pa.LargeStringArray.from_buffers(len(index), offsets, pa.py_buffer(letters), bits)
        try:
            found.validate(full=True)
        except pa.ArrowInvalid as error:
            raise damaged(self.memory.path(int(chunk[0])), error) from error
        return found


class Fixed(Column):
    """Lists that all have one length: spans."""

    def __init__(self, name: str, arrays: Sequence[pa.Array], memory: Memory) -> None:
        super().__init__(name, arrays, memory)
        self.width = int(arrays[0].type.list_size)
        self.inner = column(name, [array.values for array in arrays], memory)
        if not isinstance(self.inner, Numbers | Truths):
            raise unreadable(name, arrays[0].type)
        self.inner.covers(self.size * self.width)

    def _take(self, chunk: I64, index: I64, fills: Fills) -> Any:
        width = np.full(len(index), self.width)
        found = self.inner.runs(chunk, index * self.width, width, fills).reshape(-1, self.width)
        return self.filled(found, self.valid(chunk, index), fills)

    def _runs(self, chunk: I64, begin: I64, lengths: I64, fills: Fills) -> Any:
        found = self.inner.runs(chunk, begin * self.width, lengths * self.width, fills)
        return found.reshape(-1, self.width)


class Structs(Column):
    """Several columns under one name."""

    def __init__(self, name: str, arrays: Sequence[pa.Array], memory: Memory) -> None:
        super().__init__(name, arrays, memory)
        self.inner = {
            field.name: column(f"{name}.{field.name}", [array.field(place) for array in arrays], memory)
            for place, field in enumerate(arrays[0].type)
        }
        for inner in self.inner.values():
            inner.covers(self.size)

    def _take(self, chunk: I64, index: I64, fills: Fills) -> Any:
        return {name: inner.take(chunk, index, fills) for name, inner in self.inner.items()}

    def _runs(self, chunk: I64, begin: I64, lengths: I64, fills: Fills) -> Any:
        return {name: inner.runs(chunk, begin, lengths, fills) for name, inner in self.inner.items()}


class Coded(Column):
    """Dictionaries of strings; those of all record batches are made one."""

    def __init__(self, name: str, arrays: Sequence[pa.Array], memory: Memory) -> None:
        super().__init__(name, arrays, memory)
        if not pa.types.is_string(arrays[0].type.value_type):
            raise unreadable(name, arrays[0].type)
        self.codes = Numbers(name, [array.indices for array in arrays], memory)
        parts: dict[tuple[int, ...], pa.Array] = {}  # most record batches of a file share one
        keys = []
        for array in arrays:
            part = array.dictionary
            keys.append((len(part), *(buffer.address if buffer else 0 for buffer in part.buffers())))
            parts.setdefault(keys[-1], part)
        for part in parts.values():
            part.validate(full=True)
        starts = dict(zip(parts, np.cumsum([0, *map(len, parts.values())]).tolist(), strict=False))
        self.start = np.array([starts[key] for key in keys], np.int64)  # [C]
        self.many = np.array([key[0] for key in keys], np.int64)  # [C]
        self.words = pa.chunked_array([*parts.values()], pa.string()).combine_chunks()

    def _take(self, chunk: I64, index: I64, fills: Fills) -> pa.Array:
        codes = self.codes.numbers.take(self.codes.base[chunk] + index).astype(np.int64)
        valid = self.valid(chunk, index)
        there = np.ones(len(codes), np.bool_) if valid is None else valid
        if ((codes[there] < 0) | (codes[there] >= self.many[chunk][there])).any():
            raise damaged(self.memory.path(int(chunk[0])), f"{self.name} has codes of no word")
        return self.words.take(pa.array(codes + self.start[chunk], mask=~there)).cast(pa.large_string())


def column(name: str, arrays: Sequence[pa.Array], memory: Memory) -> Column:
    """Find a column's values in the record batches; refuse types that training has no use for."""
    kind = arrays[0].type
    of = pa.types
    if of.is_integer(kind) or of.is_floating(kind):
        return Numbers(name, arrays, memory)
    for fits, make in (
        (of.is_boolean, Truths),
        (of.is_fixed_size_list, Fixed),
        (lambda kind: of.is_list(kind) or of.is_large_list(kind), Lists),
        (lambda kind: of.is_string(kind) or of.is_large_string(kind), Texts),
        (of.is_struct, Structs),
        (of.is_dictionary, Coded),
    ):
        if fits(kind):
            return make(name, arrays, memory)
    raise unreadable(name, kind)


def unreadable(name: str, kind: pa.DataType) -> ArtefactError:
    """Say which column cannot be made an array."""
    return ArtefactError(
        f"column {name!r} is {kind}, which cannot be read into arrays; leave it out (columns)"
    )


def _ends(lengths: I64) -> I64:
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    return ends
