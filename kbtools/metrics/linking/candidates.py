"""At which place the right entity stands among the candidates that a system had."""

from __future__ import annotations

import numpy as np

from kbtools.metrics.linking.annotations import Annotations, Longs, spread
from kbtools.metrics.linking.pairing import is_right, same_span

FAR = np.iinfo(np.int64).max


def candidate_ranks(gold: Annotations, system: Annotations) -> Longs:
    """Return for each gold annotation the rank of a right entity, from 1, on the same span; 0: not there.

    Of several mentions on the span the best counts.
    """
    pairs = same_span(gold, system)
    lengths = system.candidates.lengths[pairs.system]
    first = system.candidates.offsets[:-1][pairs.system]
    at = spread(first, lengths)
    rows = np.repeat(pairs.gold, lengths)
    right = is_right(gold, rows, system.candidates.values[at])
    rank = (at - np.repeat(first, lengths) + 1)[right]
    best = np.full(len(gold), FAR)
    np.minimum.at(best, rows[right], rank)
    return np.where(best < FAR, best, 0)
