"""What mentions are told apart by: how long the name is, how often its entity is linked, and what it is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.kb.asking import answer
from kbtools.kb.quoting import read_parquet
from kbtools.kb.reader import Base, Tables
from kbtools.tasks.candidates.gold import Gold
from kbtools.text import normalise_many

Keys = NDArray[np.uint64]  # kb and eid

LOW = np.uint64(0xFFFFFFFF)
LENGTHS = (4, 8, 16)  # characters at which a new group begins
LINKS = (1, 10, 100, 1000)
PRIORS = (1, 2, 3, 6, 31)
LINKING = ("anchor", "prior")  # the sources that say how often an entity is linked


class Groups(NamedTuple):
    """A way to tell mentions apart: the names of the groups, and the group of each mention (−1: none)."""

    by: str
    names: list[str]
    group: NDArray[np.int64]  # [N]


def lengths(surfaces: Sequence[str]) -> Groups:
    """Tell mentions apart by the characters of their names."""
    sizes = np.array([len(text) for text in normalise_many(list(surfaces))], np.int64)
    return Groups("length", _names(LENGTHS, least=1), np.searchsorted(LENGTHS, sizes, side="right"))


def priors(ranks: NDArray[np.int32]) -> Groups:
    """Tell mentions apart by the rank of the answer in the alias table."""
    group = np.where(ranks > 0, np.searchsorted(PRIORS, ranks, side="right") - 1, len(PRIORS))
    names = [*_names(PRIORS[1:], least=1), "not a candidate"]
    return Groups("prior rank", names, group.astype(np.int64))


def links(alias: Path, gold: Gold) -> Groups | None:
    """Tell mentions apart by how often their entities are linked; None if no links were counted."""
    distinct, place = np.unique(_key(gold.kb, gold.eid), return_inverse=True)
    words = ", ".join(f"'{word}'" for word in LINKING)
    found = answer(
        alias,
        f"SELECT a.place, sum(c.n)::UBIGINT AS links FROM {read_parquet(Tables(alias).files('counts'))} c "
        f"JOIN asked a ON a.kb = c.kb AND a.eid = c.eid WHERE c.source IN ({words}) GROUP BY a.place",
        _asked(distinct),
    )
    if not found.num_rows:
        return None
    counted = np.zeros(distinct.size, np.uint64)
    counted[found["place"].to_numpy()] = found["links"].to_numpy()
    return Groups("links", _names(LINKS, least=0), np.searchsorted(LINKS, counted[place], side="right"))


def types(bases: dict[int, Base], gold: Gold, most: int) -> Groups | None:
    """Tell mentions apart by the classes of their entities; None where no classes are known.

    The `most` classes with the most mentions have a group each; an entity of several is in the largest.
    """
    distinct, place, mentions = np.unique(_key(gold.kb, gold.eid), return_inverse=True, return_counts=True)
    at, kind = np.empty(0, np.int64), np.empty(0, np.uint64)
    for kb, base in sorted(bases.items()):
        if "types" in base.tables:
            stated = _stated(base, kb, distinct)
            at, kind = np.append(at, stated[0]), np.append(kind, stated[1])
    if not at.size:
        return None
    classes, of = np.unique(kind, return_inverse=True)
    sizes = np.bincount(of, weights=mentions[at])
    order = np.lexsort((classes, -sizes))
    rank = np.empty(classes.size, np.int64)
    rank[order] = np.minimum(np.arange(classes.size), most)
    kept = classes[order[:most]]
    largest = np.full(distinct.size, most + 1, np.int64)
    np.minimum.at(largest, at, rank[of])
    largest = np.where(largest >= most, kept.size + largest - most, largest)
    names = [*_labels(bases, kept), "other classes", "no class"]
    return Groups("type", names, largest[place])


def _stated(base: Base, kb: int, wanted: Keys) -> tuple[NDArray[np.int64], Keys]:
    """Find the classes of entities: places in `wanted`, and keys of classes."""
    sql = (
        f'SELECT DISTINCT place, t."type" AS kind FROM types t JOIN asked a ON a.eid = t.eid AND a.kb = {kb}'
    )
    found = answer(base.kb.path, sql, _asked(wanted), parts=base.parts, only={"types"})
    eids = found["kind"].to_numpy().astype(np.uint32)
    return found["place"].to_numpy().astype(np.int64), _key(np.full(eids.size, kb, np.uint8), eids)


def _labels(bases: dict[int, Base], classes: Keys) -> list[str]:
    """Call classes by label and id, so that two of one name are told apart."""
    names = [""] * classes.size
    for kb, base in bases.items():
        entities = read_parquet(base.kb.files("entities"))
        sql = f"SELECT place, label, id FROM {entities} e JOIN asked a ON a.eid = e.eid AND a.kb = {kb}"
        for row in answer(base.kb.path, sql, _asked(classes)).to_pylist():
            label, id_ = row["label"], row["id"]
            names[row["place"]] = f"{label} ({id_})" if label and label != id_ else id_
    return names


def _asked(keys: Keys) -> dict[str, NDArray[Any]]:
    """Lay entities out for a query: their places, kbs and eids."""
    kb, eid = (keys >> np.uint64(32)).astype(np.uint8), (keys & LOW).astype(np.uint32)
    return {"place": np.arange(keys.size), "kb": kb, "eid": eid}


def _key(kb: NDArray[np.uint8], eid: NDArray[np.uint32]) -> Keys:
    return (kb.astype(np.uint64) << np.uint64(32)) | eid


def _names(starts: Sequence[int], *, least: int) -> list[str]:
    """Name the groups that begin at `least` and at each of `starts`.

    >>> _names((4, 8, 16), least=1), _names((1, 2), least=0)
    (['1–3', '4–7', '8–15', '16+'], ['0', '1', '2+'])
    """
    bounds = [least, *starts]
    names = [str(low) if high == low + 1 else f"{low:,}–{high - 1:,}" for low, high in pairwise(bounds)]
    return [*names, f"{bounds[-1]:,}+"]
