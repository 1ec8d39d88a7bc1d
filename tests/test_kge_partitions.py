"""Parts of tables, and in which order buckets of triples are trained."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ConfigError, ResourceError
from kbtools.models.kge import partitions

ALIGNED = ["inside-out", "outside-in", "affinity"]
ORDERS = [*ALIGNED, "random"]
PARTS = st.integers(1, 9)
GB = 10**9


@given(st.integers(1, 5000), st.data())
def test_parts_are_as_large_as_each_other(rows, data):
    number = data.draw(st.integers(1, rows))
    found = partitions.edges(rows, number)
    sizes = [after - before for before, after in pairwise(found)]
    assert (found[0], found[-1], len(sizes)) == (0, rows, number)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("number", [0, 11])
def test_more_parts_than_rows_are_refused(number):
    with pytest.raises(ConfigError, match=f"partitions.number={number}: 10 entities can be in 1 to 10 parts"):
        partitions.edges(10, number)


@pytest.mark.parametrize("kind", ORDERS)
@given(number=PARTS, epoch=st.integers(0, 3))
def test_every_bucket_comes_once(kind, number, epoch):
    found = partitions.order(number, kind, 5, epoch)
    assert sorted(found) == [(head, tail) for head in range(number) for tail in range(number)]


@pytest.mark.parametrize("kind", ALIGNED)
@given(number=PARTS, epoch=st.integers(0, 3))
def test_neighbours_share_a_part_and_each_pair_is_held_once(kind, number, epoch):
    found = partitions.order(number, kind, 5, epoch)
    for before, after in pairwise(found):
        assert {*before} & {*after}
    for at, (head, tail) in enumerate(found):
        if head != tail:
            assert (tail, head) in found[max(0, at - 1) : at + 2]


def test_layers_go_out_or_in():
    inside = partitions.order(3, "inside-out")
    assert inside == [(2, 2), (1, 2), (2, 1), (1, 1), (0, 1), (1, 0), (0, 2), (2, 0), (0, 0)]
    assert partitions.order(3, "outside-in") == inside[::-1]


@pytest.mark.parametrize("kind", ["affinity", "random"])
def test_what_is_drawn_depends_on_seed_and_epoch(kind):
    first = partitions.order(6, kind, seed=1, epoch=2)
    assert first == partitions.order(6, kind, seed=1, epoch=2)
    assert first != partitions.order(6, kind, seed=1, epoch=3)
    assert first != partitions.order(6, kind, seed=2, epoch=2)


def test_a_random_order_may_begin_with_parts_that_do_not_meet():
    orders = [partitions.order(4, "random", seed) for seed in range(20)]
    assert any({*first}.isdisjoint(second) for first, second, *_ in orders)


@pytest.mark.parametrize("kind", ORDERS)
@given(number=PARTS, lanes=st.integers(1, 5), epoch=st.integers(0, 1))
def test_rounds_have_each_bucket_once_and_no_part_twice(kind, number, lanes, epoch):
    found = partitions.rounds(number, kind, lanes, 3, epoch)
    assert sorted(bucket for some in found for bucket in some) == sorted(partitions.order(number, kind))
    for some in found:
        parts = [part for bucket in some for part in {*bucket}]
        assert 1 <= len(some) <= lanes
        assert len(parts) == len({*parts})


@pytest.mark.parametrize("kind", ALIGNED)
@given(number=PARTS, lanes=st.integers(1, 5))
def test_in_the_first_epoch_a_bucket_touches_what_was_trained(kind, number, lanes):
    first, *others = partitions.rounds(number, kind, lanes)
    assert len(first) == 1
    trained = {*first[0]}
    for some in others:
        assert all(trained & {*bucket} for bucket in some)
        trained.update(part for bucket in some for part in bucket)


@pytest.mark.parametrize("kind", ORDERS)
def test_a_single_lane_goes_in_order(kind):
    assert partitions.rounds(5, kind, 1, 7, 2) == [[bucket] for bucket in partitions.order(5, kind, 7, 2)]


@pytest.mark.parametrize("kind", ORDERS)
def test_lanes_are_busy(kind):
    found = partitions.rounds(8, kind, 4, epoch=1)
    assert len(found) <= 64 / 4 * 2  # 64 buckets, 4 at a time; the last ones are in each other's way


def test_no_lane_is_refused():
    with pytest.raises(ConfigError, match="lanes=0"):
        partitions.rounds(4, "random", 0)


def test_as_few_parts_as_fit():
    def ask(memory, work=0):
        return partitions.number(1000, 25, 0, memory, work=work)  # 100 bytes a row, 100,000 in all

    assert ask(100_000) == ask(10**9) == ask(101_000, work=1000) == 1
    assert ask(99_999) == 4  # 75,000 bytes are held; with 2 or 3 parts it would be all of them
    assert ask(75_000) == 4
    assert ask(74_999) == 5
    assert ask(30_000) == ask(31_000, work=1000) == 10
    assert partitions.number(1000, 25, 100, 60_000) == 10


@given(st.integers(1, 10**7), st.integers(1, 500), st.integers(0, 1000), st.integers(1, 10**10))
def test_what_is_found_fits_and_less_does_not(rows, width, state, memory):
    try:
        found = partitions.number(rows, width, state, memory, work=99)
    except ResourceError:
        found = min(partitions.MOST, rows) + 1
    else:
        assert partitions.needed(rows, width, state, found, work=99) <= memory
    for fewer in {1, found // 2, found - 1} & {*range(1, found)}:
        assert partitions.needed(rows, width, state, fewer, work=99) > memory


@given(st.integers(1, 10**5), st.integers(1, 60))
def test_what_is_needed_is_what_the_largest_parts_take(rows, number):
    number = min(number, rows)
    found = partitions.edges(rows, number)
    sizes = sorted(after - before for before, after in pairwise(found))
    most = sizes[-1] * min(3, number)
    assert sum(sizes[-3:]) * 40 <= partitions.needed(rows, 10, 0, number) <= most * 40


def test_too_little_memory_says_how_much_would_do():
    with pytest.raises(ResourceError, match="not even in 256 parts") as told:
        partitions.number(10**9, 200, 4, 4 * GB)
    said = re.search(r"([\d.]+) GB would do", str(told.value))
    assert said is not None
    assert float(said[1]) == pytest.approx(10**9 / 256 * 3 * 804 / GB, rel=0.01)
    with pytest.raises(ResourceError, match="not even in 3 parts"):
        partitions.number(3, 200, 4, 1)


def test_too_few_parts_are_told_how_many_would_fit():
    partitions.check(10**6, 200, 4, GB, 1)
    with pytest.raises(ResourceError) as told:
        partitions.check(10**7, 200, 4, 4 * GB, 1)
    assert str(told.value) == (
        "10,000,000 vectors of 200 in one part takes 8.0 GB, and there are 4.0 GB: "
        "7 would fit (-o partitions.number=7)"
    )
    with pytest.raises(ResourceError, match=r"in 4 parts take 6.0 GB, .* 7 would fit"):
        partitions.check(10**7, 200, 4, 4 * GB, 4)
