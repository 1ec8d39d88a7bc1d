"""At which rank sources have the right entities of mentions, and the weights learnt from that.

Names are asked for once, however many mentions bear them, some thousands at a time: memory does not grow with
the mentions, but for what is fitted on (about 200 bytes a candidate).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.linkers.index import fusion, logistic
from kbtools.linkers.index.fusion import Pool
from kbtools.linkers.index.logistic import Logistic
from kbtools.linkers.index.sources import READS_CONTEXT, Source
from kbtools.progress import Progress
from kbtools.tasks.candidates import FUSED, Found
from kbtools.tasks.candidates.gold import Gold

AT_ONCE = 4096  # names

Score = Callable[[Pool], NDArray[np.float32]]


class Asking(NamedTuple):
    """What is asked for: candidates of each name, with its context or not; how many a list keeps."""

    k: int
    context: bool
    fusion: fusion.Settings
    quiet: bool = True
    popularity: dict[int, NDArray[np.float32]] | None = None  # by kb and eid; for fitted weights


def scoring(names: Sequence[str], how: Asking, made: Logistic | None, where: str) -> Score:
    """Return the function that scores candidates: by ranks alone, or with weights that were fitted."""
    if made is None:
        each = fusion.weights_of(how.fusion.source_weights, names)
        return lambda pool: fusion.reciprocal_rank(pool, constant=how.fusion.constant, weights=each)
    weights = made

    def score(pool: Pool) -> NDArray[np.float32]:
        features, values = logistic.features(pool, names, _popularity(pool, how))
        weights.fits(names, features, where)
        return weights.score(values)

    return score


def _popularity(pool: Pool, how: Asking) -> NDArray[np.float64] | None:
    if how.popularity is None:
        return None
    found = np.zeros(pool.eid.size)
    for kb, popularity in how.popularity.items():
        mine = pool.kb == kb
        found[mine] = popularity[pool.eid[mine]]
    return found


class _Asked(NamedTuple):
    """Some names, the mentions that bear them (rows of the gold data), and what the sources have."""

    rows: NDArray[np.int64]
    query: NDArray[np.int64]  # of each of these mentions, its name's number
    pool: Pool


def rank(gold: Gold, asked: Sequence[Source], score: Score, how: Asking) -> Found:
    """Find at which rank each source, and all of them fused, have the right entities."""
    several = len(asked) > 1
    ranks = np.zeros((len(gold.surfaces), len(asked) + several), np.int32)
    kept = np.zeros(len(gold.surfaces), np.int32)
    for part in _pools(gold, asked, how):
        right = part.query, gold.kb[part.rows], gold.eid[part.rows]
        ranks[part.rows, : len(asked)] = fusion.ranks_of(part.pool, *right)
        lists = fusion.arrange(part.pool, score(part.pool))
        if several:
            ranks[part.rows, -1] = fusion.places_of(lists, *right)
        kept[part.rows] = _kept(part.pool, fusion.lists_of(part.pool, *right[:2]), how.fusion)
    return Found([*(source.name for source in asked), *([FUSED] if several else [])], ranks, kept)


def _kept(pool: Pool, own: NDArray[np.int64], settings: fusion.Settings) -> NDArray[np.int32]:
    """Say how many candidates the lists of mentions keep, of those that there are."""
    there = np.bincount(pool.list, minlength=pool.lists)
    lengths = np.minimum(fusion.depths(pool, settings), there)
    return np.where(own >= 0, np.append(lengths, 0)[own], 0).astype(np.int32)


def fit(gold: Gold, asked: Sequence[Source], how: Asking, ridge: float) -> Logistic:
    """Learn from mentions which candidates to believe."""
    names = [source.name for source in asked]
    parts = []
    features: tuple[str, ...] = ()
    for part in _pools(gold, asked, how):
        features, values = logistic.features(part.pool, names, _popularity(part.pool, how))
        shares, mentions = _answers(part, gold)
        parts.append((values[mentions > 0], shares[mentions > 0], mentions[mentions > 0]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return logistic.fit(*columns, sources=names, names=features, ridge=ridge)


def _answers(part: _Asked, gold: Gold) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Say of each candidate how many mentions had it in their list, and of which share it was the answer."""
    pool, kb = part.pool, gold.kb[part.rows]
    row = fusion.rows_of(pool, part.query, kb, gold.eid[part.rows])
    meant = np.bincount(row[row >= 0], minlength=pool.eid.size)
    own = fusion.lists_of(pool, part.query, kb)
    mentions = np.bincount(own[own >= 0], minlength=pool.lists)[pool.list].astype(np.float64)
    shares = np.divide(meant, mentions, out=np.zeros(pool.eid.size), where=mentions > 0)
    return shares, mentions


def split(gold: Gold, share: float, seed: int) -> tuple[Gold, Gold]:
    """Part mentions into a share and the rest; those of one document, or of one name, stay together."""
    _, names = _distinct(gold, context=False)
    together = np.where(gold.document >= 0, gold.document, names)
    groups, place = np.unique(together, return_inverse=True)
    chosen = np.random.default_rng([seed, 1]).random(groups.size) < share
    inside = chosen[place]
    return gold.take(np.flatnonzero(inside)), gold.take(np.flatnonzero(~inside))


def _pools(gold: Gold, asked: Sequence[Source], how: Asking) -> Iterator[_Asked]:
    """Ask all sources for the names, some thousands at a time."""
    texts, query = _distinct(gold, context=how.context)
    order = np.argsort(query, kind="stable")
    sorted_query = query[order]
    with Progress("candidates", len(texts), "names", quiet=how.quiet) as progress:
        for low in range(0, len(texts), AT_ONCE):
            some = texts[low : low + AT_ONCE]
            names = [name for name, _ in some]
            with_context = [f"{name}: {context}" if context else name for name, context in some]
            found = [
                source.find(with_context if source.kind == READS_CONTEXT else names, how.k)
                for source in asked
            ]
            start, end = np.searchsorted(sorted_query, [low, low + len(some)])
            rows = order[start:end]
            yield _Asked(rows, query[rows] - low, fusion.pool(found))
            progress.advance(len(some))


def _distinct(gold: Gold, *, context: bool) -> tuple[list[tuple[str, str]], NDArray[np.int64]]:
    """List the distinct names (with their contexts), and which of them each mention bears."""
    contexts = gold.contexts if context else [""] * len(gold.surfaces)
    pairs = pa.array([f"{name}\0{told}" for name, told in zip(gold.surfaces, contexts, strict=True)])
    found = pc.dictionary_encode(pairs)
    texts = [
        (name, told) for name, _, told in (text.partition("\0") for text in found.dictionary.to_pylist())
    ]
    return texts, found.indices.to_numpy().astype(np.int64)
