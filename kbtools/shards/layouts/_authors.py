"""Persons by their names or ids, in a knowledge base; each name is looked up once in a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.errors import ConfigError
from kbtools.kb.reader import Base, Kb
from kbtools.kb.resolving import resolve
from kbtools.kb.schema import STR, TOMBSTONE
from kbtools.shards.base import I64, Bools, Here

Known = dict[str, int]  # −1: in vain


def chosen(here: Here, name: str | None) -> Base:
    """Return the knowledge base of that name, or the first."""
    if name is None:
        return here.bases[min(here.bases)]
    found = [base for base in here.bases.values() if base.name == name]
    if not found:
        names = ", ".join(base.name for base in here.bases.values())
        raise ConfigError(f"documents.kb = {name}: not here; there are: {names}")
    return found[0]


def eids(names: pa.Array, base: Base, trades: tuple[str, ...], types: tuple[str, ...]) -> I64:
    """Return the entity of each name; of several of one name the one with the most pages and triples."""
    known = _held(" ".join(f"{kb.path} {kb.manifest.content}" for kb in base.parts), trades, types)
    new = [name for name in pc.unique(names).to_pylist() if name not in known]
    if new:
        known.update(_looked_up(pa.array(new, STR), base, trades, types))
    return np.array([known[name] for name in names.to_pylist()], np.int64)


@lru_cache(maxsize=4)
def _held(_contents: str, _trades: tuple[str, ...], _types: tuple[str, ...]) -> Known:
    return {}


def _looked_up(names: pa.Array, base: Base, trades: tuple[str, ...], types: tuple[str, ...]) -> Known:
    """Look for ids, then for the names themselves, then with each trade."""
    found = resolve({0: base}, names).eid
    ways = [
        names,
        *(pc.binary_join_element_wise(names, pa.array([f"({one})"] * len(names)), " ") for one in trades),
    ]
    every = pa.concat_arrays(ways)
    asked = pc.unique(every)  # a name may be another's with a trade
    surface, eid = _surfaces(base, asked)
    fame, person = _fame(base), _persons(base, types)
    good = np.flatnonzero(person[eid])
    surface, eid = surface[good], eid[good]
    order = np.lexsort((eid, -fame[eid], surface))
    first, at = np.unique(surface[order], return_index=True)
    best = np.full(len(asked), -1, np.int64)
    best[first] = eid[order[at]]
    by_way = best[pc.index_in(every, asked).to_numpy(False)].reshape(len(ways), len(names))
    for way in by_way:
        found = np.where(found < 0, way, found)
    return dict(zip(names.to_pylist(), found.tolist(), strict=True))


def _surfaces(base: Base, asked: pa.Array) -> tuple[I64, I64]:
    """Return which of the asked (their places; each is asked once) is a name of which entity."""
    places, numbers = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for kb in base.parts:
        for batch in kb.scan("surfaces", ["text", "eid"]) if kb.rows("surfaces") else ():
            place = pc.index_in(batch["text"], asked)
            rows = np.flatnonzero(place.is_valid().to_numpy(False))
            places.append(place.take(pa.array(rows)).to_numpy().astype(np.int64))
            numbers.append(batch["eid"].to_numpy()[rows].astype(np.int64))
    return np.concatenate(places), np.concatenate(numbers)


@lru_cache(maxsize=2)
def _fame_of(path: Path, _content: str) -> I64:
    kb = Kb(path)
    found = np.zeros(kb.rows("entities"), np.int64)
    for batch in kb.scan("entities", ["eid", "sitelinks", "in_degree", "flags"]):
        score = (batch["sitelinks"].to_numpy().astype(np.int64) << 32) + batch["in_degree"].to_numpy()
        gone = batch["flags"].to_numpy() & TOMBSTONE != 0
        found[batch["eid"].to_numpy()] = np.where(gone, -1, score)
    return found


def _fame(base: Base) -> I64:
    return _fame_of(base.kb.path, base.kb.manifest.content)


def _persons(base: Base, types: tuple[str, ...]) -> Bools:
    """Tell who may be an author: whoever is of one of these types, and no tombstone."""
    alive: Bools = _fame(base) >= 0
    if not types:
        return alive
    wanted = resolve({0: base}, pa.array(types, STR)).eid
    if (wanted < 0).any():
        strange = types[int(np.flatnonzero(wanted < 0)[0])]
        raise ConfigError(f"documents.author_types: {strange} is not in {base.kb.path}")
    person = np.zeros(len(alive), np.bool_)
    for kb in base.parts:
        for batch in kb.scan("types", ["eid", "type"]) if kb.rows("types") else ():
            person[batch["eid"].to_numpy()[np.isin(batch["type"].to_numpy(), wanted)]] = True
    return alive & person
