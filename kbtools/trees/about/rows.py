"""Rows of trees as flat arrays: what checks and counts look at."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.kb.reader import Tables
from kbtools.kb.schema import STR
from kbtools.trees.schema import KIND

ROWS = 2048  # of a batch

Array = NDArray[Any]
Bools = NDArray[np.bool_]


class Trees(Tables):
    """One `trees` folder."""

    kind = KIND


class Flat(NamedTuple):
    """The tokens of some rows, laid end to end."""

    owner: Array  # [T] the row of each token
    offsets: Array  # [R + 1]
    tokens: pa.StringArray  # [T]
    soft: Array
    branch: Array
    word: Array
    segment: Array

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> Flat:
        """Take them out of a batch; in each row all lists are of one length."""
        lengths = sizes(batch, "tokens")
        for name in ("soft", "branch", "word", "segment"):
            if (sizes(batch, name) != lengths).any():
                raise ArtefactError(
                    f"a tree has more or fewer {name} than tokens; `kbtools verify --deep` tells"
                )
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        columns = (
            pc.fill_null(batch[name].flatten().cast(pa.int32()), -1).to_numpy(zero_copy_only=False)
            for name in ("soft", "branch", "word", "segment")
        )
        owner = np.repeat(np.arange(len(lengths)), lengths)
        return cls(owner, offsets, batch["tokens"].flatten().cast(STR), *columns)

    @property
    def begins(self) -> Bools:
        """Which tokens begin a branch."""
        found = self.branch > 0
        found[1:] &= (self.branch[1:] != self.branch[:-1]) | (self.owner[1:] != self.owner[:-1])
        return found

    def above(self) -> Array:
        """Return the last token of the trunk before each token, or itself; −1: the row has none so far."""
        place = np.maximum.accumulate(np.where(self.branch == 0, np.arange(len(self.branch)), -1))
        return np.where(place >= self.offsets[self.owner], place, -1)

    def texts(self) -> pa.Array:
        """Return each branch as its words, as far as tokens tell where words begin."""
        inside = np.flatnonzero(self.branch > 0)
        firsts = np.flatnonzero(self.begins[inside])
        offsets = pa.array(np.append(firsts, len(inside)).astype(np.int32))
        lists = pa.ListArray.from_arrays(offsets, self.tokens.take(pa.array(inside)))
        marked = pc.any(pc.match_substring_regex(self.tokens, "^[Ġ▁]")).as_py()
        if marked:
            return pc.utf8_trim_whitespace(pc.replace_substring_regex(pc.binary_join(lists, ""), "[Ġ▁]", " "))
        return pc.replace_substring(pc.binary_join(lists, " "), " ##", "")


def sizes(batch: pa.RecordBatch, name: str) -> Array:
    """Return how long the lists of a column are; −1: null."""
    found: Array = pc.fill_null(pc.list_value_length(batch[name]), -1).to_numpy(zero_copy_only=False)
    return found
