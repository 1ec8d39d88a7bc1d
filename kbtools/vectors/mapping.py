"""Tables of vectors that are arrays in files of their own: mapped into memory, or read block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.io import tensors
from kbtools.kb.reader import Tables

DTYPES = ("float32", "float16")
AT_ONCE = 1 << 26  # bytes of vectors that are looked at together

Array = NDArray[Any]


def only_file(folder: Tables, table: str) -> Path:
    """Return the one file of a table."""
    files = folder.files(table)
    if len(files) != 1:
        raise ArtefactError(f"{folder.path}: {len(files)} files of {table}, where one is wanted")
    return files[0]


def mapped(folder: Tables, table: str, name: str, *, scattered: bool = False) -> tensors.Mapped:
    """Map the array `name` of a table; `scattered`: nothing is read ahead of what is asked for."""
    path = only_file(folder, table)
    found = tensors.map_file(path, scattered=scattered)
    array = found.tensors.arrays.get(name)
    if array is None or array.ndim != 2 or not array.shape[1] or array.dtype.name not in DTYPES:
        told = "no array" if array is None else f"{array.dtype} {array.shape}"
        raise ArtefactError(f"{path}: {told}, where `{name}` is [rows, dim] of {' or '.join(DTYPES)}")
    return found


def blocks(found: tensors.Mapped, name: str) -> Iterator[Array]:
    """Read an array in order; a block is good until the next one is asked for."""
    array = found.tensors.arrays[name]
    step = max(1, AT_ONCE * max(1, len(array)) // max(1, array.nbytes))
    for at in range(0, len(array), step):
        yield array[at : at + step]
        found.let_go()
