"""One example as numpy arrays that look into the mapped file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from kbtools.shards.reading.fills import Fills


def example(name: str, value: pa.Array, fills: Fills) -> dict[str, Any]:
    """Return one value of a column, an array of length 1, by the names of its parts.

    Numbers and lists of them are not copied. Truths are, which are bits in the file, and strings, which
    become Python's; lists of lists are lists of arrays.
    """
    kind = value.type
    if _is_list(kind):
        return _members(name, value.flatten(), fills)
    return {leaf: found[0] for leaf, found in _members(name, value, fills).items()}


def _members(name: str, values: pa.Array, fills: Fills) -> dict[str, Any]:
    kind = values.type
    if pa.types.is_struct(kind):
        fields = [_members(f"{name}.{field.name}", values.field(at), fills) for at, field in enumerate(kind)]
        return {leaf: found for one in fields for leaf, found in one.items()}
    if _is_list(kind):
        inner = _members(name, values.flatten(), fills)
        lengths = values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths)
        spans = [*zip(ends - lengths, ends, strict=True)]
        return {leaf: [found[start:end] for start, end in spans] for leaf, found in inner.items()}
    if pa.types.is_fixed_size_list(kind):
        inner = _members(name, values.flatten(), fills)
        return {leaf: found.reshape(-1, kind.list_size) for leaf, found in inner.items()}
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        if values.null_count:
            fill = fills.of(name, np.dtype(kind.to_pandas_dtype()))
            values = values.cast(pa.int64() if pa.types.is_integer(kind) else kind).fill_null(fill)
        return {name: values.to_numpy(zero_copy_only=not pa.types.is_boolean(kind))}
    return {name: values.to_pylist()}


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))
