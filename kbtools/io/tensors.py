"""Named arrays in one file, in the safetensors format: for weights and vectors, read without trust.

    8 bytes, little-endian     N, the length of the header
    N bytes                    JSON: name -> {"dtype", "shape", "data_offsets": [begin, end]}, and spaces
    the rest                   the arrays, little-endian, one after the other, with no gap and nothing after

`__metadata__` in the header holds words for words. Nothing of a file is run, and no size in it is believed
before it was compared with the size of the file.
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.errors import ArtefactError, ConfigError

Array = NDArray[Any]

KINDS = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "F16": "<f2", "U32": "<u4",
    "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip
NAMES = {kind[1:]: name for name, kind in KINDS.items()}
METADATA = "__metadata__"
LENGTH, ALIGNED = 8, 8
LONGEST = 100_000_000  # bytes of a header
MOST_AXES = 32


class Tensors(NamedTuple):
    """What a file holds: arrays mapped into memory, not to be written to, and words about them."""

    arrays: dict[str, Array]
    metadata: dict[str, str]


class Mapped(NamedTuple):
    """An opened file, and the memory it is mapped to."""

    tensors: Tensors
    memory: mmap.mmap | None  # of an empty file none

    def let_go(self) -> None:
        """Give back the memory of what was read; it is read again where it is asked for again."""
        if self.memory is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.memory.madvise(mmap.MADV_DONTNEED)


class _Told(NamedTuple):
    """What a header says of one array."""

    name: str
    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int


def encode(arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a file."""
    return b"".join(pieces(arrays, metadata))


