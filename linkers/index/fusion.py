"""One candidate list a mention from several sources: exact names, fuzzy names, vectors.

    sources ──pool──▶ candidates with a rank and a score from each ──score──▶ ──arrange──▶ ──cut──▶ lists

A list belongs to a mention and a knowledge base: several knowledge bases never compete. Scores of different
sources cannot be compared (a prior, a similarity, a product of vectors), so the first way of fusing looks
at ranks alone: reciprocal rank fusion, Σ w / (60 + rank) over the sources that found a candidate (Cormack,
Clarke and Büttcher 2009). The other way is weights learnt from mentions with known answers: `logistic.py`.

Where names are spelt right, vectors are more often wrong than tables of names. 1/61 is so near to 1/62 that
vectors of a weight of .1 already bring the second meaning of a name before the first. By default their weight
is small enough to decide only between candidates on which names say nothing, or as good as nothing: see
`WEIGHTS`.

How long a list is depends on how sure its prior is: 2^H candidates are what a prior of H bits leaves open.

All candidates of a batch are worked on at once; memory is about 100 bytes a candidate and source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.index.base import Hits

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

MOST_QUERIES = 1 << 24  # of one batch: query, kb and eid fit into 64 bits
ALIAS = "alias"  # the source whose scores are priors
WEIGHTS = {ALIAS: 1.0, "fuzzy": 1.0, "dense": 0.03}  # by kind of source


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How candidates of several sources become one list."""

    fusion: Literal["reciprocal", "logistic"] = setting(
        "reciprocal (ranks alone), or logistic (weights fitted on mentions with known answers).", "reciprocal"
    )
    constant: float = setting("Reciprocal: a rank counts 1 / (constant + rank).", 60.0)
    source_weights: tuple[float, ...] = setting("Reciprocal: alias, then each index.  [1; dense: 0.03]", ())
    spread: float = setting("Candidates kept: spread × 2^H of a prior with H bits of entropy ...", 3.0)
    least: int = setting("... but at least this many ...", 3)
    most: int = setting("... and at most this many, as where no name is known.", 30)

    def __post_init__(self) -> None:
        if not 0 <= self.constant < float("inf"):
            raise ConfigError(f"constant is {self.constant}; it is 0 or more")
        if not all(0 <= weight < float("inf") for weight in self.source_weights):
            raise ConfigError(f"source_weights are {list(self.source_weights)}; each is 0 or more")
        if not 0 < self.spread < float("inf"):
            raise ConfigError(f"spread is {self.spread}; it is more than 0")
        if not 1 <= self.least <= self.most:
            raise ConfigError(f"least is {self.least} and most {self.most}; 1 ≤ least ≤ most")


class Rows(NamedTuple):
    """What one source found: rows of one query (and kb) best first; eid means the same in all sources."""

    query: Longs  # [H]
    kb: NDArray[np.uint8]  # [H]
    eid: NDArray[np.uint32]  # [H]
    score: NDArray[np.float32]  # [H]


class Pool(NamedTuple):
    """The candidates of a batch, each once: U candidates of S sources, ordered by query, kb, eid."""

    query: Longs  # [U]
    kb: NDArray[np.uint8]  # [U]
    eid: NDArray[np.uint32]  # [U]
    list: Longs  # [U] the number of its list: one for each query and kb
    rank: NDArray[np.int32]  # [U, S] from 1; 0 if the source did not find it
    score: NDArray[np.float32]  # [U, S]; 0 if the source did not find it

    @property
    def lists(self) -> int:
        """How many lists there are."""
        return int(self.list[-1]) + 1 if self.list.size else 0


class Lists(NamedTuple):
    """Fused lists, one after the other, best first."""

    query: Longs  # [U]
    kb: NDArray[np.uint8]  # [U]
    eid: NDArray[np.uint32]  # [U]
    list: Longs  # [U]
    score: NDArray[np.float32]  # [U]
    place: NDArray[np.int32]  # [U] from 1


