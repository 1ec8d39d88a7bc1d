"""A circle through all of a set, drawn by a key."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.cycles import another, below, keys_of


@given(size=st.integers(2, 300), seed=st.integers(0, 2**62))
def test_all_are_in_one_circle(size, seed):
    following = another(np.arange(size), size, keys_of(seed))
    seen, at = [], 0
    for _ in range(size):
        seen.append(at)
        at = int(following[at])
    assert at == 0
    assert sorted(seen) == list(range(size))


@pytest.mark.parametrize("size", [0, 1])
def test_one_alone_is_himself(size):
    assert another(np.arange(size), size, keys_of(3)).tolist() == list(range(size))


def test_each_place_may_have_a_key_of_its_own():
    keys = keys_of(np.arange(5))
    both = another(np.array([2, 2, 2, 2, 2]), 7, keys)
    assert both.tolist() == [another(np.array([2]), 7, keys[at : at + 1])[0] for at in range(5)]


def test_others_are_drawn_alike():
    found = another(np.full(50_000, 2), 6, keys_of(np.arange(50_000)))
    shares = np.bincount(found, minlength=6) / 50_000
    assert shares[2] == 0
    assert np.abs(shares[[0, 1, 3, 4, 5]] - 0.2).max() < 0.03


def test_numbers_below():
    found = below(keys_of(np.arange(1000)), np.array([5] * 1000))
    assert set(found.tolist()) == {0, 1, 2, 3, 4}
    assert below(keys_of(np.arange(3)), 0).tolist() == [0, 0, 0]


def test_keys_depend_on_all_columns():
    a, b = np.arange(4), np.arange(4) + 9
    assert len({*keys_of(a, b).tolist(), *keys_of(b, a).tolist()}) == 8
