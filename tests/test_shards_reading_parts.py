"""Batches that are cut into parts: whoever shares them out, the same examples go together."""

from __future__ import annotations

import pytest

from kbtools.errors import ConfigError
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.settings import Reading
from tests import training


def steps(world, each, *, packed=False, skip=0):
    """Return the rows of each step: of `world` ranks, each with `each` parts; `skip` steps are not read."""
    reading = Reading(rows=6, packed=packed)
    ranks = [
        Batches(Shards(training.shards()), "train", reading, rank=rank, world=world, parts=world * each)
        for rank in range(world)
    ]
    found: list[list[int]] = []
    if skip:
        for one in ranks:
            one.place = one.place._replace(within=skip, number=skip)
    rounds = [[*one.epoch()] for one in ranks]
    for at in range(0, len(rounds[0]), each):
        parts = [batch for one in rounds for batch in one[at : at + each]]
        counted = [
            row
            for batch in parts
            if not batch["batch.repeated"]
            for row in batch["batch.rows"].ravel().tolist()
        ]
        found.append(sorted(row for row in counted if row >= 0))
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_a_step_has_the_same_examples_however_many_share_it(packed):
    alone = steps(1, 1, packed=packed)
    assert sorted(row for one in alone for row in one) == list(range(Shards(training.shards()).rows("train")))
    for world, each in ((1, 2), (2, 1), (2, 2), (3, 1), (4, 1), (7, 3)):
        assert steps(world, each, packed=packed) == alone


def test_others_go_on_at_the_same_step():
    assert steps(3, 1, skip=4) == steps(1, 1)[4:]


def test_where_a_rank_goes_on_is_a_whole_step():
    found = Batches(Shards(training.shards()), "train", Reading(rows=6), rank=1, world=2, parts=4)
    told = iter(found)
    places = [found.place.number for _ in zip(range(4), told, strict=False)]
    assert places == [0, 1, 1, 2]  # in the middle of a step: at its beginning


def test_parts_that_cannot_be_shared_out():
    with pytest.raises(ConfigError, match="3 parts cannot be shared out among 2 ranks"):
        Batches(Shards(training.shards()), "train", Reading(rows=6), world=2, parts=3)
