"""Choosing units for a budget: as the code of BERT does it, one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.models.masking.choosing import budgets, exact
from kbtools.models.masking.units import Units


def one_by_one(sizes, keys, budget):
    """Choose by looking at units in the order of their keys; what is too large is passed over."""
    chosen, used = set(), 0
    for unit in sorted(range(len(sizes)), key=lambda unit: (keys[unit], unit)):
        if used >= budget:
            break
        if used + sizes[unit] > budget:
            continue
        chosen.add(unit)
        used += sizes[unit]
    return chosen


def units(examples):
    """Lay out the units of examples, given by their sizes."""
    size = np.array([size for sizes in examples for size in sizes], np.int64)
    owner = np.repeat(np.arange(len(examples)), [len(sizes) for sizes in examples])
    return Units(np.cumsum(size) - size, size, owner)


EXAMPLE = st.tuples(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 31)), max_size=30), st.integers(0, 25)
)


@given(st.lists(EXAMPLE, min_size=1, max_size=6))
def test_it_is_what_one_by_one_gives(examples):
    sizes = [[size for size, _ in told] for told, _ in examples]
    keys = [[key / 16 for _, key in told] for told, _ in examples]  # from [0, 2), some alike
    budget = [most for _, most in examples]
    found = exact(units(sizes), np.array(budget), np.array([key for some in keys for key in some], float))
    bounds = np.cumsum([0, *map(len, sizes)])
    for number in range(len(examples)):
        mine = set(np.flatnonzero(found[bounds[number] : bounds[number + 1]]).tolist())
        assert mine == one_by_one(sizes[number], keys[number], budget[number])


def test_what_is_too_large_is_passed_over_and_not_cut():
    found = exact(units([[3, 4, 2, 1]]), np.array([6]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert found.tolist() == [True, False, True, True]


def test_many_rounds():
    sizes = [value for large in range(20, 1, -1) for value in (1, large)]
    keys = np.arange(len(sizes)) / len(sizes)
    found = exact(units([sizes]), np.array([20]), keys)
    assert set(np.flatnonzero(found).tolist()) == one_by_one(sizes, keys.tolist(), 20)


def test_units_that_come_later_fill_up():
    keys = np.array([0.9, 0.8, 1.1, 1.2])
    found = exact(units([[3, 3, 1, 1]]), np.array([5]), keys)
    assert found.tolist() == [False, True, True, True]


def test_nothing_to_choose_from():
    assert exact(units([[], []]), np.array([3, 3]), np.zeros(0)).tolist() == []


@pytest.mark.parametrize("rate", [0.15, 0.05, 0.5, 0.1])
@pytest.mark.parametrize("most", [None, 20, 1])
def test_budgets_are_those_of_the_reference(rate, most):
    lengths = np.arange(1, 600)
    expected = [min(most or 10**9, max(1, round(length * rate))) for length in lengths.tolist()]
    assert budgets(lengths, rate, most).tolist() == expected


def test_halves_go_to_the_even_number():
    assert budgets(np.array([5, 7]), 0.5, None).tolist() == [2, 4]
