"""A fuzzy index, opened for searching.

Query and names are compared in their norms (BARE; FOLDED where nothing is left of that). Their similarity is
1 − d / length of the longer, where d counts letters put in, left out, replaced, and swapped with a neighbour
(optimal string alignment). If both have several words, it is at least `reordered` times that of their words
in alphabetical order ("Obama, Barack", "neoplasm, malignant"). What is found for a query is the k most
similar of

1. all names within τ edits: d ≤ τ, which depends on the length of the name (`segments.py`), and
2. the `pool` names that share the most n-grams, by a likeness that `alike.py` defines

whose similarity is at least `least`; equals by length, then by code points. That is what a scan of all names
with these two rules finds, exactly: no list is cut short, nothing is drawn by chance. The mode "fast" leaves
out the second rule for a query for which the first finds a name.

Work for a query: the names that share a segment with it, and the entries of the lists of its rarer n-grams.
A query too long for any name to be similar is answered at once. Memory: some 200 MB for a block of queries,
beside the files, which are mapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools import artefact
from kbtools.config import build as build_settings
from kbtools.errors import ArtefactError, KbError
from kbtools.extras import need
from kbtools.linkers.index.base import Hits
from kbtools.linkers.index.fuzzy import alike, files, near, segments, strings
from kbtools.linkers.index.fuzzy.near import Pairs
from kbtools.linkers.index.fuzzy.settings import Settings
from kbtools.linkers.index.fuzzy.strings import Strings

BLOCK = 256  # queries looked at together


class Names(NamedTuple):
    """The names found for one query, the most similar first."""

    names: list[str]
    scores: list[float]


class _Found(NamedTuple):
    """Names found for queries: by query, then score, then number."""

    query: NDArray[np.int64]
    name: NDArray[np.int64]
    score: NDArray[np.float32]


class FuzzyIndex:
    """An index artefact of kind "fuzzy". Opening checks the manifest and sizes, and reads nothing else.

    index = FuzzyIndex("index", mode="fast")     # default: the mode it was built with
    index.search(["barak obbama"])               # entities: Hits
    index.search_names(["barak obbama"])         # names
    """

    def __init__(self, path: Path | str, *, mode: str | None = None) -> None:
        self.path = Path(path)
        self.manifest = artefact.read(self.path, "index")
        told = dict(self.manifest.settings)
        if (kind := told.pop("kind", None)) != "fuzzy":
            raise ArtefactError(f"{self.path}: a {kind} index, where a fuzzy one is wanted")
        self.settings = build_settings(
            Settings, told | ({"mode": mode} if mode else {}), where=str(self.path)
        )
        self.arrays = files.opened(self.path, self.manifest)
        with self._sound():
            self._strings = files.strings_of(self.arrays)
        self._process = need("rapidfuzz.process", extra="link", why="searching a fuzzy index")
        measure = need("rapidfuzz.distance", extra="link", why="searching a fuzzy index").OSA
        self._distance, self._similar = measure.distance, measure.normalized_similarity

    def within_edits(self, least: float) -> FuzzyIndex:
        """Return the same index as one that finds what is within the edits and at least so similar: fast."""
        found = copy(self)
        found.settings = replace(self.settings, pool=0, least=max(least, self.settings.least))
        return found

    def __repr__(self) -> str:
        return f"FuzzyIndex({str(self.path)!r})"

    def __len__(self) -> int:
        return len(self._strings)

    def search(self, queries: Sequence[str], k: int = 10) -> Hits:
        """Find the k best entities for each query, each by the name most similar to it.

        Equally similar ones are ordered by prior, then by kb and eid.
        """
        with self._sound():
            parts = [self._entities(found, size, k) for found, size in self._blocks(queries, k)]
        counts = np.concatenate([np.zeros(1, np.int64), *(part[0] for part in parts)])
        empty = (np.zeros(0, np.uint8), np.zeros(0, np.uint32), np.zeros(0, np.float32))
        columns = zip(empty, *(part[1:] for part in parts), strict=True)
        return Hits(np.cumsum(counts), *(np.concatenate(column) for column in columns))

    def search_names(self, queries: Sequence[str], k: int = 10) -> list[Names]:
        """Find the k names most similar to each query; equals by length and code points."""
        answers = []
        with self._sound():
            for found, size in self._blocks(queries, k):
                answers += self._named(found, size, k)
        return answers

    def _named(self, found: _Found, size: int, k: int) -> list[Names]:
        kept = _first(found.query, k)
        cuts = np.searchsorted(found.query[kept], np.arange(size + 1)).tolist()
        names, scores = self._texts(found.name[kept]), found.score[kept].tolist()
        return [Names(names[first:end], scores[first:end]) for first, end in pairwise(cuts)]

    def _blocks(self, queries: Sequence[str], k: int) -> Iterator[tuple[_Found, int]]:
        if isinstance(queries, str) or k < 1:
            raise KbError("search takes a list of texts, and a k of 1 or more")
        for place, query in enumerate(queries):
            if not isinstance(query, str):
                raise KbError(f"query {place} is {query!r}; a fuzzy index is asked for texts")
        for first in range(0, len(queries), BLOCK):
            block = queries[first : first + BLOCK]
            yield self._find(block), len(block)

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """Say that a file is damaged whose size is right but whose numbers lead nowhere."""
        try:
            yield
        except (IndexError, UnicodeDecodeError, ValueError, pa.ArrowException) as error:
            raise ArtefactError(
                f"{self.path}: damaged; `kbtools verify {self.path}` says where: {error}"
            ) from error

    def _find(self, texts: Sequence[str]) -> _Found:
        """Return all names that are similar enough, of those within the edits and of the pool."""
        norms = strings.norms(texts)
        decoded = strings.decode(norms)
        longest = (len(self.arrays["sizes"]) - 2) / self.settings.least
        asked = np.flatnonzero((decoded.lengths > 0) & (decoded.lengths <= longest))
        kept = norms.take(pa.array(asked))
        mine = strings.decode(kept)
        if not len(asked):
            return _Found(asked, asked, np.zeros(0, np.float32))
        edits = self.settings.edits
        pairs = near.find(self.arrays, mine, edits)
        distance = self._distances(kept, pairs, edits)
        hit = np.flatnonzero(distance <= segments.allowed(self._lengths(pairs.name), edits))
        pairs, distance = Pairs(pairs.query[hit], pairs.name[hit]), distance[hit]
        pool = self._pool(kept, mine, pairs)
        distance = np.concatenate([distance, self._distances(kept, pool)])
        query, name = (np.concatenate(both) for both in zip(pairs, pool, strict=True))
        score = 1 - distance / np.maximum(mine.lengths[query], self._lengths(name))
        scores: NDArray[np.float32] = self._reordered(kept, Pairs(query, name), score).astype(np.float32)
        order = np.lexsort((name, -scores, query))
        order = order[scores[order] >= np.float32(self.settings.least)]
        return _Found(asked[query[order]], name[order], scores[order])

    def _reordered(self, norms: pa.StringArray, pairs: Pairs, score: NDArray[Any]) -> NDArray[Any]:
        """Raise the similarity of names whose words are the query's in another order."""
        worth = self.settings.reordered
        several = np.array([" " in text for text in norms.to_pylist()])
        rows = np.flatnonzero((score < worth) & several[pairs.query])
        ours = np.array([_in_order(text) for text in norms.to_pylist()], object)[pairs.query[rows]].tolist()
        theirs = [_in_order(text) for text in self._texts(pairs.name[rows])]
        if len(rows):
            found = self._process.cpdist(ours, theirs, scorer=self._similar, dtype=np.float64)
            both = np.array([" " in text for text in theirs])
            score[rows] = np.maximum(score[rows], worth * found * both)
        return score

    def _pool(self, norms: pa.StringArray, queries: Strings, near: Pairs) -> Pairs:
        """Return names by their n-grams that are not among those within the edits."""
        if not self.settings.pool:
            return Pairs(near.query[:0], near.name[:0])
        asked = np.arange(len(norms))
        if self.settings.mode == "fast":
            asked = np.setdiff1d(asked, near.query)
            queries = strings.decode(norms.take(pa.array(asked)))
        settings = self.settings
        found = alike.find(self.arrays, queries, pool=settings.pool, least=settings.least)
        query = asked[found.query]
        fresh = ~np.isin(query << 32 | found.name, near.query << 32 | near.name)
        return Pairs(query[fresh], found.name[fresh])

    def _distances(self, norms: pa.StringArray, pairs: Pairs, most: int | None = None) -> NDArray[np.int64]:
        """Return the edits of each pair; if more than `most`, one more than that."""
        if not len(pairs.query):
            return np.zeros(0, np.int64)
        left = np.array(norms.to_pylist(), object)[pairs.query].tolist()
        found: NDArray[np.int64] = self._process.cpdist(
            left, self._texts(pairs.name), scorer=self._distance, score_cutoff=most, dtype=np.int64
        )
        return found

    def _texts(self, names: NDArray[np.int64]) -> list[str]:
        offsets = self.arrays["offsets"]
        firsts, ends = offsets[names], offsets[names + 1]
        if (
            (firsts > ends).any()
            or firsts.min(initial=0) < 0
            or ends.max(initial=0) > len(self.arrays["names"])
        ):
            raise IndexError("names that lie outside of their file")
        found: list[str] = self._strings.take(pa.array(names)).to_pylist()
        return found

    def _lengths(self, names: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self.arrays["sizes"], names, side="right") - 1

    def _entities(self, found: _Found, size: int, k: int) -> tuple[NDArray[Any], ...]:
        """Return how many entities each query has, and these."""
        entries = self.arrays["entries"]
        firsts, counts = entries[found.name], entries[found.name + 1] - entries[found.name]
        rows = strings.ranges(firsts, counts, len(self.arrays["eids"]))
        query, score = np.repeat(found.query, counts), np.repeat(found.score, counts)
        kb, eid, prior = (self.arrays[name][rows] for name in ("kbs", "eids", "priors"))
        order = np.lexsort((-prior, -score, eid, kb, query))
        same = (np.diff(query[order]) == 0) & (np.diff(kb[order]) == 0) & (np.diff(eid[order]) == 0)
        best = order[np.r_[True, ~same]] if len(order) else order
        order = np.lexsort((eid[best], kb[best], -prior[best], -score[best], query[best]))
        best = best[order]
        best = best[_first(query[best], k)]
        return np.bincount(query[best], minlength=size), kb[best], eid[best], score[best]


def _in_order(text: str) -> str:
    return " ".join(sorted(text.split(" ")))


def _first(query: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return the first k rows of each query."""
    return np.flatnonzero(np.arange(len(query)) - np.searchsorted(query, query) < k)