def pieces(
    arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> list[bytes | memoryview]:
    """Return the bytes of a file, piece by piece, without a copy of the arrays.

    The widest numbers come first, then it goes by name, so that each is aligned.
    """
    found: list[bytes | memoryview] = []
    told, at = [], 0
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        kind = _kind(name, array.dtype)
        found.append(np.ascontiguousarray(array, KINDS[kind]).reshape(-1).view(np.uint8).data)
        told.append(_Told(name, kind, array.shape, at, at + array.nbytes))
        at += array.nbytes
    return [_head(told, metadata), *found]


def write(
    path: Path, name: str, blocks: Iterable[Array], kind: np.dtype[Any], shape: tuple[int, ...]
) -> None:
    """Write a file of one array whose rows come in blocks: it may be larger than memory."""
    told = _Told(name, _kind(name, kind), shape, 0, math.prod(shape) * kind.itemsize)
    at = 0
    with path.open("wb") as file:
        file.write(_head([told]))
        for block in blocks:
            if block.shape[1:] != shape[1:] or block.dtype != kind:
                raise ConfigError(
                    f"{name!r}: a block of {block.dtype} {block.shape}, where rows are {kind} {shape[1:]}"
                )
            at += file.write(
                np.ascontiguousarray(block, KINDS[told.kind]).data.cast("B") if block.size else b""
            )
    if at != told.end:
        raise ConfigError(f"{name!r}: blocks of {at:,} bytes, where {shape} takes {told.end:,}")


def _kind(name: str, dtype: np.dtype[Any]) -> str:
    kind = NAMES.get(dtype.str[1:])
    if kind is None or name == METADATA:
        raise ConfigError(f"{name!r}: an array of {dtype} called so cannot be written")
    return kind


def _head(told: Iterable[_Told], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return what stands before the arrays."""
    header: dict[str, Any] = {METADATA: dict(sorted(metadata.items()))} if metadata else {}
    for one in told:
        header[one.name] = {"dtype": one.kind, "shape": [*one.shape], "data_offsets": [one.begin, one.end]}
    found = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    found += b" " * (-len(found) % ALIGNED)
    return len(found).to_bytes(LENGTH, "little") + found


def load(path: Path) -> Tensors:
    """Map the arrays of a file; refuse one that is not exactly what its header says."""
    return map_file(path).tensors


def read(path: Path, room: Callable[[str, np.dtype[Any], tuple[int, ...]], Array]) -> dict[str, Array]:
    """Read the arrays of a file into memory that is made for each by its name, kind and shape."""
    found = {}
    told, _, first = _begin(path)
    with path.open("rb") as file:
        for one in told:
            array = found[one.name] = room(one.name, np.dtype(KINDS[one.kind]), one.shape)
            file.seek(first + one.begin)
            wanted = one.end - one.begin
            if file.readinto(array.reshape(-1).view(np.uint8).data) != wanted:
                raise _damaged(path, f"it ends within {one.name[:80]!r}")
    return found


def map_file(path: Path, *, scattered: bool = False) -> Mapped:
    """Map a file as `load` does. `scattered`: rows are read here and there, so nothing is read ahead."""
    told, metadata, first = _begin(path)
    memory = _memory(path, scattered) if any(one.end for one in told) else None
    whole = np.frombuffer(memory, np.uint8, offset=first) if memory else np.zeros(0, np.uint8)
    return Mapped(Tensors({one.name: _array(whole, one) for one in told}, metadata), memory)


def _begin(path: Path) -> tuple[list[_Told], dict[str, str], int]:
    """Read and check what stands before the arrays: what they are, words, and where the first begins."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH), "little")
            if size < LENGTH or length > min(size - LENGTH, LONGEST):
                raise _damaged(path, f"a header of {length:,} bytes in a file of {size:,}")
            header = file.read(length)
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror}") from error
    told, metadata = _header(path, header)
    _check(path, told, size - LENGTH - length)
    return told, metadata, LENGTH + length


def _memory(path: Path, scattered: bool) -> mmap.mmap:
    with path.open("rb") as file:
        found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if scattered and hasattr(mmap, "MADV_RANDOM"):
        found.madvise(mmap.MADV_RANDOM)
    return found


def _array(whole: Array, told: _Told) -> Array:
    found: Array = whole[told.begin : told.end]
    if found.ctypes.data % np.dtype(KINDS[told.kind]).itemsize:
        found = found.copy()  # others do not pad their headers
    found = np.asarray(found.view(KINDS[told.kind]).reshape(told.shape))
    found.flags.writeable = False
    return found


def _header(path: Path, header: bytes) -> tuple[list[_Told], dict[str, str]]:
    try:
        found = json.loads(header.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its header is no JSON ({' '.join(str(error).split())[:80]})") from error
    if not isinstance(found, dict):
        raise _damaged(path, "its header is no table")
    metadata = found.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(word, str) for word in metadata.values()):
        raise _damaged(path, f"{METADATA} holds words alone")
    return [_told(path, name, entry) for name, entry in found.items()], metadata


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _told(path: Path, name: str, entry: Any) -> _Told:
    """Check what a header says of one array, by itself."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"of {name[:80]!r} it says something else than dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise _damaged(path, f"{name[:80]!r} is of {str(kind)[:20]}; read are {', '.join(KINDS)}")
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2 or len(shape) > MOST_AXES:
        raise _damaged(path, f"the shape or place of {name[:80]!r} is not one")
    begin, end = offsets
    wanted = math.prod(shape) * np.dtype(KINDS[kind]).itemsize
    if end - begin != wanted:
        raise _damaged(path, f"{name[:80]!r} takes {wanted:,} bytes, and has {end - begin:,}")
    return _Told(name, kind, tuple(shape), begin, end)


def _counts(values: Any) -> bool:
    """Tell whether these are numbers from 0 on; JSON's true is none."""
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check(path: Path, told: list[_Told], size: int) -> None:
    """Refuse arrays that overlap, leave a gap, or do not fill the file."""
    at = 0
    for one in sorted(told, key=lambda one: (one.begin, one.end)):
        if one.begin != at:
            what = "overlaps another" if one.begin < at else "comes after a gap"
            raise _damaged(path, f"{one.name[:80]!r} {what}")
        at = one.end
    if at != size:
        raise _damaged(path, f"its arrays take {at:,} bytes, and there are {size:,}")


def _damaged(path: Path, what: str) -> ArtefactError:
    return ArtefactError(f"{path}: damaged or not safetensors: {what}; make it again")
