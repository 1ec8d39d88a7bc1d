"""The words of a range of entities, from all that tells of them, added up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kbtools.artefact import Outcome
from kbtools.kb.views import told
from kbtools.linkers.base import Longs
from kbtools.linkers.index.profile import labels
from kbtools.linkers.index.profile.csr import Csr
from kbtools.linkers.index.profile.layout import (
    BATCH,
    Range,
    base_of,
    fetched,
    gathered,
    load,
    save,
    summed,
    tables,
)
from kbtools.linkers.words import words_of

HELD = 1 << 22  # words that are kept before they are added up
_ROWS = "WHERE {column} >= {low} AND {column} < {high}"
Found = tuple[Longs, NDArray[np.uint64], Longs]  # rows of the range, terms, weights in sixteenths


class Sums:
    """Words as they come in; memory: HELD and what is left when they are added up."""

    def __init__(self) -> None:
        self._held: list[Found] = []
        self._size = self._least = 0

    def add(self, rows: Longs, terms: NDArray[np.uint64], weights: Longs) -> None:
        """Take words."""
        self._held.append((rows, terms, weights))
        self._size += len(rows)
        if self._size > HELD + 2 * self._least:
            self._least = len(self.total()[0])

    def total(self) -> Found:
        """Return each (row, term) once, in order."""
        none: Found = (np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int64))
        columns = [np.concatenate(column) for column in zip(none, *self._held, strict=True)]
        self._held = [summed(*columns)]
        self._size = len(self._held[0][0])
        return self._held[0]


def stem(mine: Range) -> str:
    """Say where the words of a range are put."""
    return f"work/gathered/{mine.stem}"


def gather(
    folder: Path,
    *,
    paths: list[str],
    mine: dict[str, Any],
    weights: dict[str, int],
    objects: int,
    stems: dict[str, list[str]],
    memory: int,
) -> Outcome:
    """Write the words of the range, and how many entities have each and how often."""
    some = msgspec.convert(mine, Range)
    sums = Sums()
    with tables(folder, base_of(paths, some.kb).parts, ["descriptions", "triples", "types"], memory) as con:
        for found in _descriptions(con, some, weights):
            sums.add(*found)
        for what, sql in (("object", _OBJECTS), ("type", _TYPES)):
            if weights[what]:
                led = fetched(con, sql.format(low=some.low, high=some.high, most=objects))
                sums.add(*_labels_of(folder, some, led["eid"], led["other"], weights[what]))
    own = np.arange(some.low, some.high)
    sums.add(*_labels_of(folder, some, own, own, weights["label"]))
    rows, terms = gathered(folder, stems["names"], some, "terms")
    rows, terms, _ = summed(rows, terms, np.ones(len(rows), np.int64))  # once an entity
    sums.add(rows, terms, np.full(len(rows), weights["names"]))
    rows, terms, counted = gathered(folder, stems["pages"], some, "terms", "weights")
    sums.add(rows, terms, counted.astype(np.int64))
    rows, terms, total = sums.total()
    kept = total > 0
    rows, terms, total = rows[kept], terms[kept], total[kept]
    seen, place = np.unique(terms, return_inverse=True)
    files = save(
        folder,
        stem(some),
        counts=np.bincount(rows, minlength=some.size).astype(np.uint32),
        places=place.astype(np.uint32),
        weights=np.minimum(total, 0xFFFFFFFF).astype(np.uint32),
        terms=seen,
        entities=np.bincount(place, minlength=len(seen)).astype(np.uint32),
        sums=np.bincount(place, total, minlength=len(seen)).astype(np.uint64),
    )
    return Outcome(files=files)


# Some triples of each entity, the first of each relation before the second: many relations tell more than
# many objects of one.
_OBJECTS = (
    "SELECT eid, other FROM (SELECT head AS eid, tail AS other, row_number() OVER ("
    "PARTITION BY head ORDER BY place, relation, tail) AS place FROM ("
    "SELECT head, relation, tail, row_number() OVER (PARTITION BY head, relation ORDER BY tail) AS place "
    "FROM (SELECT DISTINCT head, relation, tail FROM triples "
    "WHERE best AND head >= {low} AND head < {high}))) WHERE place <= {most}"
)
_TYPES = 'SELECT DISTINCT eid, "type" AS other FROM types WHERE eid >= {low} AND eid < {high}'


def _descriptions(con: Any, some: Range, weights: Mapping[str, int]) -> Iterator[Found]:
    sql = f"SELECT eid, kind::VARCHAR AS kind, text FROM descriptions {_ROWS}"
    with told():
        reader = con.sql(sql.format(column="eid", low=some.low, high=some.high)).to_arrow_reader(BATCH)
        for batch in reader:
            words = words_of(batch["text"].to_pylist())
            rows = batch["eid"].to_numpy().astype(np.int64) - some.low
            worth = np.array([weights.get(kind, 0) for kind in batch["kind"].to_pylist()], np.int64)
            yield rows[words.text], words.term, worth[words.text]


def _labels_of(
    folder: Path, some: Range, eid: NDArray[np.integer], other: NDArray[np.integer], weight: int
) -> Found:
    """Return the words of the labels of `other`, for those that they belong to."""
    csr = Csr(load(folder, labels.ALL, "offsets"), load(folder, labels.ALL, "terms"))
    lengths, at = csr.take(other.astype(np.int64) + some.first)
    rows = np.repeat(eid.astype(np.int64) - some.low, lengths)
    return rows, np.asarray(csr.values[at]), np.full(len(at), weight, np.int64)


def terms(folder: Path, *, stems: Sequence[str]) -> Outcome:
    """Write all terms in order, how many entities have each, and how often.

    They are united one slice at a time; what is in memory in the end is 20 bytes a term.
    """
    lists = [load(folder, one, "terms") for one in stems]
    slices = max(1, -(-sum(map(len, lists)) // HELD))
    width = (1 << 64) // slices
    bounds = np.array([number * width for number in range(1, slices)], np.uint64)
    cuts = [[0, *np.searchsorted(one, bounds).tolist(), len(one)] for one in lists]
    found: list[tuple[NDArray[np.uint64], ...]] = []
    for number in range(slices):
        pieces: list[list[NDArray[Any]]] = [[], [], []]
        for one, cut in zip(stems, cuts, strict=True):
            for place, name in enumerate(("terms", "entities", "sums")):
                pieces[place].append(load(folder, one, name)[cut[number] : cut[number + 1]])
        seen, at = np.unique(np.concatenate([np.zeros(0, np.uint64), *pieces[0]]), return_inverse=True)
        counts = np.zeros(len(seen), np.uint64)
        sums = np.zeros(len(seen), np.uint64)
        np.add.at(counts, at, np.concatenate([np.zeros(0, np.uint32), *pieces[1]]).astype(np.uint64))
        np.add.at(sums, at, np.concatenate([np.zeros(0, np.uint64), *pieces[2]]))
        found.append((seen, counts, sums))
    whole = [np.concatenate(column) for column in zip(*found, strict=True)]
    files = save(folder, "new/words", terms=whole[0], entities=whole[1].astype(np.uint32), sums=whole[2])
    return Outcome(files=files, facts={"terms": len(whole[0])})
