"""Snaks, by the ten thousand, to columns: references to entities, and literals of every datatype.

Nothing here loops over snaks with more than an attribute look-up: values are told apart by class into
lists of one kind, and each kind becomes columns by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.kb.keymap import SPACE_BITS
from kbtools.kb.staged import VALUE
from kbtools.sources.wikidata import records
from kbtools.sources.wikidata.keys import KINDS, LARGEST, key_of
from kbtools.sources.wikidata.records import Snak

NO_KEY = -1
EARTH = "Q2"
CALENDARS = {"Q1985727": "gregorian", "Q1985786": "julian"}

Columns = dict[str, pa.Array]


class Values(NamedTuple):
    """The values of n snaks: `tails` [n] int64 keys, NO_KEY where `literals` has a row instead.

    `where` holds the positions (in 0..n-1, ascending) of the literal rows.
    """

    tails: np.ndarray[Any, np.dtype[np.int64]]
    where: np.ndarray[Any, np.dtype[np.int64]]
    literals: Columns


class _LastPart(dict[str, str | None]):
    """URL of an entity → its id, remembered; "1" (no unit) → None."""

    def __missing__(self, url: str) -> str | None:
        name = None if url in {"1", ""} else url.rpartition("/")[2]
        self[url] = name
        return name


_ID_OF_URL = _LastPart()


def read(snaks: Sequence[Snak], *, literals: bool = True) -> Values:
    """Turn snaks into columns; a value that makes no sense is a ValueError.

    Without `literals` only strings are among the literal rows, for the external ids in them.
    """
    values: list[Any] = [snak.datavalue for snak in snaks]
    codes = np.array([_CODES[value.__class__] for value in values], np.int8)
    tails = np.full(len(snaks), NO_KEY, np.int64)
    found: list[tuple[Any, Columns]] = []
    for code, (kind, columns) in enumerate(_KINDS):
        where = np.flatnonzero(codes == code)
        if not where.size or not (literals or kind in _BARE):
            continue
        if kind is records.EntityValue:
            keys = _keys([values[i].value for i in where.tolist()])
            tails[where] = keys
            where = where[keys == NO_KEY]
            if not where.size:
                continue
        chosen = [snaks[i] for i in where.tolist()]
        made = columns(chosen)
        made["datatype"] = pa.array([s.datatype or _FALLBACK[code] for s in chosen], pa.string())
        if kind is type(None):
            made["datatype"] = pa.array([_without_value(s) for s in chosen], pa.string())
        found.append((where, made))
    return Values(tails, *_interleave(found))


def _interleave(found: list[tuple[Any, Columns]]) -> tuple[Any, Columns]:
    """Bring literal rows of all kinds back into the order of their snaks."""
    if not found:
        return np.empty(0, np.int64), {name: pa.array([], kind) for name, kind in VALUE}
    where = np.concatenate([w for w, _ in found])
    order = np.argsort(where, kind="stable")
    columns = {}
    for name, kind in VALUE:
        pieces = [made[name] if name in made else pa.nulls(len(w), kind) for w, made in found]
        columns[name] = pa.concat_arrays(pieces).take(pa.array(order))
    return where[order], columns


def _keys(refs: list[records.EntityRef]) -> Any:
    """Return [n] keys; NO_KEY for what is no item, property or lexeme (forms, senses, schemas)."""
    kinds = np.array([KINDS.get(ref.entity_type or "", NO_KEY) for ref in refs], np.int64)
    numbers = np.array([ref.numeric_id or 0 for ref in refs], np.int64)
    sound = (kinds >= 0) & (numbers > 0) & (numbers <= LARGEST)
    keys = np.where(sound, numbers + (kinds << SPACE_BITS), NO_KEY)
    for i in np.flatnonzero(keys == NO_KEY):
        key = key_of(refs[i].id or "")
        if key is not None:
            keys[i] = key
    return keys


def _without_value(snak: Snak) -> str:
    if snak.snaktype not in {"somevalue", "novalue"}:
        raise ValueError(f"a snak of type {snak.snaktype!r} has no value")
    return snak.snaktype


def _entity_columns(snaks: list[Any]) -> Columns:
    ids = [snak.datavalue.value.id for snak in snaks]
    if not all(ids):
        raise ValueError("a reference to an entity has neither id nor numeric-id")
    return {"value": pa.array(ids, pa.string())}


def _string_columns(snaks: list[Any]) -> Columns:
    return {"value": pa.array([snak.datavalue.value for snak in snaks], pa.string())}


def _time_columns(snaks: list[Any]) -> Columns:
    points = [snak.datavalue.value for snak in snaks]
    times = [point.time for point in points]
    calendars = [_ID_OF_URL[point.calendarmodel] for point in points]
    return {
        "value": pa.array(times, pa.string()),
        # the year, negative before the common era: the sign is the first character
        "number": pa.array([float(time[: time.index("-", 1)]) for time in times], pa.float64()),
        "precision": pa.array([point.precision for point in points], pa.int8()),
        "calendar": pa.array([CALENDARS.get(c or "", c) for c in calendars], pa.string()),
    }


def _quantity_columns(snaks: list[Any]) -> Columns:
    amounts = [snak.datavalue.value for snak in snaks]
    return {
        "value": pa.array([a.amount for a in amounts], pa.string()),
        "number": pa.array([float(a.amount) for a in amounts], pa.float64()),
        "unit": pa.array([_ID_OF_URL[a.unit] for a in amounts], pa.string()),
    }


def _phrase_columns(snaks: list[Any]) -> Columns:
    phrases = [snak.datavalue.value for snak in snaks]
    return {
        "value": pa.array([phrase.text for phrase in phrases], pa.string()),
        "lang": pa.array([phrase.language for phrase in phrases], pa.string()),
    }


def _coordinate_columns(snaks: list[Any]) -> Columns:
    places = [snak.datavalue.value for snak in snaks]
    globes = [_ID_OF_URL[place.globe or ""] for place in places]
    return {
        "value": pa.array([f"{p.latitude!r},{p.longitude!r}" for p in places], pa.string()),
        # a coordinate's unit is its globe, where that is not the Earth
        "unit": pa.array([None if globe == EARTH else globe for globe in globes], pa.string()),
    }


def _none_columns(snaks: list[Any]) -> Columns:
    return {"value": pa.array([""] * len(snaks), pa.string())}


_KINDS: list[tuple[type, Callable[[list[Any]], Columns]]] = [
    (records.EntityValue, _entity_columns),
    (records.StringValue, _string_columns),
    (records.TimeValue, _time_columns),
    (records.QuantityValue, _quantity_columns),
    (records.PhraseValue, _phrase_columns),
    (records.CoordinateValue, _coordinate_columns),
    (records.OtherValue, _string_columns),
    (type(None), _none_columns),
]
_BARE = {records.EntityValue, records.StringValue}
_CODES = {kind: code for code, (kind, _) in enumerate(_KINDS)}
# the datatype of a snak that does not name it: the type of its value
_FALLBACK = [
    "wikibase-item",
    "string",
    "time",
    "quantity",
    "monolingualtext",
    "globe-coordinate",
    "unknown",
    "",
]