def from_hits(hits: Hits) -> Rows:
    """Take over what an index found."""
    lengths = np.diff(hits.offsets)
    return Rows(np.repeat(np.arange(lengths.size), lengths), hits.kb, hits.eid, hits.score)


def from_alias(found: pa.Table) -> Rows:
    """Take over the candidates of a look-up: query, kb, eid, prior."""
    query, kb, eid, prior = (
        found[name].combine_chunks().to_numpy(zero_copy_only=False)
        for name in ("query", "kb", "eid", "prior")
    )
    return Rows(query.astype(np.int64), kb.astype(np.uint8), eid.astype(np.uint32), prior.astype(np.float32))


def pool(sources: Sequence[Rows]) -> Pool:
    """Put what the sources found side by side.

    A source that names a candidate twice is heard the first time.
    """
    ranks = [_ranks(rows) for rows in sources]
    query, kb, eid, score = (np.concatenate(columns) for columns in zip(*sources, strict=True))
    if query.size and not 0 <= query.min() <= query.max() < MOST_QUERIES:
        raise ValueError(f"queries are numbered from 0, and fewer than {MOST_QUERIES:,} at a time")
    source = np.repeat(np.arange(len(sources)), [rows.query.size for rows in sources])
    key = _key(query, kb, eid)
    order = np.argsort(key, kind="stable")  # the rows of a candidate by source, and by rank within it
    key, source = key[order], source[order]
    new = _changes(key)
    heard = new | _changes(source)
    candidate = np.cumsum(new) - 1
    shape = (int(new.sum()), len(sources))
    rank, scores = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    rank[candidate[heard], source[heard]] = np.concatenate(ranks)[order][heard]
    scores[candidate[heard], source[heard]] = score[order][heard]
    first = order[new]
    lists = np.cumsum(_changes(key[new] >> np.uint64(32))) - 1
    return Pool(query[first], kb[first], eid[first], lists, rank, scores)


def reciprocal_rank(
    found: Pool, *, constant: float = 60.0, weights: Sequence[float] = ()
) -> NDArray[np.float32]:
    """Score candidates by Σ w / (constant + rank) over the sources that found them; w is 1 if not given."""
    each = np.asarray(weights_of(weights, [""] * found.rank.shape[1]))
    parts = np.where(found.rank > 0, each / (constant + np.maximum(found.rank, 1)), 0.0)
    # Added in order of size: two candidates with the same ranks from different sources tie exactly.
    return np.asarray(np.sort(parts, axis=1).sum(axis=1), np.float32)


def weights_of(given: Sequence[float], sources: Sequence[str]) -> list[float]:
    """Return the weight of each source: as given, or by its kind, the first word of its name."""
    if given and len(given) != len(sources):
        raise ConfigError(
            f"{len(given)} source_weights for {len(sources)} sources: give one for each, or none"
        )
    return list(given) or [WEIGHTS.get(name.partition(" ")[0], 1.0) for name in sources]


def arrange(found: Pool, score: NDArray[np.float32]) -> Lists:
    """Order each list by score; of equal scores, the one comes first that the first source has higher up."""
    order = np.lexsort((_first(found), -score, found.list))  # stable: what is still equal stays by eid
    lists = found.list[order]
    return Lists(found.query[order], found.kb[order], found.eid[order], lists, score[order], _places(lists))


def _first(found: Pool) -> NDArray[np.int32]:
    """Return the ranks of the first source; what it did not find comes last.

    With two sources ranks 1 and 2 tie with 2 and 1, and often: names as they are spelt have the casting vote.
    """
    rank = found.rank[:, 0]
    return np.where(rank > 0, rank, np.iinfo(np.int32).max)


