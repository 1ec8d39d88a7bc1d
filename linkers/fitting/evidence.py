"""What speaks for each candidate of a mention, and what for none of them: the columns that weights are for.

Candidates have the features of the linker, and what the table of names and a profile say of them. Whether
none is meant is told by the mention: how good its best candidate is, how far ahead, how often its name is a
link. A value and how far it is below the mention's best are two things; both are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.schema import LEVELS
from kbtools.linkers.base import Floats, Mentions, best, no_mentions
from kbtools.linkers.index.profile import Profile
from kbtools.linkers.linking import SAID
from kbtools.linkers.ranking.softmax import LEAST

Doubles = NDArray[np.float64]

ONES, SURELY = 0, 1  # columns of mentions: 1 for all, 1 for those that are surely mentions
MOST = 1e6  # larger numbers of a feature count as this


class Evidence(NamedTuple):
    """F numbers for each candidate, and G for each mention."""

    candidate: Doubles  # [C, F]
    nil: Doubles  # [M, G]


class Names(NamedTuple):
    """What the columns are called."""

    candidate: tuple[str, ...]
    nil: tuple[str, ...]


def evidence(
    mentions: Mentions, features: Mapping[str, Floats], profile: Profile | None
) -> tuple[Names, Evidence]:
    """Put together what is known of the candidates of mentions."""
    columns = {name: _finite(values) for name, values in _of_candidates(mentions, features, profile)}
    told = {name: _finite(values) for name, values in _of_mentions(mentions, features, columns)}
    names = Names(tuple(columns), tuple(told))
    return names, Evidence(np.stack([*columns.values()], axis=1), np.stack([*told.values()], axis=1))


def columns_of(features: Iterable[str], profile: Profile | None) -> Names:
    """Say what the columns are called for features of these names."""
    none = np.zeros(0, np.float32)
    return evidence(no_mentions(), dict.fromkeys(features, none), profile)[0]


def _of_candidates(
    mentions: Mentions, features: Mapping[str, Floats], profile: Profile | None
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    prior = mentions.prior.astype(np.float64)
    log_prior = np.log(np.maximum(prior, LEAST))
    first = np.zeros(len(prior), np.float64)
    found = best(mentions, mentions.prior)
    first[found[found >= 0]] = 1
    yield "prior", prior
    yield "log prior", log_prior
    yield "best prior", first
    yield "log prior, below best", log_prior - _top_two(mentions, log_prior)[0][mentions.owner]
    yield "named", prior > 0
    yield "string", mentions.string
    if profile is not None:
        rows = profile.rows(mentions.kb[mentions.owner], mentions.eid)
        degrees, words = profile.arrays["neighbours.degrees"], profile.lengths
        yield "neighbours", np.log1p(_at(degrees, rows))
        yield "words", np.log1p(_at(words, rows))
    for name, values in features.items():
        yield f"feature {name}", values
        yield f"feature {name}, below best", values - _top_two(mentions, values)[0][mentions.owner]


def _of_mentions(
    mentions: Mentions, features: Mapping[str, Floats], candidate: Mapping[str, Doubles]
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    yield "nil", np.ones(len(mentions))
    yield "given", np.isin(mentions.kind, SAID)
    yield "candidates", np.log1p(mentions.lengths)
    yield "characters", np.log(np.maximum(mentions.end - mentions.start, 1))
    yield "derived", mentions.parent >= 0
    counted = ~np.isnan(mentions.link)
    yield "counted", counted
    yield "link", np.where(counted, mentions.link, 0)
    for place, level in enumerate(LEVELS[1:], 1):
        yield f"level {level}", mentions.level == place
    there = [name for name in ("neighbours", "words") if name in candidate]
    for name in ("prior", *there, *(f"feature {one}" for one in features)):
        first, second = _top_two(mentions, candidate[name])
        yield f"best {name}", first
        yield f"lead in {name}", first - second


def _top_two(mentions: Mentions, values: NDArray[np.generic]) -> tuple[Doubles, Doubles]:
    """Return each mention's largest and second largest value; 0 where there is none, twice a single one."""
    first, second = np.zeros(len(mentions)), np.zeros(len(mentions))
    has = np.flatnonzero(mentions.lengths)
    if not len(has):
        return first, second
    starts, sorted_ = mentions.offsets[:-1][has], np.asarray(values, np.float64)
    sorted_ = sorted_[np.lexsort((-sorted_, mentions.owner))]
    first[has] = sorted_[starts]
    second[has] = sorted_[starts + (mentions.lengths[has] > 1)]
    return first, second


def _at(values: NDArray[np.generic], rows: NDArray[np.int64]) -> Doubles:
    if not len(values):
        return np.zeros(len(rows))
    return np.where(rows >= 0, np.asarray(values[np.maximum(rows, 0)], np.float64), 0)


def _finite(values: NDArray[np.generic]) -> Doubles:
    return np.clip(np.nan_to_num(np.asarray(values, np.float64), nan=0.0), -MOST, MOST)
