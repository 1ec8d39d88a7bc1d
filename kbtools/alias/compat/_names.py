"""Counts as arrays, and the sums that all systems begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias.building.weighing import Floats, Ints, new, ranks, sums
from kbtools.alias.schema import SOURCES
from kbtools.kb.schema import STR
from kbtools.text import SEPARATOR

Mask = NDArray[np.bool_]
Bits = NDArray[np.uint32]

LINKS = ("anchor", "prior")  # counted in text; all other sources are dictionaries


class Names(NamedTuple):
    """A range of `counts`; strings are numbered."""

    norms: pa.StringArray  # [N]
    surfaces: pa.StringArray  # [S]
    norm_of: Ints  # [S]
    surface: Ints  # [R]
    kb: Ints  # [R]
    eid: Ints  # [R]
    source: Ints  # [R] places in SOURCES
    n: Floats  # [R]

    def of(self, sources: Sequence[str]) -> Mask:
        """Mark the rows of some sources."""
        mask: Mask = np.isin(self.source, [SOURCES.index(source) for source in sources])
        return mask

    def rows(self, mask: Mask) -> Names:
        """Return the rows marked; strings keep their numbers."""
        return self._replace(
            surface=self.surface[mask], kb=self.kb[mask], eid=self.eid[mask], source=self.source[mask],
            n=self.n[mask],
        )  # fmt: skip


def read(counts: pa.Table) -> Names:
    """Take a range of `counts` apart."""
    norm, surface = _coded(counts["norm"]), _coded(counts["surface"])
    codes = surface.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    _, first = np.unique(codes, return_index=True)
    return Names(
        norms=norm.dictionary,
        surfaces=surface.dictionary,
        norm_of=norm.indices.to_numpy(zero_copy_only=False).astype(np.int64)[first],
        surface=codes,
        kb=counts["kb"].to_numpy().astype(np.int64),
        eid=counts["eid"].to_numpy().astype(np.int64),
        source=pc.index_in(counts["source"].cast(STR), pa.array(SOURCES, STR)).to_numpy().astype(np.int64),
        n=counts["n"].to_numpy().astype(np.float64),
    )


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole = column.combine_chunks() if column.num_chunks else pa.array([], STR)
    return whole.cast(STR).dictionary_encode()


def each(strings: pa.StringArray, change: Callable[[str], str]) -> pa.StringArray:
    """Change strings all at once; the separator has no case, so that it parts words.

    >>> each(pa.array(["NATO", "they're"]), str.title).to_pylist()
    ['Nato', "They'Re"]
    """
    if not len(strings):
        return strings
    return pa.array(change(SEPARATOR.join(strings.to_pylist())).split(SEPARATOR), STR)


class Pairs(NamedTuple):
    """What is known of each (key, kb, eid), in this order. A key is a spelling, or a group of them."""

    key: Ints
    kb: Ints
    eid: Ints
    table: Ints  # the number of its (key, kb)
    links: Floats  # counts of the sources chosen as links
    named: Floats  # rows of the dictionaries
    tags: Floats  # counts of the dictionaries
    sources: Bits

    @property
    def tables(self) -> int:
        """How many (key, kb) there are."""
        return int(self.table[-1]) + 1 if len(self.table) else 0

    def sum(self, values: Floats) -> Floats:
        """Sum up within each (key, kb)."""
        return sums(self.table, values, self.tables)

    def best_first(self, values: Floats) -> Ints:
        """Return each pair's place in its (key, kb), the largest value first, then the smallest eid."""
        order = np.lexsort((self.eid, -values, self.table))
        place = np.empty(len(order), np.int64)
        place[order] = ranks(self.table[order])
        return place


def pairs(names: Names, key: Ints, links: Mask, dictionaries: Mask) -> Pairs:
    """Sum up the rows marked; `key` has an item a row."""
    rows = np.flatnonzero(links | dictionaries)
    rows = rows[np.lexsort((names.eid[rows], names.kb[rows], key[rows]))]
    fresh = new(key[rows], names.kb[rows], names.eid[rows])
    pair = np.cumsum(fresh) - 1
    first, size = rows[fresh], int(fresh.sum())
    bits = np.zeros(size, np.uint32)
    np.bitwise_or.at(bits, pair, np.uint32(1) << names.source[rows].astype(np.uint32))
    told = dictionaries[rows]
    return Pairs(
        key=key[first],
        kb=names.kb[first],
        eid=names.eid[first],
        table=np.cumsum(new(key[first], names.kb[first])) - 1,
        links=sums(pair, np.where(links[rows], names.n[rows], 0), size),
        named=sums(pair, told.astype(np.float64), size),
        tags=sums(pair, np.where(told, names.n[rows], 0), size),
        sources=bits,
    )
