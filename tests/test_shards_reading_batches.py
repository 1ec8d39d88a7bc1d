"""Batches over ranks and workers: every example once, and gone on with at the very place they were left."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ArtefactError, ConfigError
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches, Even
from kbtools.shards.reading.settings import Reading
from tests import tiny_shards

COUNT = 83
COLUMNS = ("input_ids", "segment", "entities.w.spans", "sentences")


@pytest.fixture(scope="module")
def examples():
    draw = np.random.default_rng(1)
    return tiny_shards.rows(draw.integers(2, 17, COUNT).tolist())


@pytest.fixture(scope="module")
def shards(tmp_path_factory, examples):
    out = tmp_path_factory.mktemp("batches") / "shards"
    tables = {"train": examples, "dev": tiny_shards.rows([4, 6], 100), "test": []}
    return Shards(tiny_shards.write(out, tables, files=4, batch=6))


readings = st.builds(
    Reading,
    tokens=st.sampled_from([24, 64, 300]),
    rows=st.sampled_from([None, None, 3]),
    shuffle=st.sampled_from(["rows", "blocks", "no"]),
    block=st.just(4),
    window=st.sampled_from([0, 1, 3]),
    packed=st.booleans(),
    seed=st.integers(0, 5),
    columns=st.just(COLUMNS),
)


def numbers(batch: dict[str, Any]) -> list[int]:
    """Which examples a batch has."""
    return [row for row in batch["batch.rows"].ravel().tolist() if row >= 0]


def joined(lists: Iterable[Iterable[int]]) -> list[int]:
    return [one for some in lists for one in some]


def parted(batches: Batches, workers: int) -> list[dict[str, Any]]:
    """An epoch as so many workers read it, each from a copy, in the order in which torch asks them."""
    copies = [pickle.loads(pickle.dumps(batches)).epoch(worker, workers) for worker in range(workers)]
    found = []
    while copies:
        for copy in [*copies]:
            batch = next(copy, None)
            if batch is None:
                copies.remove(copy)
            else:
                found.append(batch)
    return found


@given(readings, st.integers(1, 5), st.integers(1, 3), st.sampled_from(["repeat", "drop", "no"]))
@settings(max_examples=25)
def test_ranks_and_workers_share_the_examples_out(shards, reading, world, workers, even):
    ranks = [
        parted(Batches(shards, reading=reading, rank=rank, world=world, even=even), workers)
        for rank in range(world)
    ]
    fresh = [row for rank in ranks for batch in rank if not batch["batch.repeated"] for row in numbers(batch)]
    assert len(fresh) == len(set(fresh))
    one = Batches(shards, reading=reading, even=even)
    whole = [numbers(batch) for batch in one]
    if even == "drop":
        kept = len(whole) // world * world
        assert sorted(fresh) == sorted(row for batch in whole[:kept] for row in batch)
    else:
        assert sorted(fresh) == list(range(COUNT))
    sizes = {len(rank) for rank in ranks}
    assert len(sizes) == 1 or even == "no"
    assert max(sizes) == Batches(shards, reading=reading, world=world, even=even).steps()
    repeated = sum(batch["batch.repeated"] for rank in ranks for batch in rank)
    assert repeated == (-len(whole) % world if even == "repeat" else 0)
    # the batches of an epoch are the same, whoever reads them
    turns = [numbers(rank[at]) for at in range(max(sizes)) for rank in ranks if at < len(rank)]
    assert turns[: len(whole)] == whole[: len(turns)]


@given(readings, st.integers(1, 3), st.integers(1, 3), st.data())
@settings(max_examples=25)
def test_going_on_after_some_batches_equals_skipping_them(shards, reading, before, after, data):
    alone = Batches(shards, reading=reading)
    whole, following = [[numbers(batch) for batch in alone] for _ in range(2)]
    ranks = [Batches(shards, reading=reading, rank=rank, world=before, even="no") for rank in range(before)]
    steps = ranks[0].steps()
    step = data.draw(st.integers(1, steps))
    done = []
    for rank in ranks:
        batches = iter(rank)
        seen = [numbers(next(batches, {"batch.rows": np.zeros(0)})) for _ in range(step)]
        done.append(seen)
        if step == steps:
            assert next(batches, None) is None  # a rank that has nothing in the last round has ended, too
    states = [json.loads(json.dumps(rank.state())) for rank in ranks]
    assert all(state == states[0] for state in states)
    seen = [done[rank][at] for at in range(step) for rank in range(before) if done[rank][at]]
    assert seen == whole[: len(seen)]
    left = []
    for number in range(after):
        mine = Batches(shards, reading=reading, rank=number, world=after, even="no")
        mine.resume(states[0])
        left.append([numbers(batch) for batch in parted(mine, 2)])
    turns = [rank[at] for at in range(max(map(len, left))) for rank in left if at < len(rank)]
    assert turns == (whole[len(seen) :] if step < steps else following)


def test_epochs_follow_each_other(shards):
    batches = Batches(shards, reading=Reading(rows=10))
    first = [numbers(batch) for batch in batches]
    second = [numbers(batch) for batch in batches]
    assert first != second
    assert sorted(joined(first)) == sorted(joined(second)) == list(range(COUNT))
    assert batches.state()["epoch"] == 2
    other = Batches(shards, reading=Reading(rows=10, seed=1))
    assert [numbers(batch) for batch in other] != first
    batch = next(batch for at, batch in enumerate(other) if at == 3)
    assert batch["batch.next"].tolist()[3] == 4
    assert len(list(other)) == 5  # of 9: what was left
    assert len(list(other)) == 9


def test_a_state_of_something_else_is_refused(shards, tmp_path, examples):
    state = Batches(shards, reading=Reading(rows=10)).state()
    other = Shards(tiny_shards.write(tmp_path / "s", {"train": examples[:-1]}))
    with pytest.raises(ConfigError, match=r"cannot go on .* other shards than .*/s"):
        Batches(other, reading=Reading(rows=10)).resume(state)
    with pytest.raises(ConfigError, match="another table than 'dev'"):
        Batches(shards, "dev", Reading(rows=10)).resume(state)
    others: list[dict[str, Any]] = [
        {"seed": 1},
        {"rows": 11},
        {"window": 7},
        {"shuffle": "no"},
        {"packed": True},
    ]
    for setting in others:
        with pytest.raises(ConfigError, match="other settings; give the same"):
            Batches(shards, reading=Reading(**{"rows": 10, **setting})).resume(state)
    Batches(shards, reading=Reading(rows=10, columns=("input_ids",))).resume(state)  # reads less: it may
    for broken in ({"window": -1}, {"epoch": None}, {"within": "3"}):
        with pytest.raises(ConfigError, match="its place is"):
            Batches(shards, reading=Reading(rows=10)).resume({**state, **broken})


def test_what_became_of_the_last_round_is_counted(shards):
    reading = Reading(rows=10)  # 9 batches
    cases: list[tuple[Even, dict[str, int]]] = [
        ("repeat", {"batches repeated": 3}),
        ("drop", {"batches dropped": 1, "examples dropped": 10}),
        ("no", {}),
    ]
    for even, told in cases:
        batches = Batches(shards, reading=reading, world=4, even=even)
        assert len(list(batches)) == (2 if even == "drop" else 3)
        assert batches.counts == told


@given(readings, st.integers(0, 3))
@settings(max_examples=20)
def test_packed_rows_hold_their_examples(shards, examples, reading, epoch):
    packed = Reading(**{**vars(reading), "packed": True, "pads": {}})
    batches = Batches(shards, reading=packed)
    batches.resume({**batches.state(), "epoch": epoch})
    for batch in batches:
        assert batch["input_ids"].shape[1] in {8, 16}
        for row, members in enumerate(batch["batch.rows"].tolist()):
            told = [examples[number] for number in members if number >= 0]
            ids = joined(one["input_ids"] for one in told)
            width = len(ids)
            assert batch["input_ids"][row].tolist() == ids + [0] * (batch["input_ids"].shape[1] - width)
            assert batch["attention_mask"][row].sum() == width
            sequence = joined([at + 1] * len(one["input_ids"]) for at, one in enumerate(told))
            assert batch["sequence"][row, :width].tolist() == sequence
            assert not batch["sequence"][row, width:].any()
            places = joined(range(len(one["input_ids"])) for one in told)
            assert batch["positions"][row, :width].tolist() == places
            starts = np.cumsum([0, *(len(one["input_ids"]) for one in told)])[:-1].tolist()
            assert batch["sequence.start"][row, : len(told)].tolist() == starts
            spans = [
                [a + at, b + at]
                for one, at in zip(told, starts, strict=True)
                for a, b in one["entities.w.spans"]
            ]
            there = batch["entities.w.spans.mask"][row]
            assert batch["entities.w.spans"][row][there].tolist() == spans
            begun = [a + at for one, at in zip(told, starts, strict=True) for a in one["sentences"]]
            assert batch["sentences"][row][batch["sentences.mask"][row]].tolist() == begun


def test_packed_values_of_examples_become_lists(shards, examples):
    batch = next(iter(Batches(shards, reading=Reading(packed=True, tokens=64))))
    for row, members in enumerate(batch["batch.rows"].tolist()):
        told = [examples[number] for number in members if number >= 0]
        assert batch["pair.kind"][row][batch["pair.kind.mask"][row]].tolist() == [
            one["pair.kind"] for one in told
        ]
        assert batch["topic"][row].as_py() == [one["topic"] for one in told]
        width = int(batch["attention_mask"][row].sum())
        labels = [
            -100 if at is None else at
            for one in told
            for at in one["labels"] or [None] * len(one["input_ids"])
        ]
        assert batch["labels"][row, :width].tolist() == labels
        heads, start = [], 0
        for one in told:
            heads += [head if head < 0 else head + start for head in one["heads"]]
            start += len(one["input_ids"])
        assert batch["heads"][row, :width].tolist() == heads


def test_small_tables(shards):
    assert list(Batches(shards, "test")) == []
    assert list(Batches(shards, "test", Reading(packed=True))) == []
    cases: list[tuple[Even, list[int]]] = [("repeat", [1, 1, 1]), ("drop", [0, 0, 0]), ("no", [1, 0, 0])]
    for even, many in cases:
        found = [len(list(Batches(shards, "dev", rank=rank, world=3, even=even))) for rank in range(3)]
        assert found == many


def test_settings_that_make_no_sense(shards, tmp_path):
    for rank, world in ((2, 2), (-1, 1), (0, 0)):
        with pytest.raises(ConfigError, match="rank is"):
            Batches(shards, rank=rank, world=world)
    with pytest.raises(ArtefactError, match="rows are packed by input_ids, which is not read"):
        Batches(shards, reading=Reading(packed=True, columns=("segment",)))
    with pytest.raises(ConfigError, match="max_length is 9, but example"):
        list(Batches(shards, reading=Reading(packed=True, max_length=9)))
