"""The learning rate at each step, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from kbtools.models.recipe import Optimiser
from kbtools.models.training.schedules import factor, warmup


def rates(steps, **settings):
    return [factor(Optimiser(**settings), step, steps) for step in range(steps + 1)]


def test_linear_falls_to_nothing_after_the_last_step():
    assert rates(4) == [1, 0.75, 0.5, 0.25, 0]


def test_linear_with_warm_up_rises_first():
    assert rates(8, warmup=4) == [0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0]


def test_a_floor_is_where_it_ends():
    assert rates(4, floor=0.2) == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])
    assert rates(4, schedule="cosine", floor=0.2)[-1] == pytest.approx(0.2)


def test_cosine_is_half_way_down_in_the_middle():
    assert rates(4, schedule="cosine") == pytest.approx([1, 0.853553, 0.5, 0.146447, 0], abs=1e-6)


def test_constant_stays():
    assert rates(5, schedule="constant", warmup=2) == [0.5, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("step", "wanted"), [(0, 0.03125), (10, 0.515625), (20, 1.0), (510, 0.515625), (1000, 0.03125)]
)
@pytest.mark.parametrize("cut", [0.02, 20])
def test_slanted_as_published(step, wanted, cut):
    """Howard & Ruder 2018, with a cut of .02 and a ratio of 32, over 1,000 steps."""
    settings = Optimiser(schedule="slanted", warmup=cut, ratio=32)
    assert factor(settings, step, 1000) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("share", "steps", "wanted"),
    [(0.1, 30, 3), (0.06, 100, 6), (0.06, 101, 7), (0, 9, 0), (1, 9, 1), (500, 9, 500)],
)  # fmt: skip
def test_a_warm_up_is_a_share_or_a_number(share, steps, wanted):
    assert warmup(Optimiser(warmup=share), steps) == wanted


def test_a_warm_up_longer_than_the_run_is_cut_off_not_pressed_together():
    assert rates(3, warmup=10) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert factor(Optimiser(schedule="slanted", warmup=10), 5, 3) == pytest.approx((1 + 0.5 * 31) / 32)


@given(
    st.sampled_from(["linear", "slanted", "cosine", "constant"]),
    st.integers(1, 500),
    st.one_of(st.floats(0, 0.99), st.integers(1, 600).map(float)),
    st.floats(0, 1),
)
def test_every_step_of_a_run_learns_and_none_more_than_the_highest(schedule, steps, share, floor):
    settings = Optimiser(schedule=schedule, warmup=share, floor=floor)
    found = [factor(settings, step, steps) for step in range(steps)]
    assert all(0 < one <= 1 + 1e-12 for one in found)
    rising = warmup(settings, steps)
    assert found[:rising] == sorted(found[:rising])
    assert found[rising:] == sorted(found[rising:], reverse=True)


@given(st.sampled_from(["linear", "slanted", "cosine", "constant"]), st.integers(0, 50))
def test_after_the_end_it_stays_as_it_is(schedule, beyond):
    settings = Optimiser(schedule=schedule, warmup=3, floor=0.1)
    assert factor(settings, 20 + beyond, 20) == factor(settings, 20, 20)
