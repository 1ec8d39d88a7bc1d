"""The pieces of all ranges become the compiled look-up: numpy arrays, laid out as `schema` says.

Ranges follow each other in alphabetical order, so that norms, entries and candidates are laid end to end.
The hash index is built in passes over the first bits of the hashes: memory is a few bytes a norm.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kbtools.alias.scanning import finding
from kbtools.alias.schema import LOOKUP
from kbtools.artefact import Outcome
from kbtools.kb.arrays import create_npy

NORMS_IN_PASS = 1 << 23
BITS_A_NORM = 16  # of the bit arrays: one in a dozen of unknown spans gets past
TAG_BITS = 16


def compile_pieces(folder: Path, *, pieces: Sequence[str], several_kbs: bool) -> Outcome:
    """Write the look-up's arrays from the pieces of the ranges, in their order."""
    paths = [folder / piece for piece in pieces]
    target = folder / "new" / LOOKUP
    target.mkdir(parents=True, exist_ok=True)
    sizes = {name: sum(_lengths(paths, name)) for name in _KEPT}
    for name, kind in _KEPT.items():
        if name != "kbs" or several_kbs:
            out = create_npy(target / f"{name}.npy", kind, sizes[name])
            _join(out, (piece[name] for piece in map(_load, paths)))
    _running(target / "offsets.npy", paths, "sizes", sizes["norms"])
    _running(target / "entries.npy", paths, "entries", sizes["form_tags"])
    _firsts(target / "firsts.npy", paths, sizes)
    norms = sum(_lengths(paths, "hashes"))
    _index(target, paths, norms)
    _bits(target / "known.npy", paths, "hashes", norms)
    _bits(target / "prefixes.npy", paths, "prefixes", sum(_lengths(paths, "prefixes")))
    files = sorted(f"new/{LOOKUP}/{path.name}" for path in target.glob("*.npy"))
    return Outcome(
        files=files, facts={"norms": norms, "bytes": sum((folder / f).stat().st_size for f in files)}
    )


_KEPT: dict[str, DTypeLike] = {
    "norms": np.uint8,
    "form_tags": np.uint32,
    "lengths": np.uint16,
    "eids": np.uint32,
    "priors": np.float32,
    "kbs": np.uint8,
}


def _load(path: Path) -> Any:
    return np.load(path, allow_pickle=False)


def _lengths(paths: Sequence[Path], name: str) -> list[int]:
    """Read how long an array is in each piece; not the array."""
    found = []
    for path in paths:
        with zipfile.ZipFile(path) as piece, piece.open(f"{name}.npy") as file:
            np.lib.format.read_magic(file)
            found.append(np.lib.format.read_array_header_1_0(file)[0][0])
    return found


def _join(out: NDArray[Any], arrays: Iterator[NDArray[Any]]) -> None:
    at = 0
    for array in arrays:
        out[at : at + len(array)] = array
        at += len(array)


def smallest(largest: int) -> DTypeLike:
    """Return the type of offsets up to `largest`."""
    return np.uint32 if largest < 1 << 32 else np.uint64


def _running(path: Path, paths: Sequence[Path], name: str, total: int) -> None:
    """Write where each of the items begins whose sizes the pieces hold, and where the last ends."""
    length = sum(_lengths(paths, name)) + 1
    out = create_npy(path, smallest(total), length)
    out[0], at, begin = 0, 1, 0
    for piece in map(_load, paths):
        ends = np.cumsum(piece[name], dtype=np.uint64) + np.uint64(begin)
        out[at : at + len(ends)] = ends
        at, begin = at + len(ends), int(ends[-1]) if len(ends) else begin


def _firsts(path: Path, paths: Sequence[Path], sizes: dict[str, int]) -> None:
    out = create_npy(path, smallest(sizes["eids"]), sizes["form_tags"])
    begins = np.concatenate([[0], np.cumsum(_lengths(paths, "eids"))]).astype(np.uint64)
    _join(out, (piece["firsts"] + begin for piece, begin in zip(map(_load, paths), begins, strict=False)))


def _index(target: Path, paths: Sequence[Path], norms: int) -> None:
    """Write buckets, tags and places: the norms in the order of their hashes."""
    bits = max(1, int(norms).bit_length() - 1)
    passes = max(1, -(-norms // NORMS_IN_PASS))
    step = -(-(1 << bits) // passes)  # buckets a pass
    tags, places = (
        create_npy(target / "tags.npy", np.uint16, norms),
        create_npy(target / "places.npy", np.uint32, norms),
    )
    sizes = np.zeros((1 << bits) + 1, np.uint32)
    done = 0
    for low in range(0, 1 << bits, step):
        hashes, numbers = _within(paths, bits, low, low + step)
        order = np.lexsort((numbers, hashes))
        hashes, numbers = hashes[order], numbers[order]
        tags[done : done + len(order)] = (hashes >> np.uint64(64 - bits - TAG_BITS)).astype(np.uint16)
        places[done : done + len(order)] = numbers
        found, count = np.unique((hashes >> np.uint64(64 - bits)).astype(np.int64), return_counts=True)
        sizes[found + 1] = count
        done += len(order)
    out = create_npy(target / "buckets.npy", np.uint32, len(sizes))
    np.cumsum(sizes, out=out)


def _within(
    paths: Sequence[Path], bits: int, low: int, high: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Collect the hashes of some buckets, and whose they are."""
    hashes, numbers, begin = [], [], 0
    for piece in map(_load, paths):
        mine = piece["hashes"]
        bucket = mine >> np.uint64(64 - bits)
        chosen = np.flatnonzero((bucket >= low) & (bucket < high))
        hashes.append(mine[chosen])
        numbers.append((chosen + begin).astype(np.uint32))
        begin += len(mine)
    return np.concatenate(hashes), np.concatenate(numbers)


def _bits(path: Path, paths: Sequence[Path], name: str, items: int) -> None:
    """Write a bit array in which the last bits of each hash are set."""
    words = 1 << max(0, (items * BITS_A_NORM // 64 - 1).bit_length())
    out = create_npy(path, np.uint64, words)
    for piece in map(_load, paths):
        finding.mark(out, piece[name])
