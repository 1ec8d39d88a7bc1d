"""Walks over candidates: a small graph by hand, dense matrices, and mentions that are in no doubt."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ConfigError
from kbtools.linkers import graph
from kbtools.linkers.base import Block, Mentions
from kbtools.linkers.features import coherence
from kbtools.linkers.features.coherence import Settings, walked
from kbtools.linkers.relatedness import Neighbours, between
from tests.linked_candidates import Mention, line, mentions_of, neighbours_of

ALL = Settings(margin=1.0, least=0.0, direct=0.0, steps=200, enough=0.0)
# 0 and 1 are cities, 2 and 3 people: cities share neighbours with cities, people with people.
WORLD = [{10, 11, 12}, {10, 11, 13}, {20, 21, 22}, {20, 21, 23}]


def fits(mentions: Mentions, neighbours: Neighbours, how: Settings) -> list[float]:
    found = walked(mentions, mentions.prior, mentions.eid.astype(np.int64), neighbours, how)
    return [*map(float, found)]


def densely(mentions: Mentions, neighbours: Neighbours, how: Settings) -> Any:
    """One matrix over the candidates of all mentions of one text, all in reach."""
    owner, size = mentions.owner, len(mentions.eid)
    every = np.arange(size)
    a, b = (grid.ravel() for grid in np.meshgrid(every, every))
    eid = mentions.eid.astype(np.int64)
    way = between(neighbours, eid[a], eid[b], direct=how.direct, same=how.same)
    way[owner[a] == owner[b]] = 0
    matrix = way.reshape(size, size)
    share = np.maximum(mentions.prior.astype(np.float64), how.least)
    share /= np.bincount(owner, weights=share)[owner]
    v = share / share.sum()
    leaving = matrix.sum(axis=0)
    whole = np.maximum(leaving, how.enough)
    whole[whole == 0] = 1
    step = matrix / whole + v[:, None] * (1 - leaving / whole)
    x = v
    for _ in range(how.steps):
        x = (1 - how.damping) * v + how.damping * step @ x
    return x / np.bincount(owner, weights=x)[owner]


def test_a_city_among_cities():
    mentions = mentions_of(line([(0, 0.4), (2, 0.6)], [(1, 1.0)]))
    neighbours = neighbours_of(WORLD, entities=1000)
    city, person, other = fits(mentions, neighbours, ALL)
    assert city > 0.8
    assert city + person == pytest.approx(1)
    assert other == 1


def test_one_step_by_hand():
    """Each mention weighs 1: the walk at 1 goes to 0, the walk at 2 is given back as v."""
    mentions = mentions_of(line([(0, 0.4), (2, 0.6)], [(1, 1.0)]))
    city, person, _ = fits(mentions, neighbours_of(WORLD, entities=1000), replace(ALL, steps=1, damping=0.5))
    back = 0.6 / 2  # of its own: what is at 2 is divided over two mentions
    assert city == pytest.approx((0.2 + 0.5 * (1 + back * 0.4)) / (0.5 * (1 + 1 + back)), abs=1e-6)
    assert person == pytest.approx((0.3 + 0.5 * back * 0.6) / (0.5 * (1 + 1 + back)), abs=1e-6)


def test_what_is_hardly_related_changes_little():
    mentions = mentions_of(line([(0, 0.4), (2, 0.6)], [(1, 1.0)]))
    neighbours = neighbours_of([{1}, set(), set(), set()], entities=1000)
    found = [fits(mentions, neighbours, replace(ALL, direct=0.01, enough=enough))[0] for enough in (0.0, 2.0)]
    assert found[0] > 0.8
    assert found[1] == pytest.approx(0.4, abs=0.02)


def test_without_anything_related_the_shares_stay():
    mentions = mentions_of(line([(0, 0.2), (2, 0.6)], [(5, 0.5), (6, 0.5)], []))
    found = fits(mentions, neighbours_of(WORLD, entities=1000), ALL)
    assert found == pytest.approx([0.25, 0.75, 0.5, 0.5])


def test_who_leads_by_more_than_the_margin_is_context_and_keeps_its_shares():
    mentions = mentions_of(line([(0, 0.45), (2, 0.55)], [(1, 0.2), (3, 0.8)]))
    neighbours = neighbours_of(WORLD, entities=1000)
    found = fits(mentions, neighbours, replace(ALL, margin=0.5))
    assert found[2:] == pytest.approx([0.2, 0.8])
    assert found[1] > 0.8  # 3 speaks for 2; 1, though a candidate, is not heard
    assert fits(mentions, neighbours, ALL)[2] != pytest.approx(0.2, abs=0.01)
    assert fits(mentions, neighbours, replace(ALL, margin=-1.0)) == pytest.approx([0.45, 0.55, 0.2, 0.8])


def test_overlapping_mentions_do_not_speak_for_each_other():
    rows: list[Mention] = [(0, 0, 8, 0, [(0, 0.4), (2, 0.6)]), (0, 4, 8, 0, [(1, 1.0)])]
    found = fits(mentions_of(rows), neighbours_of(WORLD, entities=1000), ALL)
    assert found == pytest.approx([0.4, 0.6, 1.0])


def test_knowledge_bases_and_texts_are_apart():
    one, other = line([(0, 0.4), (2, 0.6)]), line([(1, 1.0)], text=1)
    found = fits(mentions_of([*one, *other]), neighbours_of(WORLD, entities=1000), ALL)
    assert found == pytest.approx([0.4, 0.6, 1.0])


def test_candidates_beyond_the_most_are_behind():
    mentions = mentions_of(line([(2, 0.5), (3, 0.3), (0, 0.2)], [(1, 1.0)]))
    found = fits(mentions, neighbours_of(WORLD, entities=1000), replace(ALL, most=2))
    assert found[0] > found[1] > found[2] > 0
    assert fits(mentions, neighbours_of(WORLD, entities=1000), ALL)[2] > 0.5


def test_found_by_an_index_alone_a_candidate_is_not_lost():
    mentions = mentions_of(line([(0, 0.0), (2, 0.0)], [(1, 1.0)]))
    assert fits(mentions, neighbours_of(WORLD, entities=1000), ALL)[0] > 0.8


names = st.lists(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(1, 8)), min_size=1, max_size=4, unique_by=lambda c: c[0]
    ),
    min_size=1,
    max_size=5,
).map(lambda rows: [[(eid, weight / 8) for eid, weight in row] for row in rows])
tables = st.lists(st.sets(st.integers(0, 9)), min_size=10, max_size=10)


@given(names, tables, st.sampled_from([0.0, 0.5, 0.85]), st.sampled_from([0.0, 0.5, 2.0]), st.booleans())
def test_as_with_a_dense_matrix(rows, sets, damping, enough, same):
    how = replace(ALL, damping=damping, enough=enough, steps=8, direct=0.5, same=float(same))
    mentions, neighbours = mentions_of(line(*rows)), neighbours_of(sets)
    np.testing.assert_allclose(fits(mentions, neighbours, how), densely(mentions, neighbours, how), atol=1e-6)


@settings(max_examples=30)
@given(st.lists(names, min_size=2, max_size=3), tables)
def test_the_same_whatever_else_is_in_the_block(texts, sets):
    neighbours = neighbours_of(sets)
    alone = [fits(mentions_of(line(*rows)), neighbours, Settings()) for rows in texts]
    rows = [row for text, rows in enumerate(texts) for row in line(*rows, text=text)]
    with pytest.MonkeyPatch.context() as patch:
        together = fits(mentions_of(rows), neighbours, Settings())
        patch.setattr(graph, "NODES", 1)
        cut = fits(mentions_of(rows), neighbours, Settings())
    assert together == cut == [one for found in alone for one in found]  # to the last bit


def test_nothing_to_do():
    neighbours = neighbours_of(WORLD, entities=1000)
    assert fits(mentions_of([]), neighbours, ALL) == []
    assert fits(mentions_of(line([], [])), neighbours, ALL) == []


def knowledge(sets: list[set[int]]) -> Any:
    table = neighbours_of(sets, entities=1000)
    profile = SimpleNamespace(
        neighbours=SimpleNamespace(offsets=table.offsets, values=table.values),
        degrees=table.degrees,
        linked=table.entities,
        rows=lambda kb, eid: np.where(eid < 900, eid.astype(np.int64), -1),
    )
    return SimpleNamespace(need_profile=lambda _: profile)


def test_the_feature():
    mentions = mentions_of(line([(0, 0.4), (2, 0.6)], [(1, 1.0)], [(999, 1.0)]))
    block, scores = Block(["…"]), {"context": np.array([0, 1, 0, 0], np.float32)}
    found = coherence.make(knowledge(WORLD), Settings())(block, mentions, {})
    assert found.dtype == np.float32
    assert found[0] > found[1]
    assert found[1] > 0.01
    by_context = Settings(prior=0.0, weights={"context": 9.0}, damping=0.2)
    other = coherence.make(knowledge(WORLD), by_context)(block, mentions, scores)
    assert other[1] > 0.99  # the context leaves no doubt
    logs = coherence.make(knowledge(WORLD), Settings(log=True))(block, mentions, {})
    assert np.exp(logs) == pytest.approx(found)


@pytest.mark.parametrize("bad", [{"damping": 1.0}, {"steps": 0}, {"window": 0}, {"most": 0}, {"enough": -1}])
def test_settings_that_make_no_sense(bad):
    with pytest.raises(ConfigError, match="; it is "):
        Settings(**bad)


def test_a_start_that_is_no_feature():
    feature = coherence.make(knowledge(WORLD), Settings(weights={"contxt": 1.0}))
    with pytest.raises(ConfigError, match=r"'contxt', which no feature is called.* context"):
        feature(Block([]), mentions_of([]), {"context": np.zeros(0, np.float32)})
