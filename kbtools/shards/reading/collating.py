"""Batches: what was gathered, padded to arrays. Columns of tokens are all as wide as the tokens.

| values of a row                 | array                  | beside it                       |
|---------------------------------|------------------------|---------------------------------|
| a number                        | [B]                    |                                 |
| one for each token              | [B, T]                 | `attention_mask` [B, T]         |
| a list (mentions, sentences)    | [B, M] or [B, M, 2]    | `NAME.mask` [B, M]              |
| lists in a list (candidates)    | [B, M, C]              | `NAME.mask` [B, M, C]           |
| strings                         | Arrow, as they are     |                                 |

In packed rows the lists of a row's examples follow each other, and what was a value of an example is a list
of them; places in an example become places in the row. `sequence` [B, T] says which example a token is of,
from 1 (0: padding), `sequence.start` [B, S] where each begins (−1: none), `positions` [B, T] counts from 0 in
each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kbtools.arrays import ranges
from kbtools.errors import ArtefactError
from kbtools.shards.base import I64, NONE
from kbtools.shards.reading.fills import Fills
from kbtools.shards.reading.ragged import Ragged, as_arrow, flatten, is_text, pad, regroup, widened

Batch = dict[str, Any]  # arrays by column; strings are Arrow arrays

IDS, MASK = "input_ids", "attention_mask"
PLACES = {"spans", "sentences", "start", "heads", "places"}  # last parts of names whose values are places


class Collator:
    """Pads what was gathered of some rows; `along` are the columns with one value for each token."""

    def __init__(self, fills: Fills, multiple_of: int, along: Mapping[str, str]) -> None:
        self.fills, self.multiple_of, self.along = fills, multiple_of, along

    def __call__(self, gathered: Mapping[str, Any], rows: I64, bounds: I64 | None = None) -> Batch:
        """Make a batch; `bounds` say where the rows of a packed one begin among the examples."""
        columns = flattened(gathered)
        for name, anchor in self.along.items():
            if name in columns and anchor in columns:
                columns[name] = self._whole(name, columns[name], columns[anchor])
        batch: Batch = {}
        if bounds is not None:
            columns = self._packed(columns, bounds, batch)
        for name, taken in columns.items():
            if is_text(taken):
                batch[name] = as_arrow(taken)
            else:
                self._pad(name, taken, columns, batch)
        batch["batch.rows"] = rows if bounds is None else pad(Ragged(bounds, rows), -1)[0]
        return batch

    def _pad(self, name: str, taken: Any, columns: Mapping[str, Any], batch: Batch) -> None:
        width = None
        if anchor := self.along.get(name):
            most = int(columns[anchor].lengths.max(initial=0)) if anchor in columns else 0
            width = max(-(-most // self.multiple_of), 1) * self.multiple_of
        inner = taken
        while isinstance(inner, Ragged):
            inner = inner.values
        out, mask = pad(taken, self.fills.of(name, inner.dtype), width)
        batch[name] = out
        if mask is not None and anchor in {None, name}:
            batch[f"{name}.mask" if anchor is None else name.removesuffix(IDS) + MASK] = mask

    def _whole(self, name: str, taken: Ragged, tokens: Ragged) -> Ragged:
        """Give rows whose list is null a value for each token: nothing."""
        if np.array_equal(taken.offsets, tokens.offsets):
            return taken
        told = taken.lengths > 0
        if not np.array_equal(taken.lengths[told], tokens.lengths[told]):
            raise ArtefactError(
                f"{name} does not have one value for each token in every row, as it has in some"
            )
        values = np.full(
            len(tokens.values), self.fills.of(name, taken.values.dtype), widened(taken.values.dtype)
        )
        values[np.repeat(told, tokens.lengths)] = taken.values
        return Ragged(tokens.offsets, values)

    def _packed(self, columns: dict[str, Any], bounds: I64, batch: Batch) -> dict[str, Any]:
        """Join the lists of the examples of each row."""
        ids = columns[IDS]
        begins = ids.offsets[:-1] - np.repeat(ids.offsets[bounds[:-1]], np.diff(bounds))  # of each example
        number = np.arange(len(begins)) - np.repeat(bounds[:-1], np.diff(bounds))
        lengths = ids.lengths
        row = ids.offsets[bounds]
        width = max(-(-int(np.diff(row).max(initial=0)) // self.multiple_of), 1) * self.multiple_of
        batch["sequence"] = pad(Ragged(row, np.repeat(number + 1, lengths)), 0, width)[0]
        counted = ranges(np.zeros(len(lengths), np.int64), lengths)
        batch["sequence.start"] = pad(Ragged(bounds, begins), NONE)[0]
        batch["positions"] = pad(Ragged(row, counted), 0, width)[0]
        return {
            name: regroup(_moved(taken, begins) if self._holds_places(name, taken) else taken, bounds)
            for name, taken in columns.items()
        }

    def _holds_places(self, name: str, taken: Any) -> bool:
        if name.rpartition(".")[2] in PLACES:
            return True
        while isinstance(taken, Ragged):
            taken = taken.values
        return isinstance(taken, np.ndarray) and taken.shape[1:] == (2,) and taken.dtype.kind == "i"  # spans


def _moved(taken: Any, by: I64) -> Any:
    """Move places by where their example begins in its row; what is below 0 is no place."""
    if isinstance(taken, Ragged):
        return Ragged(taken.offsets, _moved(taken.values, np.repeat(by, taken.lengths)))
    by = by.reshape(-1, *[1] * (taken.ndim - 1))
    return np.where(taken < 0, taken, taken + by)


def flattened(gathered: Mapping[str, Any]) -> dict[str, Any]:
    """Name the parts of structs by themselves."""
    return {leaf: one for name, taken in gathered.items() for leaf, one in flatten(name, taken).items()}


def columns_along(samples: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Find the columns with a value for each token, by the lengths of some rows: column → its tokens.

    Lists that are null in some rows may be among them. All samples must agree, and one of them say so.
    """
    found: dict[str, str] = {}
    for name, anchor in [(one, anchor) for one in samples[0] for anchor in _anchors(one)]:
        told = [_goes_along(columns.get(name), columns.get(anchor)) for columns in samples]
        if name not in found and None not in told and (any(told) or name == anchor):
            found[name] = anchor
    return found


def _anchors(name: str) -> tuple[str, str]:
    return f"{name.rpartition('.')[0]}.{IDS}".lstrip("."), IDS


def _goes_along(taken: Any, tokens: Any) -> bool | None:
    """Tell whether the lists of a column are as long as the tokens; None: no, False: all are empty."""
    if not isinstance(taken, Ragged) or isinstance(taken.values, Ragged) or is_text(taken):
        return None
    if not isinstance(tokens, Ragged):
        return None
    told = taken.lengths > 0
    return bool(told.any()) if np.array_equal(taken.lengths[told], tokens.lengths[told]) else None