def depths(found: Pool, settings: Settings, *, prior: int = 0) -> Longs:
    """Say how many candidates each list keeps: clamp(⌈spread × 2^H⌉, least, most).

    H is the entropy of the prior, in bits; `prior` is the place of the source with the priors. Where it found
    nothing, all is open: `most`.
    """
    p = np.where(found.rank[:, prior] > 0, found.score[:, prior], 0).astype(np.float64)
    sums = np.bincount(found.list, weights=p, minlength=found.lists)
    share = np.divide(p, sums[found.list], out=np.zeros_like(p), where=p > 0)
    bits = -share * np.log2(share, out=np.zeros_like(p), where=share > 0)
    entropy = np.bincount(found.list, weights=bits, minlength=found.lists)
    wanted = np.ceil(np.round(settings.spread * np.exp2(entropy), 6))  # 2^log2(3) is a little off 3
    return np.clip(np.where(sums > 0, wanted, settings.most), settings.least, settings.most).astype(np.int64)


def cut(lists: Lists, depth: Longs) -> Lists:
    """Keep the first of each list, as many as `depth` says."""
    kept = lists.place <= depth[lists.list]
    query, kb, eid, number, score, place = lists
    return Lists(query[kept], kb[kept], eid[kept], number[kept], score[kept], place[kept])


def _ranks(rows: Rows) -> NDArray[np.int32]:
    """Count the rows of each query and kb from 1, in the order in which they come."""
    key = (rows.query << 8) | rows.kb
    if not (np.diff(key) < 0).any():
        return _places(key)
    order = np.argsort(key, kind="stable")
    ranks = np.empty(key.size, np.int32)
    ranks[order] = _places(key[order])
    return ranks


def _places(lists: Longs) -> NDArray[np.int32]:
    """Count from 1 within runs of equal numbers."""
    new = _changes(lists)
    starts = np.flatnonzero(new)
    return np.asarray(np.arange(lists.size) - starts[np.cumsum(new) - 1] + 1, np.int32)


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the first value, and each that differs from the one before."""
    new = np.ones(values.size, np.bool_)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return new


def _key(query: Longs, kb: NDArray[np.uint8], eid: NDArray[np.uint32]) -> NDArray[np.uint64]:
    parts = query.astype(np.uint64) << np.uint64(40), kb.astype(np.uint64) << np.uint64(32)
    return np.asarray(parts[0] | parts[1] | eid)


def places_of(
    lists: Lists, query: Longs, kb: NDArray[np.uint8], eid: NDArray[np.uint32]
) -> NDArray[np.int32]:
    """Find at which place candidates stand in the lists; 0 where they do not."""
    key = _key(lists.query, lists.kb, lists.eid)
    places: NDArray[np.int32] = _found(key, lists.place, _key(query, kb, eid))
    return places


def ranks_of(found: Pool, query: Longs, kb: NDArray[np.uint8], eid: NDArray[np.uint32]) -> NDArray[np.int32]:
    """Find at which rank each source has candidates, [N, S]; 0 where it does not."""
    row = rows_of(found, query, kb, eid)
    ranks = np.zeros((row.size, found.rank.shape[1]), np.int32)
    ranks[row >= 0] = found.rank[row[row >= 0]]
    return ranks


def rows_of(found: Pool, query: Longs, kb: NDArray[np.uint8], eid: NDArray[np.uint32]) -> Longs:
    """Find the rows of candidates in the pool; -1 where they are not."""
    key = _key(found.query, found.kb, found.eid)
    return _found(key, np.arange(1, key.size + 1), _key(query, kb, eid)).astype(np.int64) - 1


def lists_of(found: Pool, query: Longs, kb: NDArray[np.uint8]) -> Longs:
    """Find the numbers of the lists of mentions; -1 where there is none."""
    heads = np.flatnonzero(_changes(found.list))
    keys = _key(found.query[heads], found.kb[heads], np.zeros(heads.size, np.uint32))
    wanted = _key(query, kb, np.zeros(query.size, np.uint32))
    return _found(keys, np.arange(1, heads.size + 1), wanted).astype(np.int64) - 1


def _found(keys: NDArray[np.uint64], values: NDArray[Any], wanted: NDArray[np.uint64]) -> NDArray[Any]:
    """Look values up by key; 0 where there is none."""
    if not keys.size:
        return np.zeros(wanted.size, values.dtype)
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    there = order[at]
    return np.where(keys[there] == wanted, values[there], 0)
