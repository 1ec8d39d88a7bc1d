"""The order of an epoch, how it is cut into batches, how examples are packed."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ConfigError
from kbtools.shards.reading.order import keyed, permuted, rows_at
from kbtools.shards.reading.packing import pack
from kbtools.shards.reading.planning import Place, Plan
from kbtools.shards.reading.settings import Reading

keys = st.integers(0, 2**64 - 1)
START = Place(0, 0, 0, 0)


@given(st.integers(1, 3000), keys)
def test_every_number_is_sent_to_another(size, key):
    found = permuted(np.arange(size), size, key)
    assert sorted(found.tolist()) == list(range(size))
    assert permuted(found, size, key, back=True).tolist() == list(range(size))


@given(st.integers(1, 3000), keys, st.sampled_from(["rows", "blocks", "no"]), st.integers(1, 50), st.data())
@settings(max_examples=60)
def test_any_stretch_of_an_order_is_that_of_the_whole(size, key, shuffle, block, data):
    whole = rows_at(np.arange(size), size, shuffle, key, block)
    assert sorted(whole.tolist()) == list(range(size))
    first = data.draw(st.integers(0, size))
    last = data.draw(st.integers(first, size))
    assert rows_at(np.arange(first, last), size, shuffle, key, block).tolist() == whole[first:last].tolist()


def test_large_tables_cost_no_memory():
    size = 10**12
    found = permuted(np.arange(size - 1000, size), size, 7)
    assert len(set(found.tolist())) == 1000
    assert (found < size).all()
    assert np.corrcoef(np.arange(1000), found)[0, 1] < 0.2


def test_planning_holds_one_window():
    """Of a billion examples."""
    for reading in (Reading(), Reading(packed=True), Reading(shuffle="blocks")):
        plan = Plan(10**9, 30 * 10**9, 128, reading, lambda rows: 2 + rows % 57)
        tracemalloc.start()
        first = next(plan.batches(Place(3, plan.windows - 2, 5, 0)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(first.rows)
        assert peak < 20_000_000


def test_an_order_is_what_it_was():
    """Runs that are gone on with after an upgrade would see other examples."""
    assert permuted(np.arange(10), 10, keyed(1, 2)).tolist() == [9, 4, 1, 5, 0, 6, 7, 8, 3, 2]
    assert rows_at(np.arange(8), 8, "blocks", keyed(3), 2).tolist() == [5, 4, 2, 3, 6, 7, 0, 1]


def test_orders_are_many_and_even():
    """Each of 6 numbers comes first about as often: 2000 orders, 333 each, by chance ± 55 at most."""
    firsts = [int(permuted(np.array([0]), 6, keyed(seed, 0))[0]) for seed in range(2000)]
    assert np.abs(np.bincount(firsts, minlength=6) - 333).max() < 80
    orders = {tuple(permuted(np.arange(6), 6, keyed(0, epoch)).tolist()) for epoch in range(2000)}
    assert len(orders) > 550  # of 720
    assert len({keyed(0, 1), keyed(1, 0), keyed(0, 0), keyed(-1, 0), keyed(0), keyed()}) == 6


def test_blocks_stay_near_each_other():
    rows = rows_at(np.arange(100_000), 100_000, "blocks", 5, 100)
    some = rows[:6400]  # 64 blocks are mixed
    assert len({row // 100 for row in some.tolist()}) == 64
    assert rows_at(np.arange(100_000), 100_000, "blocks", 6, 100).tolist() != rows.tolist()


def lengths_of(seed: int, count: int, most: int = 128) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.clip(np.exp(draw.normal(3.2, 0.6, count)), 2, most).astype(np.int64)


def plan_of(lengths: np.ndarray, reading: Reading, room: int = 128) -> Plan:
    return Plan(len(lengths), int(lengths.sum()), room, reading, lambda rows: lengths[rows])


readings = st.builds(
    Reading,
    tokens=st.sampled_from([128, 500, 2000]),
    rows=st.sampled_from([None, 1, 7]),
    shuffle=st.sampled_from(["rows", "blocks", "no"]),
    block=st.sampled_from([1, 16]),
    window=st.sampled_from([0, 1, 5]),
    packed=st.booleans(),
    multiple_of=st.sampled_from([1, 8]),
    seed=st.integers(-3, 3),
)


@given(st.integers(0, 2**32), st.integers(0, 700), readings, st.integers(0, 3))
@settings(max_examples=60)
def test_batches_have_every_example_once_and_keep_to_their_size(seed, count, reading, epoch):
    lengths = lengths_of(seed, count)
    planned = list(plan_of(lengths, reading).batches(Place(epoch, 0, 0, 0)))
    rows = [row for one in planned for row in one.rows.tolist()]
    assert sorted(rows) == list(range(count))
    assert [one.place.number for one in planned] == list(range(len(planned)))
    for one in planned:
        assert len(one.rows)
        size = lengths[one.rows]
        step = reading.multiple_of
        if reading.packed:
            assert one.bounds is not None
            sums = np.add.reduceat(size, one.bounds[:-1])
            assert sums.max() <= 128
            assert len(sums) <= (reading.rows or reading.tokens // 128)
        elif reading.rows:
            assert len(one.rows) <= reading.rows
        else:
            assert len(one.rows) * (-(-size.max() // step) * step) <= reading.tokens
    again = list(plan_of(lengths, reading).batches(Place(epoch, 0, 0, 0)))
    assert [one.rows.tolist() for one in again] == [one.rows.tolist() for one in planned]


@given(st.integers(0, 700), readings, st.data())
@settings(max_examples=30)
def test_an_epoch_can_be_entered_anywhere(count, reading, data):
    plan = plan_of(lengths_of(1, count), reading)
    planned = list(plan.batches(START))
    if planned:
        at = data.draw(st.integers(0, len(planned) - 1))
        left = list(plan.batches(planned[at].place))
        assert [(one.place, one.rows.tolist()) for one in left] == [
            (one.place, one.rows.tolist()) for one in planned[at:]
        ]


def test_fixed_batches_in_order_are_what_one_expects():
    plan = plan_of(lengths_of(0, 10), Reading(rows=4, shuffle="no", window=0))
    assert [one.rows.tolist() for one in plan.batches(START)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    plan = plan_of(lengths_of(0, 10), Reading(rows=4, shuffle="no", window=0, drop_last=True))
    assert [one.rows.tolist() for one in plan.batches(START)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    lengths = np.array([5, 2, 9, 2, 3, 4])
    plan = plan_of(lengths, Reading(tokens=16, shuffle="no", window=9, multiple_of=1))
    assert [one.rows.tolist() for one in plan.batches(START)] == [[1, 3, 4, 5], [0], [2]]
    plan = plan_of(lengths, Reading(tokens=16, shuffle="no", window=0, multiple_of=8))
    assert [one.rows.tolist() for one in plan.batches(START)] == [[0, 1], [2], [3, 4], [5]]


def useful(reading: Reading, lengths: np.ndarray) -> float:
    """Return the share of the batches that is no padding."""
    places = 0
    for one in plan_of(lengths, reading).batches(START):
        size = (
            lengths[one.rows] if one.bounds is None else np.add.reduceat(lengths[one.rows], one.bounds[:-1])
        )
        places += len(size) * -(-int(size.max()) // 8) * 8
    return float(lengths.sum() / places)


def test_sorting_and_packing_save_padding():
    """Sentences, log-normal as those of text are: 24 tokens in the middle, 128 at most."""
    lengths = lengths_of(3, 20_000)
    assert useful(Reading(window=0), lengths) < 0.35
    assert useful(Reading(), lengths) > 0.85
    assert useful(Reading(packed=True), lengths) > 0.99
    mixed = np.where(np.arange(20_000) % 5 > 0, 128, lengths)  # documents cut at 128 tokens, and what is left
    assert useful(Reading(packed=True), mixed) > 0.97


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(20, 40))
def test_packed_rows_have_room(lengths, room):
    sizes = np.array(lengths, np.int64)
    packed = pack(sizes, room)
    assert sorted(packed.values.tolist()) == list(range(len(lengths)))
    sums = [
        int(sizes[packed.values[a:b]].sum()) for a, b in zip(packed.offsets, packed.offsets[1:], strict=False)
    ]
    assert max(sums, default=0) <= room
    assert packed.lengths.min(initial=1) >= 1
    # two rows that would fit into one are never left apart
    assert all(a + b > room for at, a in enumerate(sums) for b in sums[at + 1 :]) or len(sums) < 2


def test_packing_by_hand():
    packed = pack(np.array([3, 9, 7, 1, 5, 5]), 10)
    rows = [packed.values[a:b].tolist() for a, b in zip(packed.offsets, packed.offsets[1:], strict=False)]
    assert rows == [[1, 3], [0, 2], [4, 5]]


def test_what_cannot_be_is_refused():
    lengths = np.array([5, 200, 3])
    with pytest.raises(ConfigError, match="tokens is 100, but example 1 alone has 200"):
        list(plan_of(lengths, Reading(tokens=100)).batches(START))
    with pytest.raises(ConfigError, match="max_length is 128, but example 1 alone has 200 tokens"):
        list(plan_of(lengths, Reading(packed=True)).batches(START))
    for reading in (Reading(tokens=100), Reading(packed=True)):  # told before training begins, too
        with pytest.raises(ConfigError, match="example 1 alone has 200 tokens"):
            plan_of(lengths, reading).check(None)
        with pytest.raises(ConfigError, match="example 1 alone has 200 tokens"):
            plan_of(lengths, reading).check(256)
    plan_of(lengths, Reading(rows=2)).check(None)
    plan_of(lengths, Reading(tokens=200)).check(256)
    with pytest.raises(ConfigError, match="tokens is 100: not one packed row of 128"):
        plan_of(lengths, Reading(tokens=100, packed=True))
    for wrong in ({"tokens": 0}, {"rows": -1}, {"window": -1}, {"multiple_of": 0}, {"drop_last": True}):
        with pytest.raises(ConfigError):
            Reading(**wrong)
