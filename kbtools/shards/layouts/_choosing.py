"""Which triples of a knowledge base are wanted, and to which split an entity belongs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.kb import statements
from kbtools.kb.arrays import create_npy, load_npy
from kbtools.kb.reader import Base
from kbtools.kb.schema import DEPRECATED
from kbtools.kb.statements import UNSAID, Triples
from kbtools.shards.base import Bools, Here
from kbtools.shards.keys import key, parts, purpose
from kbtools.shards.layouts import _banned

ROOM = "work/layout"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which triples."""

    relations: tuple[str, ...] = setting("Only these relations, by id; none named: all.", ())
    deny: tuple[str, ...] = setting("Not these relations.", ())
    rank: Literal["best", "normal", "all"] = setting(
        "Best statements, all but deprecated ones, or all.", "best"
    )
    min_degree: int = setting("Triples whose ends both stand in so many.", 0)
    without: Path | None = setting(
        "Not the facts of this file: head, relation, tail by id with tabs between; FewRel's or LAMA's JSON.",
        None,
    )
    without_by: Literal["fact", "pair"] = setting(
        "Not those facts, or nothing at all between their two ends.", "fact"
    )
    split: Literal["kb", "head", "entities"] = setting(
        "As the knowledge base says, where it does; by the head; or entities apart, none in two splits.", "kb"
    )


class Chooser:
    """What it takes to choose, read once in each process."""

    def __init__(self, base: Base, settings: Choice, here: Here) -> None:
        self.base, self.settings, self.counts = base, settings, here.counts
        self.wanted = _wanted(base, settings)
        self.split = saved(here, base, "split")
        self.degree = saved(here, base, "degree") if settings.min_degree else None
        self.described: Bools | None = None
        self.banned = _banned.load(room(here) / "without.npy") if settings.without else None

    def __call__(self, triples: Triples) -> Triples:
        """Return the triples that are wanted, each once, with their splits; what is left out is counted."""
        settings = self.settings
        found = self._left(triples, "of other ranks", _ranked(triples, settings.rank))
        found = self._left(found, "of other relations", self.wanted[found.relation])
        found = statements.once(found)
        if self.degree is not None:
            low = np.minimum(self.degree[found.head], self.degree[found.tail])
            found = self._left(found, "of rare entities", low >= settings.min_degree)
        if self.described is not None:
            found = self._left(
                found, "without descriptions", self.described[found.head] & self.described[found.tail]
            )
        if self.banned is not None:
            found = self._left(found, "kept for tests", ~self.banned.holds(found, settings.without_by))
        return self._divided(found)

    def _left(self, triples: Triples, why: str, kept: Bools) -> Triples:
        if kept.all():
            return triples
        self.counts[f"triples {why}"] += int((~kept).sum())
        return triples.take(kept)

    def _divided(self, triples: Triples) -> Triples:
        head = self.split[triples.head]
        if self.settings.split == "entities":
            both = head == self.split[triples.tail]
            return self._left(triples._replace(split=head), "between splits", both)
        if self.settings.split == "head":
            return triples._replace(split=head)
        return triples._replace(split=np.where(triples.split == UNSAID, head, triples.split).astype(np.uint8))


def prepare(base: Base, settings: Choice, here: Here) -> None:
    """Write what all tasks need: the split and degree of each entity, and the facts that must not be told."""
    folder = room(here)
    folder.mkdir(parents=True, exist_ok=True)
    rows = base.kb.rows("entities")
    split, degree = (
        create_npy(folder / "split.npy", np.uint8, rows),
        create_npy(folder / "degree.npy", np.uint32, rows),
    )
    seed, at = purpose(here.seed, "split"), 0
    for batch in base.kb.scan("entities", ["id", "in_degree", "out_degree"]):
        end = at + batch.num_rows
        split[at:end] = parts(key(seed, batch["id"]), here.shares)
        both = batch["in_degree"].to_numpy().astype(np.uint64) + batch["out_degree"].to_numpy()
        degree[at:end] = np.minimum(both, 0xFFFF_FFFF)
        at = end
    if settings.without:
        _banned.save(folder / "without.npy", settings.without, base, here.counts)


def one_base(here: Here, layout: str) -> Base:
    """Return the knowledge base; numbers of two would be mistaken for each other."""
    if len(here.bases) != 1:
        names = ", ".join(base.name for base in here.bases.values()) or "none"
        raise ConfigError(f"layout {layout}: takes one knowledge base and its overlays; there are: {names}")
    return next(iter(here.bases.values()))


def degrees(here: Here, base: Base) -> Any:
    """Return in how many triples each entity stands."""
    return saved(here, base, "degree")


def saved(here: Here, base: Base, name: str) -> Any:
    """Map what was prepared of each entity."""
    found = load_npy(room(here) / f"{name}.npy", gone="start again with --restart")
    if len(found) != base.kb.rows("entities"):
        raise ConfigError(f"{base.kb.path}: changed since the build began; start again with --restart")
    return found


def room(here: Here) -> Path:
    """Return the folder for what was prepared for all tasks."""
    if here.folder is None:
        raise ConfigError("no folder to prepare in: set `folder`")
    return here.folder / ROOM


def _ranked(triples: Triples, rank: str) -> Bools:
    if rank == "best":
        return triples.best
    return triples.rank > DEPRECATED if rank == "normal" else np.ones(len(triples.head), np.bool_)


def _wanted(base: Base, settings: Choice) -> Bools:
    """Tell of each relation whether it is wanted; refuse names that are none."""
    table = statements.relations(base)
    ids = table["id"].combine_chunks()
    strange = [
        name for name in (*settings.relations, *settings.deny) if not pc.any(pc.equal(ids, name)).as_py()
    ]
    if strange:
        known = ", ".join(ids[:20].to_pylist())
        raise ConfigError(
            f"{base.kb.path}: no relation {strange[0]!r}; there are {known}{' ...' * (len(ids) > 20)}"
        )
    wanted = np.ones(len(ids), np.bool_)
    if settings.relations:
        wanted = pc.is_in(ids, pa.array(settings.relations)).to_numpy(False)
    if settings.deny:
        wanted = wanted & ~pc.is_in(ids, pa.array(settings.deny)).to_numpy(False)
    by_rid = np.zeros(int(table["rid"].to_numpy().max(initial=-1)) + 1, np.bool_)
    by_rid[table["rid"].to_numpy()] = wanted
    return by_rid
