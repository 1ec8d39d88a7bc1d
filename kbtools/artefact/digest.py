"""Digests: what "the same" means for files, schemas, settings and whole artefacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import xxhash

MIB = 1 << 20
PROBES = 64


def of_file(path: Path) -> str:
    """Hash a whole file, in blocks."""
    state = xxhash.xxh3_128()
    with path.open("rb", buffering=0) as file:
        while block := file.read(4 * MIB):
            state.update(block)
    return state.hexdigest()


def of_bytes(data: bytes) -> str:
    """Hash some bytes."""
    return xxhash.xxh3_128_hexdigest(data)


def of_json(value: Any) -> str:
    """Hash a value of plain types; the order of keys does not matter."""
    return xxhash.xxh3_128_hexdigest(msgspec.json.encode(value, order="sorted"))


def of_dump(path: Path) -> str:
    """Identify a raw dump cheaply: its size, and its first, last and 64 evenly spaced MiB.

    A dump of 150 GB is told from its neighbour release in a second; `verify --deep` hashes it whole.
    """
    size = path.stat().st_size
    if size <= (PROBES + 2) * MIB:
        return f"whole:{size}:{of_file(path)}"
    state = xxhash.xxh3_128(size.to_bytes(8, "little"))
    with path.open("rb") as file:  # buffered, so that a read is never short
        for probe in range(PROBES + 2):
            file.seek(probe * (size - MIB) // (PROBES + 1))  # from 0 to exactly the last MiB
            state.update(file.read(MIB))
    return f"probe:{size}:{state.hexdigest()}"
