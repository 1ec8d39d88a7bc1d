"""What facts say, as hashes: to order equal scores by what is said, and to find repetitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.kb.arrays import create_npy, load_npy
from kbtools.trees.base import I64, Bools
from kbtools.trees.facts import Facts, Texts

RELATIONS, NAMES, VALUES, REPEATED = (f"{name}.npy" for name in ("relations", "names", "values", "repeated"))
AT_ONCE = 1 << 18  # texts that are hashed together
FACTS = 1 << 20  # facts that are compared together, or those of one entity
GONE = "make the trees again"

U64 = NDArray[np.uint64]


def write(facts: Facts, folder: Path, *, predicate: bool) -> None:
    """Hash all texts, and mark facts that say what an earlier one of their entity says."""
    relations = create_npy(folder / RELATIONS, np.uint64, len(facts.relations))
    relations[:] = hashing.of_strings(facts.relation_ids)
    for name, texts in ((NAMES, facts.texts), (VALUES, facts.values)):
        _hashed(texts, create_npy(folder / name, np.uint64, len(texts)))
    _repeated(facts, folder, create_npy(folder / REPEATED, np.bool_, len(facts)), predicate=predicate)


def _hashed(texts: Texts, out: NDArray[Any]) -> None:
    for low in range(0, len(texts), AT_ONCE):
        high = min(low + AT_ONCE, len(texts))
        found: pa.StringArray = texts.take(np.arange(low, high))
        out[low:high] = hashing.of_strings(found)


def objects(facts: Facts, folder: Path, rows: I64) -> U64:
    """Return the hash of the object's text of each fact."""
    names, values = (load_npy(folder / name, gone=GONE) for name in (NAMES, VALUES))
    tail = facts.tail[rows]
    entity = tail >= 0
    found = np.empty(len(rows), np.uint64)
    found[entity] = names[facts.name[tail[entity]]]
    found[~entity] = values[-1 - tail[~entity]]
    return found


def values(folder: Path) -> U64:
    """Return the hash of each literal's text."""
    found: U64 = load_npy(folder / VALUES, gone=GONE)
    return found


def relations(facts: Facts, folder: Path, rows: I64) -> U64:
    """Return the hash of the relation's id of each fact."""
    found: U64 = load_npy(folder / RELATIONS, gone=GONE)[facts.relation[rows]]
    return found


def repeated(folder: Path, rows: I64) -> Bools:
    """Tell which facts would make a branch that another fact of the entity makes."""
    found: Bools = load_npy(folder / REPEATED, gone=GONE)[rows]
    return found


def _repeated(facts: Facts, folder: Path, out: NDArray[Any], *, predicate: bool) -> None:
    out[:] = False
    entity = 0
    while entity < facts.entities:
        low = int(facts.begins[entity])
        after = int(np.searchsorted(facts.begins, low + FACTS, side="right")) - 1
        entity = min(max(after, entity + 1), facts.entities)
        rows = np.arange(low, int(facts.begins[entity]))
        head, said = facts.heads(rows), objects(facts, folder, rows)
        relation = facts.relation[rows] if predicate else np.zeros(len(rows), np.uint32)
        order = np.lexsort((rows, said, relation, head))
        keys = (head[order], relation[order], said[order])
        again = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
        out[rows[order[1:][again]]] = True
