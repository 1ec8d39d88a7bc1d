"""What examples and entities are called, for people who read predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.linked.naming import Called
from kbtools.shards.base import NIL
from kbtools.shards.reader import IDS, Shards
from kbtools.shards.reading.ragged import Ragged
from kbtools.shards.reading.rows import Rows
from kbtools.tokens.tokenizer import Tokenizer

Longs = NDArray[np.int64]

BLOCK = 4096  # examples that are read at once
BRANCH, GROUP, ID = "branch", "group", "id"


class Texts:
    """The examples of a split, in words; of trees the trunk."""

    def __init__(self, shards: Shards, split: str, tokenizer: Tokenizer | None) -> None:
        self.shards, self.split, self.tokenizer = shards, split, tokenizer
        self.columns = [name for name in (IDS, BRANCH) if name in shards.columns]
        special = (shards.tokenizer.get(name, -1) for name in ("pad", "cls", "sep"))
        self.special = np.array([one for one in special if isinstance(one, int) and one >= 0], np.int64)

    def words(self, ids: Longs) -> pa.Array:
        """Return the tokens of the vocabulary."""
        if self.tokenizer is None:
            return pa.array([f"#{number}" for number in ids.tolist()], pa.string())
        return self.tokenizer.strings.cast(pa.string()).take(pa.array(ids))

    def whole(self, examples: Longs) -> pa.Array:
        """Return the texts of examples; each of them is read once, and is held once."""
        each, back = np.unique(examples, return_inverse=True)
        last = np.full(len(each), np.iinfo(np.int64).max)
        told = self.parts(each, np.zeros(len(each), np.int64), last)
        return pa.DictionaryArray.from_arrays(pa.array(back.astype(np.int32)), told)

    def parts(self, examples: Longs, first: Longs, last: Longs) -> pa.Array:
        """Return the tokens of examples from one to another, in words; examples do not fall."""
        if IDS not in self.columns:
            return pa.nulls(len(examples), pa.string())
        rows = Rows(self.shards, self.split, columns=self.columns)
        found: list[str] = []
        for at in range(0, len(examples), BLOCK):
            some = examples[at : at + BLOCK]
            read, back = np.unique(some, return_inverse=True)
            told = rows.gather(read)
            bounds = zip(
                back.tolist(), first[at : at + BLOCK].tolist(), last[at : at + BLOCK].tolist(), strict=True
            )
            found += [self._said(told, *one) for one in bounds]
        return pa.array(found, pa.string())

    def _said(self, told: dict[str, Any], row: int, first: int, last: int) -> str:
        ids: Ragged = told[IDS]
        low, high = int(ids.offsets[row]), int(ids.offsets[row + 1])
        here = slice(low + first, min(low + last + 1, high))
        kept = ~np.isin(ids.values[here], self.special)
        if BRANCH in told:
            kept &= told[BRANCH].values[here] == 0
        some = ids.values[here][kept].astype(np.int32)
        if self.tokenizer is None:
            return " ".join(f"#{number}" for number in some.tolist())
        return self.tokenizer.decode(some)

    def ids(self, examples: Longs) -> pa.Array | None:
        """Return the names of examples, if they have any."""
        found = self._strings(ID)
        return None if found is None else found.take(pa.array(examples))

    def groups(self) -> Longs | None:
        """Return the number of the group of each example, −1: it is in none; None: there are no groups."""
        found = self._strings(GROUP)
        if found is None or found.null_count == len(found):
            return None
        coded = found.dictionary_encode()
        return np.asarray(coded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False))

    def _strings(self, name: str) -> pa.Array | None:
        if name not in self.shards.columns:
            return None
        found = self.shards.table(self.split, [name])[name]
        if not (pa.types.is_string(found.type) or pa.types.is_large_string(found.type)):
            return None
        told = found.cast(pa.large_string()).combine_chunks()
        return told.combine_chunks() if isinstance(told, pa.ChunkedArray) else told


def naming(shards: Shards, kbs: Sequence[str | Path], kb: str) -> Callable[[Longs], pa.Array]:
    """Return what gives eids of a knowledge base their ids and labels, as far as it is at hand."""
    names = [ref.name for ref in shards.kbs]
    place = names.index(kb) if kb in names else 0
    called = Called(shards.manifest, kbs) if names else None

    def named(eids: Longs) -> pa.Array:
        each, back = np.unique(eids, return_inverse=True)
        told = called.names((place, eid) for eid in each.tolist() if eid >= 0) if called else {}
        words = []
        for eid in each.tolist():
            id_, label = told.get((place, eid), (None, None))
            known = " ".join(one for one in (id_ or f"eid {eid}", label) if one)
            words.append(known if eid >= 0 else "NIL" if eid == NIL else None)
        return pa.array(words, pa.string()).take(pa.array(back))

    return named
