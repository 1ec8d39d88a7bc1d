"""Arrays in files, mapped into memory: shared by processes, and larger than memory if need be."""

from __future__ import annotations

import os
import tokenize
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from kbtools.errors import ArtefactError

Array = np.ndarray[Any, Any]


def create(path: Path, length: int, *, fill: int = 0) -> Array:
    """Make an array of uint32 on disk."""
    path.write_bytes(b"")  # what an earlier attempt left would be counted on
    take_room(path, 4 * max(length, 1))
    made = open_array(path, writable=True)
    if fill:
        made[:] = fill
    return made


def create_npy(path: Path, kind: DTypeLike, length: int) -> Array:
    """Make an array of any kind in a .npy file; one without elements cannot be mapped, so it is saved."""
    if not length:
        empty = np.zeros(0, kind)
        np.save(path, empty, allow_pickle=False)
        return empty
    made = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(kind), shape=(length,))
    take_room(path, path.stat().st_size)
    return made


def load_npy(path: Path, *, gone: str) -> Array:
    """Map a .npy file that nobody vouches for; `gone` says what helps if there is none."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise ArtefactError(f"{path}: gone; {gone}") from error
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:
        if "empty file" not in str(error):
            raise ArtefactError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
        found = np.load(path, allow_pickle=False)  # an array without elements cannot be mapped
    plain: Array = found.view(np.ndarray)  # memmap's own indexing is slow
    return plain


def take_room(path: Path, size: int) -> None:
    """Make a file so large now: a hole that is filled when the disk is full would kill the process (SIGBUS).

    Where there is no room, this is an OSError.
    """
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)


def open_array(path: Path, *, writable: bool = False) -> Array:
    """Map an array that exists."""
    return np.asarray(np.memmap(path, np.uint32, "r+" if writable else "r"))
