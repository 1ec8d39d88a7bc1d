"""What views ask of a whole knowledge base: arrays by eid, made once, mapped by all processes.

They lie in the folder of the build, or in memory where there is none. Whoever needs one first makes it; of
two that do at once, who make the same, the one that is ready later throws its own away. Memory, while they
are made: a byte for each entity, 8 for each row of `types`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools import artefact
from kbtools.arrays import ranges
from kbtools.errors import ArtefactError
from kbtools.kb.arrays import load_npy
from kbtools.kb.reader import Base
from kbtools.kb.schema import TOMBSTONE
from kbtools.shards.base import I64, Bools, Here

WORK = "work/views"
Array = NDArray[Any]


class Rows(NamedTuple):
    """A list of numbers for each eid, end to end."""

    offsets: Array  # [E + 1]
    values: Array

    def take(self, eids: I64) -> tuple[I64, Array]:
        """Return the lengths of the lists of some entities, and what is in them; of −1 and below nothing."""
        known = (eids >= 0) & (eids < len(self.offsets) - 1)
        at = np.where(known, eids, 0)
        first = self.offsets[at].astype(np.int64)
        lengths = np.where(known, self.offsets[np.minimum(at + 1, len(self.offsets) - 1)] - first, 0)
        return lengths, self.values[ranges(first, lengths)]


def alive(here: Here, kb: int) -> Bools | None:
    """Tell by eid who is an entity and no tombstone; None if the knowledge base is not at hand."""
    base = here.bases.get(kb)
    if base is None:
        return None
    found: Bools = _held(
        here, f"alive.{kb}", f"{base.kb.path} {base.kb.manifest.content}", lambda: {"all": _alive(base)}
    )["all"]
    return found


def with_vector(here: Here, kb: int) -> Bools | None:
    """Tell by eid who has a vector; None if all may be used: no vectors are given, or they are another's."""
    if here.vectors is None:
        return None
    manifest = artefact.read(here.vectors, "vectors")
    names = [one.name for one in manifest.kbs]
    if names and here.kbs[kb].name not in names:
        return None
    if not names and len(here.kbs) > 1:
        raise ArtefactError(f"{here.vectors}: does not say of which knowledge base its vectors are")
    path = here.vectors / "ids.parquet"
    return _held(here, f"vectors.{kb}", f"{path} {manifest.content}", lambda: {"all": _listed(path)})["all"]


def types(here: Here, base: Base, kb: int) -> Rows:
    """Return the direct types of every entity."""
    content = " ".join(f"{part.path} {part.manifest.content}" for part in base.parts)
    found = _held(here, f"types.{kb}", content, lambda: _types(base))
    return Rows(found["offsets"], found["values"])


def _alive(base: Base) -> Bools:
    found = np.ones(base.kb.rows("entities"), np.bool_)
    for batch in base.kb.scan("entities", ["eid", "flags"]):
        found[batch["eid"].to_numpy()] = batch["flags"].to_numpy() & TOMBSTONE == 0
    return found


def _listed(path: Path) -> Bools:
    try:
        eids = pq.read_table(path, columns=["eid"])["eid"].to_numpy().astype(np.int64)
    except (pa.ArrowException, OSError) as error:
        raise ArtefactError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    found = np.zeros(int(eids.max(initial=-1)) + 1, np.bool_)
    found[eids] = True
    return found


def _types(base: Base) -> dict[str, Array]:
    """Lay the types of a base and its overlays out by eid; several may say the same."""
    parts = [part for part in base.parts if "types" in part.tables]
    every = np.empty(sum(part.rows("types") for part in parts), np.uint64)
    at = 0
    for part in parts:
        for batch in part.scan("types", ["eid", "type"]):
            pairs = batch["eid"].to_numpy().astype(np.uint64) << np.uint64(32) | batch["type"].to_numpy()
            every[at : at + len(pairs)] = pairs
            at += len(pairs)
    if len(parts) > 1:  # one table is in order, and a set
        every = np.unique(every)
    eids = (every >> np.uint64(32)).astype(np.int64)
    edges = np.arange(base.kb.rows("entities") + 1)
    return {"offsets": np.searchsorted(eids, edges), "values": every.astype(np.uint32)}


def _held(here: Here, name: str, content: str, make: Callable[[], dict[str, Array]]) -> dict[str, Array]:
    """Return arrays that are held for this content, or make them."""
    held = _process(str(here.folder), name, content)
    if not held:
        held.update(make() if here.folder is None else _mapped(here.folder / WORK / name, make))
    return held


@lru_cache(maxsize=32)
def _process(_folder: str, _name: str, _content: str) -> dict[str, Array]:
    return {}


def _mapped(folder: Path, make: Callable[[], dict[str, Array]]) -> dict[str, Array]:
    if not folder.is_dir():
        mine = folder.with_name(f"{folder.name}.{os.getpid()}")
        mine.mkdir(parents=True, exist_ok=True)
        for name, array in make().items():
            np.save(mine / f"{name}.npy", array, allow_pickle=False)
        try:
            mine.rename(folder)
        except OSError:  # somebody was quicker
            for file in mine.iterdir():
                file.unlink()
            mine.rmdir()
    gone = "run the same command again"
    return {file.stem: load_npy(file, gone=gone) for file in sorted(folder.glob("*.npy"))}
