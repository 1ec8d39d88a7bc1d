"""What pages tell of entities: how their own begin, what stands around anchors to them, who links to them.

Of an entity with many anchors some are drawn by chance: by the hash of where they stand, so that it does not
depend on how the pages are cut into pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.hashing import mix
from kbtools.arrays import ranges
from kbtools.artefact import Outcome
from kbtools.kb.reader import Kb
from kbtools.kb.views import told
from kbtools.linkers.base import Longs
from kbtools.linkers.index.profile.layout import base_of, fetched, load, save, scatter, summed, tables
from kbtools.linkers.words import Words, words_of

COUNTS = "work/anchors"
_BATCH = 256  # pages that are read at once


class How(NamedTuple):
    """What is read of pages; plain values, to travel in a task. Weights are in sixteenths."""

    opening: int
    context: int
    opening_words: int
    context_words: int
    contexts: int


def count(folder: Path, *, paths: list[str], firsts: list[int], memory: int) -> Outcome:
    """Count the anchors to each entity."""
    counts = np.zeros(firsts[-1], np.uint32)
    for kb, first in enumerate(firsts[:-1]):
        with tables(folder, base_of(paths, kb).parts, ["anchors"], memory) as con:
            found = fetched(
                con,
                "SELECT target, least(count(*), 4294967295) AS n FROM anchors WHERE target IS NOT NULL "
                "GROUP BY target",
            )
        counts[found["target"].astype(np.int64) + first] = found["n"]
    return Outcome(files=save(folder, COUNTS, counts=counts))


def read(
    folder: Path,
    *,
    paths: list[str],
    kb: int,
    part: int,
    first: int,
    pages: list[int],
    how: Sequence[int],
    memory: int,
    stem: str,
) -> Outcome:
    """Write the words that some pages of one part tell of entities, and the links in them."""
    told_how = How(*how)
    mine = base_of(paths, kb).parts[part]
    counts = load(folder, COUNTS, "counts")
    found: list[tuple[Longs, NDArray[np.uint64], Longs]] = []
    links: list[NDArray[np.uint64]] = [np.zeros(0, np.uint64)]
    low, high = pages
    with tables(folder, [mine], ["pages", "anchors"], memory) as con:
        anchors = fetched(con, _ANCHORS.format(low=low, high=high))
        anchors = {name: column.astype(np.int64) for name, column in anchors.items()}
        with told():
            reader = con.sql(_PAGES.format(low=low, high=high)).to_arrow_reader(_BATCH)
            for batch in reader:
                number = batch["page"].to_numpy().astype(np.int64)
                eid = batch["eid"].fill_null(-1).to_numpy(zero_copy_only=False)
                here = _Pages(number, eid, words_of(batch["text"].to_pylist()))
                some = _anchors_of(anchors, number)
                links.append(_links(here, some, first))
                drawn = _drawn(some, counts[some["target"] + first], part, told_how.contexts)
                found += [here.opening(first, told_how), here.around(drawn, first, told_how)]
        rows, terms, weights = (
            np.concatenate([np.zeros(0, kind), *column])
            for kind, column in zip(
                (np.int64, np.uint64, np.int64), zip(*found, strict=True) if found else [()] * 3, strict=True
            )
        )
    rows, terms, weights = summed(rows, terms, weights)
    files = scatter(folder, f"{stem}.words", rows, terms=terms, weights=weights.astype(np.uint32))
    packed = np.unique(np.concatenate(links))
    pairs = (packed >> np.uint64(32)), (packed & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    return Outcome(files=[*files, *scatter(folder, f"{stem}.links", pairs[0], others=pairs[1])])


_ANCHORS = (
    'SELECT page, "start", "end", target FROM anchors WHERE page >= {low} AND page < {high} '
    'AND target IS NOT NULL ORDER BY page, "start", "end", target'
)
_PAGES = (
    "SELECT page, eid::BIGINT AS eid, text FROM pages WHERE page >= {low} AND page < {high} ORDER BY page"
)


def pieces(parts: Sequence[Kb], size: int) -> list[tuple[int, list[int]]]:
    """Cut the pages of each part."""
    return [
        (number, [low, low + size])
        for number, part in enumerate(parts)
        for low in range(0, part.rows("pages"), size)
    ]


class _Pages(NamedTuple):
    """Some pages in a row, and their words."""

    number: Longs
    eid: Longs  # −1: none
    words: Words

    @property
    def bounds(self) -> Longs:
        """Where the words of each page begin, and the last ends."""
        return np.searchsorted(self.words.text, np.arange(len(self.number) + 1))

    def opening(self, first: int, how: How) -> tuple[Longs, NDArray[np.uint64], Longs]:
        """Return the words that pages begin with, for the entities whose pages they are."""
        bounds = self.bounds
        own = np.flatnonzero(self.eid >= 0) if how.opening else np.zeros(0, np.int64)
        lengths = np.minimum(np.diff(bounds), how.opening_words)[own]
        at = ranges(bounds[:-1][own], lengths)
        return np.repeat(self.eid[own] + first, lengths), self.words.term[at], np.full(len(at), how.opening)

    def around(
        self, anchors: dict[str, Any], first: int, how: How
    ) -> tuple[Longs, NDArray[np.uint64], Longs]:
        """Return the words around anchors, for the entities that they point to."""
        text = np.searchsorted(self.number, anchors["page"])
        bounds = self.bounds
        starts = self.words.text.astype(np.int64) << 32 | self.words.start
        ends = self.words.text.astype(np.int64) << 32 | self.words.end
        low = np.searchsorted(ends, text << 32 | anchors["start"], "right")  # the first that ends inside
        high = np.searchsorted(starts, text << 32 | anchors["end"])
        before = np.maximum(low - how.context_words, bounds[text])
        after = np.minimum(high + how.context_words, bounds[text + 1])
        target = anchors["target"] + first
        lengths = np.concatenate([low - before, np.maximum(after - high, 0)])
        at = ranges(np.concatenate([before, high]), lengths)
        rows = np.repeat(np.concatenate([target, target]), lengths)
        kept = len(at) if how.context else 0
        return rows[:kept], self.words.term[at[:kept]], np.full(kept, how.context)


def _anchors_of(anchors: dict[str, Longs], number: Longs) -> dict[str, Longs]:
    """Return the anchors in some pages in a row."""
    low, high = np.searchsorted(anchors["page"], [number[0], number[-1] + 1]).tolist()
    found = {name: column[low:high] for name, column in anchors.items()}
    known = np.isin(found["page"], number)
    return {name: column[known] for name, column in found.items()}


def _links(here: _Pages, anchors: dict[str, Longs], first: int) -> NDArray[np.uint64]:
    """Return pairs: who is linked to, and the entity whose page does it."""
    source = here.eid[np.searchsorted(here.number, anchors["page"])]
    kept = (source >= 0) & (source != anchors["target"])
    target, source = anchors["target"][kept] + first, source[kept] + first
    pairs: NDArray[np.uint64] = (target.astype(np.uint64) << np.uint64(32)) | source.astype(np.uint64)
    return pairs


def _drawn(anchors: dict[str, Longs], counts: NDArray[np.uint32], part: int, most: int) -> dict[str, Longs]:
    """Draw about `most` of the anchors to each entity."""
    place: Any = (anchors["page"].astype(np.uint64) << np.uint64(32)) | anchors["start"].astype(np.uint64)
    chance = mix(place ^ np.uint64(part << 60)) >> np.uint64(11)
    kept = chance * (1 / (1 << 53)) * np.maximum(counts, 1) < most
    return {name: column[kept] for name, column in anchors.items()}
