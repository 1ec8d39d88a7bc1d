"""The vectors themselves, in the order of the entities: a .npy file that grows block by block.

What is searched is built from what is kept here, rounded as it is kept: so an index that took vectors over
from an older one equals one that encoded them all.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from kbtools.artefact import write_whole
from kbtools.errors import ArtefactError

F32 = NDArray[np.float32]
FILE, STATE = "vectors.npy", "work/encoded.json"


class State(msgspec.Struct, kw_only=True):
    """How far a build has come: rows that are safely on disk, and what was met in them."""

    rows: int = 0
    encoded: int = 0
    zeros: int = 0
    zero: str = ""  # the first


class Growing:
    """The file while it is written; a build that goes on begins where the last whole block ended."""

    def __init__(self, folder: Path, rows: int, dim: int, kind: str) -> None:
        self._state, self._path = folder / STATE, folder / "new" / FILE
        self._dtype, self._shape = np.dtype(kind).newbyteorder("<"), (rows, dim)
        self.state = self._load()

    def _load(self) -> State:
        if self._path.exists():
            try:
                return msgspec.json.decode(self._state.read_bytes(), type=State)
            except (OSError, msgspec.DecodeError):
                pass
        with self._path.open("wb") as file:
            npy.write_array_header_1_0(
                file, {"descr": npy.dtype_to_descr(self._dtype), "fortran_order": False, "shape": self._shape}
            )
        return State()

    def append(self, vectors: NDArray[np.floating]) -> None:
        """Put a block at the end and make it durable; `state` counts it."""
        width = self._dtype.itemsize * self._shape[1]
        size = self._path.stat().st_size
        with self._path.open("r+b") as file:
            head = len(_header(self._path))
            if size < head + self.state.rows * width:
                raise ArtefactError(
                    f"{self._path}: shorter than it was; run the command again with --restart"
                )
            file.truncate(head + self.state.rows * width)  # half a block, left by a crash
            file.seek(0, os.SEEK_END)
            file.write(np.ascontiguousarray(vectors, dtype=self._dtype).data)
            file.flush()
            os.fsync(file.fileno())
        self.state.rows += len(vectors)
        write_whole(self._state, msgspec.json.encode(self.state))


def open_raw(path: Path) -> NDArray[np.floating]:
    """Map the vectors of an index: [rows, dim], float16 or float32."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if found.ndim != 2 or found.dtype.name not in {"float16", "float32"}:
        raise ArtefactError(f"{path}: an array of {found.dtype} with {found.ndim} axes is not one of vectors")
    return np.asarray(found)


def widen(vectors: NDArray[np.floating]) -> F32:
    """Return vectors as float32; finite halves five times as fast as numpy converts them.

    The bits of a half are put where a float32 has them; its exponent is then too small by 112.
    """
    if vectors.dtype != np.float16:
        return np.ascontiguousarray(vectors, dtype=np.float32)
    bits = np.ascontiguousarray(vectors).view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x70000001)  # the sign, drawn out over three bits too many
    wide: F32 = bits.view(np.float32)
    wide *= np.float32(2.0**112)
    return wide


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        npy.read_magic(file)
        npy.read_array_header_1_0(file)
        end = file.tell()
        file.seek(0)
        return file.read(end)
