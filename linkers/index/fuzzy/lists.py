"""The inverted lists: for each n-gram the names that have it, built piece by piece.

Pieces of the names, of an earlier index too, become sorted runs on disk of n-gram << 32 | name; then range
after range of n-grams is taken out of all runs, sorted and written. Memory: some 40 bytes for each of the 4
million characters of a piece, 20 bytes for each of the 16 million entries of a range, 8 bytes a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.linkers.index.fuzzy import files, grams, strings

PIECE, RANGE = 1 << 22, 1 << 24
U64 = NDArray[np.uint64]
_LOW = np.uint64(0xFFFFFFFF)


class Earlier(NamedTuple):
    """An index made before, and what has become of its names."""

    arrays: files.Arrays
    number: NDArray[np.int64]  # [its N] the name's number now; −1 if it is gone; else ascending


def pieces(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Cut names, given their lengths, into pieces of at most PIECE characters; a name counts as four more."""
    ends = np.cumsum(lengths + 4)
    first, done = 0, 0
    while first < len(lengths):
        last = max(int(np.searchsorted(ends, done + PIECE, side="right")), first + 1)
        yield slice(first, last)
        first, done = last, int(ends[last - 1])


def build(
    names: pa.LargeStringArray,
    lengths: NDArray[np.int64],
    earlier: Earlier | None,
    *,
    work: Path,
    out: Path,
    advance: Callable[[int], None],
) -> None:
    """Write `keys`, `weights`, `firsts`, `lists` and `sums`."""
    fresh = np.ones(len(names), bool)
    if earlier is not None:
        fresh[earlier.number[earlier.number >= 0]] = False
    new = np.flatnonzero(fresh)
    advance(len(names) - len(new))
    keys = np.zeros(0, np.uint64) if earlier is None else np.array(earlier.arrays["keys"])
    cuts = [new[piece] for piece in pieces(lengths[new])]
    for mine in cuts:
        found, _ = grams.of(strings.decode(names.take(pa.array(mine))))
        keys = np.union1d(keys, found)
        advance(len(mine) // 2)
    counts = np.zeros(len(keys), np.int64)
    runs: list[Path] = []
    for run in _runs(names, cuts, keys, earlier):
        if not len(run):  # cannot be mapped
            continue
        path = work / f"run-{len(runs):05}"
        run.tofile(path)
        counts += np.bincount((run >> np.uint64(32)).astype(np.int64), minlength=len(keys))
        runs.append(path)
        if len(runs) <= len(cuts):
            advance(-(-len(cuts[len(runs) - 1]) // 2))
    _merge(runs, keys, counts, len(names), out)
    for path in runs:
        path.unlink()


def _runs(
    names: pa.LargeStringArray, cuts: list[NDArray[np.int64]], keys: U64, earlier: Earlier | None
) -> Iterator[U64]:
    for mine in cuts:
        found, whose = grams.of(strings.decode(names.take(pa.array(mine))))
        packed = np.searchsorted(keys, found).astype(np.uint64) << np.uint64(32)
        packed |= mine[whose].astype(np.uint64)
        packed.sort()
        yield packed[np.r_[True, packed[1:] != packed[:-1]]]
    if earlier is not None:
        arrays, firsts = earlier.arrays, earlier.arrays["firsts"]
        place = np.searchsorted(keys, arrays["keys"])
        for piece in pieces(np.diff(firsts)):
            numbers = earlier.number[arrays["lists"][firsts[piece.start] : firsts[piece.stop]]]
            gram = np.repeat(place[piece], np.diff(firsts[piece.start : piece.stop + 1]))
            kept = numbers >= 0
            yield gram[kept].astype(np.uint64) << np.uint64(32) | numbers[kept].astype(np.uint64)


def _merge(runs: list[Path], keys: U64, counts: NDArray[np.int64], names: int, out: Path) -> None:
    """Write the lists, range after range; n-grams that no name has any more are left out."""
    ends = np.cumsum(counts)
    alive = counts > 0
    weights = np.zeros(len(keys), np.uint16)
    weights[alive] = grams.weigh(counts[alive], names)
    sums = np.zeros(names)
    with (out / files.file_name("lists")).open("wb") as file:
        np.lib.format.write_array_header_2_0(
            file, {"descr": "<u4", "fortran_order": False, "shape": (int(ends[-1]),)}
        )
        for found in _ranges(runs, ends):
            name = (found & _LOW).astype(np.uint32)
            name.tofile(file)
            sums += np.bincount(name, weights[(found >> np.uint64(32)).astype(np.int64)], minlength=names)
    firsts = np.concatenate([[0], ends[alive]]).astype(np.int64)
    files.save(out, keys=keys[alive], weights=weights[alive], firsts=firsts, sums=sums.astype(np.int32))


def _ranges(runs: list[Path], ends: NDArray[np.int64]) -> Iterator[U64]:
    """Yield all entries in order, about RANGE at once."""
    first = done = 0
    while done < ends[-1]:
        last = max(int(np.searchsorted(ends, done + RANGE, side="right")), first + 1)
        bounds = np.array([first, last], np.uint64) << np.uint64(32)
        parts = []
        for path in runs:  # read, not mapped: mapped pages would count as this process's memory
            low, high = np.searchsorted(np.memmap(path, np.uint64, mode="r"), bounds).tolist()
            parts.append(np.fromfile(path, np.uint64, count=high - low, offset=8 * low))
        found = np.concatenate(parts)
        found.sort(kind="stable")  # merges the runs: a tenth of the time
        yield found
        first, done = last, int(ends[last - 1])
