"""Lists of unequal lengths, laid end to end: cut, regrouped, padded to arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.shards.base import I64, Bools

Array = NDArray[Any]


class Ragged(NamedTuple):
    """K lists: numbers, strings or lists, end to end."""

    offsets: I64  # [K + 1]
    values: Any  # Taken

    @property
    def lengths(self) -> I64:
        """Count the members of each list: [K]."""
        return self.offsets[1:] - self.offsets[:-1]


Taken = Array | Ragged | pa.Array | dict[str, Any]  # K values: numbers [K, ...], lists, strings, structs


def cut(taken: Any, start: int, stop: int) -> Any:
    """Take a stretch of values; numbers are not copied."""
    if isinstance(taken, Ragged):
        first, last = int(taken.offsets[start]), int(taken.offsets[stop])
        return Ragged(taken.offsets[start : stop + 1] - first, cut(taken.values, first, last))
    if isinstance(taken, dict):
        return {name: cut(value, start, stop) for name, value in taken.items()}
    return taken.slice(start, stop - start) if isinstance(taken, pa.Array) else taken[start:stop]


def regroup(taken: Any, bounds: I64) -> Any:
    """Make one list of the values, or of the members of the lists, from each bound to the next."""
    if isinstance(taken, Ragged):
        return Ragged(taken.offsets[bounds], taken.values)
    return Ragged(bounds, taken)


def spread(taken: Any, there: Bools, fill: Callable[[np.dtype[Any]], Any]) -> Any:
    """Put the values where something is; elsewhere are empty lists, nulls, and `fill` for numbers."""
    if isinstance(taken, Ragged):
        lengths = np.zeros(len(there), np.int64)
        lengths[there] = taken.lengths
        return Ragged(np.append(0, np.cumsum(lengths)), taken.values)
    if isinstance(taken, pa.Array):
        return taken.take(pa.array(np.cumsum(there) - 1, mask=~there))
    dtype = widened(taken.dtype)
    out = np.full((len(there), *taken.shape[1:]), fill(dtype), dtype)
    out[there] = taken
    return out


def flatten(name: str, taken: Any) -> dict[str, Any]:
    """Name each part of a struct by itself: of `documents`, `documents.start` and `documents.id`."""
    if isinstance(taken, dict):
        parts = [flatten(f"{name}.{field}", value) for field, value in taken.items()]
    elif isinstance(taken, Ragged):
        inner = flatten(name, taken.values)
        parts = [{leaf: Ragged(taken.offsets, value)} for leaf, value in inner.items()]
    else:
        parts = [{name: taken}]
    return {leaf: value for part in parts for leaf, value in part.items()}


def is_text(taken: Any) -> bool:
    """Tell whether the innermost values are strings, which stay Arrow."""
    while isinstance(taken, Ragged):
        taken = taken.values
    return isinstance(taken, pa.Array)


def as_arrow(taken: Any) -> pa.Array:
    """Make an Arrow array of strings, or of lists of them."""
    if isinstance(taken, Ragged):
        return pa.LargeListArray.from_arrays(pa.array(taken.offsets), as_arrow(taken.values))
    return taken


def widened(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Say what a column is padded as: whole numbers as int64, which torch takes for indices and targets."""
    return np.dtype(np.int64) if dtype.kind in "iu" else dtype


def pad(taken: Any, fill: Any, width: int | None = None) -> tuple[Array, Bools | None]:
    """Make one array of numbers, or of lists of them; say where there is something, if there was a list.

    Lists of K members at most become [B, K], lists of lists [B, K, C].
    """
    if not isinstance(taken, Ragged):
        return np.ascontiguousarray(taken, widened(taken.dtype)), None
    values, inside = pad(taken.values, fill) if isinstance(taken.values, Ragged) else (taken.values, None)
    lengths = taken.lengths
    if width is None:
        width = int(lengths.max(initial=0))
    shape = (len(lengths), width, *values.shape[1:])
    if inside is None and len(values) == shape[0] * width:  # full: most text is
        return np.array(values, widened(values.dtype)).reshape(shape), np.ones(shape[:2], np.bool_)
    there: Bools = np.arange(width) < lengths[:, None]
    out = np.full(shape, fill, widened(values.dtype))
    out[there] = values
    if inside is None:
        return out, there
    mask = np.zeros((*shape[:2], inside.shape[1]), np.bool_)
    mask[there] = inside
    return out, mask
