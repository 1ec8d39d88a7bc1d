"""Arrays of uint32 in files, mapped into memory: shared by processes, and larger than memory if need be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def create(path: Path, length: int, *, fill: int = 0) -> Array:
    """Make an array on disk.

    The room is taken at once: a hole that is filled when the disk is full would kill the process (SIGBUS),
    where this is an OSError.
    """
    size = 4 * max(length, 1)
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    made = open_array(path, writable=True)
    if fill:
        made[:] = fill
    return made


def open_array(path: Path, *, writable: bool = False) -> Array:
    """Map an array that exists."""
    return np.asarray(np.memmap(path, np.uint32, "r+" if writable else "r"))
