"""The values of a column: whatever a file holds there, as texts and the rows they stand in."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

Array = np.ndarray[Any, Any]


class Values(NamedTuple):
    """Texts, none of them empty, in the order of their rows; a row may have several."""

    rows: Array  # int64
    texts: pa.StringArray


class Unsound(NamedTuple):
    """Rows whose text cannot be stored."""

    rows: list[int]
    reason: str


def read(column: Any, split: str | None = None) -> tuple[Values, list[Unsound]]:
    """Take a column apart; spaces around values do not count."""
    rows, texts, unsound = _flat(column)
    if split is not None:
        lists = pc.split_pattern(texts, split)
        rows = rows[pc.list_parent_indices(lists).to_numpy()]
        texts = pc.list_flatten(lists)
    texts = pc.utf8_trim_whitespace(texts)
    nul = np.asarray(pc.fill_null(pc.match_substring(texts, "\0"), False))
    if nul.any():
        unsound.append(Unsound(np.unique(rows[nul]).tolist(), "has a NUL character"))
    kept = np.asarray(pc.fill_null(pc.greater(pc.binary_length(texts), 0), False)) & ~nul
    return Values(rows[kept], texts.filter(pa.array(kept))), unsound


def _flat(column: Any) -> tuple[Array, pa.StringArray, list[Unsound]]:
    if isinstance(column, pa.Array):
        try:
            return (*_flat_arrow(column), [])
        except pa.ArrowException:
            column = column.to_pylist()  # text that is not UTF-8, or something nested
    try:
        return np.arange(len(column)), pa.array(column, pa.string()), []
    except (pa.ArrowException, UnicodeEncodeError, TypeError):
        pass
    rows: list[int] = []
    found: list[str] = []
    bad: list[int] = []
    for row, value in enumerate(column):
        try:
            texts = _texts(value)
            for text in texts:
                text.encode()
        except UnicodeError:
            bad.append(row)
            continue
        rows += [row] * len(texts)
        found += texts
    unsound = [Unsound(bad, "is not in the file's encoding")] if bad else []
    return np.array(rows, np.int64), pa.array(found, pa.string()), unsound


def _flat_arrow(column: pa.Array) -> tuple[Array, pa.StringArray]:
    rows = np.arange(len(column))
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    while pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        rows = rows[pc.list_parent_indices(column).to_numpy()]
        column = pc.list_flatten(column)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        raise pa.ArrowInvalid("bytes are looked at one by one")
    return rows, column.cast(pa.string())


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, bytes):
        return [value.decode()]
    if isinstance(value, str):
        return [value]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [
        str(value) if isinstance(value, int | float) else msgspec.json.encode(value, enc_hook=str).decode()
    ]


def one_each(values: Values, rows: int) -> pa.StringArray:
    """Return the first value of each row, null where it has none."""
    place = np.full(rows, len(values.rows), np.int64)
    found, first = np.unique(values.rows, return_index=True)
    place[found] = first
    return values.texts.take(pa.array(place, mask=place == len(values.rows)))


class Seen:
    """Texts that have been met: 8 bytes each, as hashes (two of ten million are mixed up once in 300,000)."""

    def __init__(self) -> None:
        self._runs: list[Array] = []  # sorted, each more than twice as long as the next

    def new(self, texts: pa.StringArray) -> Array:
        """Tell which texts are met for the first time, and remember them."""
        data = texts.fill_null("").cast(pa.binary()).to_pylist()
        hashes = np.fromiter(map(xxhash.xxh3_64_intdigest, data), np.uint64, len(data))
        fresh = np.zeros(len(hashes), bool)
        _, first = np.unique(hashes, return_index=True)
        fresh[first] = True
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            fresh &= run[place] != hashes
        if fresh.any():
            self._runs.append(np.sort(hashes[fresh]))
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]), kind="stable")  # merges two runs
        return fresh
