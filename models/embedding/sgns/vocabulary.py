"""The words of a corpus that have a vector, the most frequent ones first, and the entities."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools.models.embedding.sgns.reading import ROOM, VOCABULARY
from kbtools.models.embedding.sgns.settings import Settings
from kbtools.vectors.words import subwords

HELD = 30_000_000  # different words; when there are more, rare ones are forgotten
AT_ONCE = 1 << 20  # of new ones, before they are put to the others
BUCKETS = 2_000_000

I64 = NDArray[np.int64]


class Words:
    """Words by row."""

    def __init__(self, texts: pa.Array, counts: I64, seen: int, different: int) -> None:
        self.texts, self.counts = texts, counts
        self.seen, self.different = seen, different  # of the corpus, rare ones too

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def total(self) -> int:
        """How many words of the corpus have a row."""
        return int(self.counts.sum())

    def rows(self, asked: pa.ChunkedArray) -> I64:
        """Return the row of each word, −1 if it has none."""
        found = pc.index_in(asked, value_set=self.texts).fill_null(-1)
        return np.asarray(found.to_numpy(), np.int64)

    def kept(self, subsample: float) -> NDArray[np.float64]:
        """Return with which probability a word that stands in the text is looked at."""
        if not subsample:
            return np.ones(len(self))
        share = subsample * self.total / np.maximum(self.counts, 1)
        return np.minimum(1.0, np.sqrt(share) + share)


def count(folder: Path, pieces: Iterable[int], settings: Settings) -> Words:
    """Put the counts of all pieces together."""
    held, seen, different = [VOCABULARY.empty_table()], 0, 0
    for number in pieces:
        held.append(pq.read_table(folder / f"{ROOM}/{number:06}.parquet"))
        seen += int(pc.sum(held[-1]["count"]).as_py() or 0)
        if sum(map(len, held[1:])) > max(len(held[0]), AT_ONCE):
            held = [_summed(held)]
            different = max(different, len(held[0]))
            held = [_frequent(held[0])]
    table = _summed(held)
    different = max(different, len(table))
    table = table.filter(pc.greater_equal(table["count"], settings.least))
    table = table.sort_by([("count", "descending"), ("word", "ascending")])
    if settings.most:
        table = table.slice(0, settings.most)
    counts = np.asarray(table["count"].to_numpy(), np.int64)
    return Words(table["word"].combine_chunks(), counts, seen, different)


def _frequent(table: pa.Table) -> pa.Table:
    """Forget words that occurred once, then those that did twice, until few enough are left."""
    least = 1
    while len(table) > HELD:
        least += 1
        table = table.filter(pc.greater_equal(table["count"], least))
    return table


def _summed(tables: list[pa.Table]) -> pa.Table:
    found = pa.concat_tables(tables).group_by("word").aggregate([("count", "sum")])
    return found.rename_columns({"count_sum": "count"}).select(VOCABULARY.names)


class Pieces(NamedTuple):
    """Of each word its n-grams: those of row w are bucket[offsets[w]:offsets[w + 1]]."""

    offsets: I64
    bucket: I64
    rows: int


def ngrams(words: Words, settings: Settings) -> Pieces:
    """Find the n-grams of all words and their rows."""
    buckets = settings.buckets or BUCKETS
    owner, bucket = subwords(words.texts, settings.min_n, settings.max_n, buckets)
    if not settings.buckets and (fewer := len(np.unique(bucket))) < buckets // 2:
        buckets = max(1, 2 * fewer)  # half of them are empty: few meet
        owner, bucket = subwords(words.texts, settings.min_n, settings.max_n, buckets)
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.bincount(owner, minlength=len(words)), out=offsets[1:])
    return Pieces(offsets, bucket, buckets)
