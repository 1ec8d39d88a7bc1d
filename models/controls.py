"""Controls: what entities are worth is what is lost when they are not the true ones (`run.entities`).

    none       no mention is left
    permuted   each entity has the vector of another one, always the same
    redrawn    at each occurrence another entity, drawn from all
    random     vectors are drawn anew, with the mean and the deviation of the rows
    wrong      another candidate of the mention, always the same; without any, somebody drawn from all
    swap       another entity with the same types, always the same

permuted and random change tables (vectors/controlled.py), the others the columns of mentions, before
objectives see them. Of a mention all columns change alike: if the second candidate was gold, what has its
place is, with its prior. `all` are the entities that have a vector, else those of the base (`--kb`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kbtools.cycles import I64, U64, another, below, keys_of
from kbtools.errors import ConfigError
from kbtools.kb.kinds import circles, kinds
from kbtools.kb.reader import Base, gather
from kbtools.kb.schema import TOMBSTONE
from kbtools.models.batch import Batch
from kbtools.models.draws import key

Entities = Literal["true", "none", "permuted", "redrawn", "random", "wrong", "swap"]
OF_LINKS, OF_TABLES = ("none", "redrawn", "wrong", "swap"), ("permuted", "random")
NAMED = ("eids", "gold", "best", "parents")  # columns of eids
ABOUT = ("types", "parents", "relations")  # what is said of one that is gone
NOTHING = {"spans": 0, "priors": 0, "ps": 0, "p": 0}  # what stands for nothing; else −1
TREES = "branches of trees are made with them: `kbtools tree -o choice.facts={}`"


class Pool(NamedTuple):
    """Who may be drawn of a knowledge base."""

    eids: I64  # [N] sorted
    next: I64 | None = None  # [N] a place in `eids`: the other one of the same kind


@dataclass(frozen=True)
class Links:
    """Puts other entities in the place of those that are mentioned; called with a batch as it was read."""

    which: Entities
    seed: int
    pools: Mapping[str, Pool]

    def columns(self, there: Iterable[str]) -> list[str]:
        """Name columns that it reads beside those that others ask for."""
        return [one for one in there if _of(one, "eids")] if self.which == "wrong" else []

    def __call__(self, batch: Batch) -> None:
        """Change the columns of mentions, in place."""
        for name in [one.removesuffix(".spans") for one in batch if _of(one, "spans")]:
            if self.which == "none":
                _emptied(batch, name, _parts(batch, name))
            elif self.which == "swap":
                for column in _there(batch, name, NAMED):
                    _put(batch, column, _swapped(_array(batch, column), self._pool(name)))
            else:
                self._redraw(batch, name)
                _emptied(batch, name, [one for one in ABOUT if f"{name}.{one}" in batch])

    def _redraw(self, batch: Batch, name: str) -> None:
        """Draw others for each occurrence, which is another one in each epoch; wrong ones stay."""
        pool, wrong = self._pool(name), self.which == "wrong"
        many = batch[f"{name}.spans"].shape[:2]
        keys = _occurrences(batch, name, self.seed, epoch=not wrong).reshape(many)
        before = {column: _array(batch, column) for column in _there(batch, name, NAMED[:3])}
        candidates = before.get(f"{name}.eids")
        for column, eids in before.items():
            found = _drawn(eids, pool, keys[..., None] if eids.ndim == 3 else keys)
            if wrong and candidates is not None:
                found = _wrong(eids, candidates, keys, found)
            _put(batch, column, found)

    def _pool(self, name: str) -> Pool:
        kb = name.removeprefix("entities.")
        if kb not in self.pools:
            raise ConfigError(f"run.entities is {self.which}, but nothing is known of entities of {kb}")
        return self.pools[kb]


def links(
    which: Entities, seed: int, columns: Iterable[str], tables: Mapping[str, Any], kbs: Sequence[str | Path]
) -> Links | None:
    """Make the control of links that `which` says, if it is one; `columns` are those of all shards."""
    if which not in OF_LINKS:
        return None
    names = _mentioned(columns)
    if not names:
        raise ConfigError(f"run.entities is {which}, but the shards have no mentions; {TREES.format(which)}")
    found = {base.name: base for base in gather(kbs)} if which != "none" else {}
    drawn = key(seed, "entities")
    pools = {name: _pool(which, name, tables.get(name), found.get(name), drawn) for name in names}
    return Links(which, drawn, {name: pool for name, pool in pools.items() if pool is not None})


def check(which: Entities, columns: Iterable[str], vectors: Sequence[str | Path], kbs: Sequence[Any]) -> None:
    """Refuse a control that nothing is there for."""
    if which in OF_TABLES and not vectors:
        raise ConfigError(f"run.entities is {which}: give --vectors to be changed; {TREES.format(which)}")
    if which in OF_LINKS and not _mentioned(columns):
        raise ConfigError(f"run.entities is {which}, but the shards have no mentions; {TREES.format(which)}")
    if which == "swap" and not kbs:
        raise ConfigError("run.entities is swap: give the --kb that says what entities are")
    if which in {"redrawn", "wrong"} and not vectors and not kbs:
        raise ConfigError(f"run.entities is {which}: give --vectors or --kb to draw entities from")


def _pool(which: Entities, name: str, table: Any, base: Base | None, seed: int) -> Pool | None:
    if which == "none":
        return None
    eids = None
    if table is not None and not table.absent:
        eids = (table.source.eids() if table.source is not None else table.eids).cpu().numpy()
    elif base is not None:
        eids = _alive(base)
    if eids is None or len(eids) < 2:
        raise ConfigError(f"run.entities is {which}: there are no two entities of {name!r} to draw from")
    eids = np.sort(eids[eids >= 0]).astype(np.int64)
    if which != "swap":
        return Pool(eids)
    if base is None:
        raise ConfigError(f"run.entities is swap: give the --kb {name!r}, that says what entities are")
    return Pool(eids, circles(kinds(base), eids, seed))


def _alive(base: Base) -> I64:
    found = np.ones(base.kb.rows("entities"), np.bool_)
    for batch in base.kb.scan("entities", ["eid", "flags"]):
        found[batch["eid"].to_numpy()] = batch["flags"].to_numpy() & TOMBSTONE == 0
    return np.flatnonzero(found)


def _mentioned(columns: Iterable[str]) -> list[str]:
    names = {one.split(".", 1)[1].removesuffix(".spans") for one in columns if _of(one, "spans")}
    return sorted(names)


def _of(column: str, part: str) -> bool:
    return column.startswith("entities.") and column.endswith(f".{part}")


def _parts(batch: Batch, name: str) -> list[str]:
    found = (one.removeprefix(f"{name}.") for one in batch if one.startswith(f"{name}."))
    return [one for one in found if not one.endswith("mask")]


def _emptied(batch: Batch, name: str, parts: Iterable[str]) -> None:
    """Say nothing any more."""
    for part in parts:
        column = f"{name}.{part}"
        batch[column] = torch.full_like(batch[column], NOTHING.get(part, -1))
        if f"{column}.mask" in batch:
            batch[f"{column}.mask"] = torch.zeros_like(batch[f"{column}.mask"])


def _there(batch: Batch, name: str, parts: Iterable[str]) -> list[str]:
    return [f"{name}.{part}" for part in parts if f"{name}.{part}" in batch]


def _array(batch: Batch, column: str) -> I64:
    found: I64 = batch[column].numpy().astype(np.int64)
    return found


def _put(batch: Batch, column: str, values: NDArray[Any]) -> None:
    like: Tensor = batch[column]
    batch[column] = torch.from_numpy(values.reshape(like.shape)).to(like.dtype)


def _occurrences(batch: Batch, name: str, seed: int, *, epoch: bool) -> U64:
    """Hash where mentions stand: in which example, from which token to which; [B · M]."""
    spans = _array(batch, f"{name}.spans")
    rows, first = _array(batch, "batch.rows"), spans[..., 0]
    length = spans[..., 1] - first
    if rows.ndim == 2:  # packed
        row = np.arange(len(rows))[:, None]
        example = np.maximum(_array(batch, "sequence")[row, first] - 1, 0)
        rows, first = rows[row, example], _array(batch, "positions")[row, first]
    else:
        rows = np.broadcast_to(rows[:, None], first.shape)
    now = int(batch.get("batch.epoch", 0)) if epoch else 0
    return keys_of(np.full(first.size, seed), np.full(first.size, now), *map(np.ravel, (rows, first, length)))


def _drawn(eids: I64, pool: Pool, keys: U64) -> I64:
    """Draw others; those that were different still are."""
    some = np.flatnonzero(eids >= 0)
    asked, of = eids.ravel()[some], np.broadcast_to(keys, eids.shape).ravel()[some]
    place, known = _places(asked, pool)
    place = np.where(known, place, below(keys_of(of, asked), len(pool.eids)))
    found = eids.ravel().copy()
    found[some] = pool.eids[another(place, len(pool.eids), of)]
    return found.reshape(eids.shape)


def _swapped(eids: I64, pool: Pool) -> I64:
    place, known = _places(eids, pool)
    if pool.next is None:
        raise ValueError("a pool without kinds")
    return np.where(known, pool.eids[pool.next[place]], eids)


def _places(eids: I64, pool: Pool) -> tuple[I64, NDArray[np.bool_]]:
    """Find entities among those that may be drawn."""
    place = np.minimum(np.searchsorted(pool.eids, eids), len(pool.eids) - 1)
    return place, pool.eids[place] == eids


def _wrong(eids: I64, candidates: I64, keys: U64, drawn: I64) -> I64:
    """Move candidates on by a number of places that the occurrence decides; whoever is none becomes one.

    eids [B, M] or [B, M, K]; candidates [B, M, K], −1 behind the last; `drawn` where there is no other one.
    """
    many = (candidates >= 0).sum(-1)[..., None]  # [B, M, 1]
    if not candidates.shape[2]:
        return drawn
    each = eids if eids.ndim == 3 else eids[..., None]
    same = (each[..., None] == candidates[..., None, :]) & (each[..., None] >= 0)  # [B, M, ·, K]
    own, drew = same.any(-1), keys[..., None]
    shift = np.where(own, 1 + below(drew, np.maximum(many - 1, 1)), 0)
    at = np.where(own, same.argmax(-1), below(drew, np.maximum(many, 1)))
    moved = np.take_along_axis(candidates, (at + shift) % np.maximum(many, 1), -1)
    other = (each >= 0) & (many > own)
    found: I64 = np.where(other, moved, drawn.reshape(each.shape)).reshape(eids.shape)
    return found
