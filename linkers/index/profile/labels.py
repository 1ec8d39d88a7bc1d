"""The words of labels of all entities: what triples and types lead to is named by them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kbtools.artefact import Outcome
from kbtools.kb.arrays import create_npy
from kbtools.kb.views import told
from kbtools.linkers.index.profile.csr import offsets_of
from kbtools.linkers.index.profile.layout import BATCH, Range, base_of, load, save, summed, tables
from kbtools.linkers.words import words_of

ALL = "work/labels"
_SQL = (
    "SELECT eid, label AS text FROM entities WHERE label IS NOT NULL AND eid >= {low} AND eid < {high} "
    "UNION ALL SELECT eid, text FROM labels WHERE eid >= {low} AND eid < {high}"
)


def stem(mine: Range) -> str:
    """Say where the labels of a range are put."""
    return f"work/labels/{mine.stem}"


def read(folder: Path, *, paths: list[str], mine: dict[str, Any], memory: int) -> Outcome:
    """Write the words of the labels of a range of entities, each word once an entity."""
    some = msgspec.convert(mine, Range)
    found: list[tuple[NDArray[Any], NDArray[np.uint64]]] = []
    with tables(folder, base_of(paths, some.kb).parts, ["entities", "labels"], memory) as con, told():
        for batch in con.sql(_SQL.format(low=some.low, high=some.high)).to_arrow_reader(BATCH):
            words = words_of(batch["text"].to_pylist())
            found.append((batch["eid"].to_numpy().astype(np.int64)[words.text] - some.low, words.term))
    rows, terms = together(found)
    rows, terms, _ = summed(rows, terms, np.ones(len(rows), np.int64))
    counts = np.bincount(rows, minlength=some.size).astype(np.uint32)
    return Outcome(files=save(folder, stem(some), counts=counts, terms=terms))


def together(
    found: Sequence[tuple[NDArray[Any], NDArray[np.uint64]]],
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Put pieces of rows and terms together."""
    rows = np.concatenate([np.zeros(0, np.int64), *(one for one, _ in found)])
    return rows, np.concatenate([np.zeros(0, np.uint64), *(one for _, one in found)])


def join(folder: Path, *, stems: list[str]) -> Outcome:
    """Put the labels of all ranges together."""
    counts = np.concatenate([np.zeros(0, np.uint32), *(load(folder, one, "counts") for one in stems)])
    files = save(folder, ALL, offsets=offsets_of(counts))
    name = f"{ALL}.terms.npy"
    whole = create_npy(folder / name, np.dtype("<u8"), int(counts.sum()))
    at = 0
    for one in stems:
        terms = load(folder, one, "terms")
        whole[at : at + len(terms)] = terms
        at += len(terms)
    return Outcome(files=[*files, name])
