"""Keys: 64 random-looking bits of a seed, a name and a number, the same on every machine.

    key(seed, ids)                one for each string, such as the id of a document: decides its split
    key(seed, ids, numbers)       `numbers`: one for all, or one each (the examples of a document): the order
    of_numbers(seed, eids)        where there are numbers and no names
    parts(key, (0.9, 0.05, 0.05)) the place of the share each key falls in

Two seeds have nothing to do with each other, so whoever needs independent draws (the split, the order of
examples, a choice among partners) takes another seed: `purpose(seed, "split")`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias.hashing import mix, of_strings

U64 = NDArray[np.uint64]

_STRIDE = np.uint64(0x9E3779B97F4A7C15)  # odd: no two numbers share a product


def key(seed: int, ids: pa.Array | pa.ChunkedArray, number: int | NDArray[np.integer] = 0) -> U64:
    """Return the key of each string with its number; a null is the empty string.

    >>> ids = pa.array(["a", "b", "a"])
    >>> one = key(1, ids, np.array([0, 0, 1]))
    >>> len(set(one.tolist())), (key(1, ids[1:2]) == one[1]).all()
    (3, np.True_)
    """
    found = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if isinstance(found, pa.DictionaryArray):
        found = found.dictionary_decode()
    if found.null_count:
        found = found.fill_null("")
    return _keys(seed, of_strings(found), number)


def of_numbers(seed: int, values: NDArray[np.integer], number: int | NDArray[np.integer] = 0) -> U64:
    """Return the key of each whole number, such as an eid."""
    return _keys(seed, mix(_product(values)), number)


def purpose(seed: int, name: str) -> int:
    """Return a seed of its own for one use of `seed`."""
    return int(_keys(seed, of_strings(pa.array([name])), 0)[0] >> np.uint64(1))


def parts(keys: U64, shares: Sequence[float]) -> NDArray[np.uint8]:
    """Divide keys by shares, which sum to 1: `SPLITS` by (train, dev, test)."""
    ends = np.cumsum(np.asarray(shares, np.float64))[:-1]
    place = (keys >> np.uint64(11)).astype(np.float64) / (1 << 53)  # 53 bits are exact
    return np.searchsorted(ends, place, side="right").astype(np.uint8)


def _keys(seed: int, hashes: U64, number: int | NDArray[np.integer]) -> U64:
    start = mix(_product(np.array([seed & (1 << 64) - 1], np.uint64)))
    found: U64 = mix(hashes ^ start) + _product(np.atleast_1d(np.asarray(number)))
    return mix(found)


def _product(values: NDArray[np.integer]) -> U64:
    found: U64 = (values.astype(np.uint64) + np.uint64(1)) * _STRIDE
    return found
