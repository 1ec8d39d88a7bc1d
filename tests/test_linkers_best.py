"""The order of candidates, beside a slow way of saying it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.linkers.base import Mentions, best, best_first, no_mentions

SCORES = (-1.5, -0.0, 0.0, 0.25, 1.0, 1.0 + 1e-12, 1e30)
candidate = st.tuples(st.sampled_from(SCORES), st.sampled_from((0.0, 0.25, 0.5)), st.integers(0, 3))


def mentions_of(told: list[list[tuple[float, float, int]]]) -> tuple[Mentions, np.ndarray]:
    lengths = [len(one) for one in told]
    score, prior, eid = np.array([row for one in told for row in one]).reshape(-1, 3).T
    some = no_mentions()
    first = [np.zeros(len(told), column.dtype) for column in some[:8]]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    below = [eid.astype(np.uint32), prior.astype(np.float32), prior.astype(np.float32)]
    return Mentions._make([*first, offsets, *below]), score


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@given(told=st.lists(st.lists(candidate, max_size=6), max_size=8))
def test_candidates_come_best_first(kind, told):
    mentions, score = mentions_of(told)
    score = score.astype(kind)

    def worth(row):
        return (-score[row], -mentions.prior[row], mentions.eid[row])

    order = best_first(mentions, score)
    assert sorted(order.tolist()) == list(range(len(score)))
    chosen = best(mentions, score).tolist()
    bounds = mentions.offsets.tolist()
    for number, (low, high) in enumerate(pairwise(bounds)):
        wanted = sorted(range(low, high), key=worth)
        assert [worth(row) for row in order[low:high]] == [worth(row) for row in wanted]
        assert (chosen[number] >= 0) == (high > low)
        if wanted:
            assert low <= chosen[number] < high
            assert worth(chosen[number]) == worth(wanted[0])
