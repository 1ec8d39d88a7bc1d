"""Votes, the choice, its coherence and the trust in it: by hand, and by loops over mentions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Mentions
from kbtools.linkers.features import tagme, tagme_coherence
from kbtools.linkers.features.tagme import Settings, chosen, votes
from kbtools.linkers.ranking import tagme as rule
from kbtools.linkers.relatedness import Neighbours, between
from tests.linked_candidates import line, mentions_of, neighbours_of
from tests.test_features_coherence import WORLD, knowledge, names, tables


def voted(mentions: Mentions, neighbours: Neighbours, **how: Any) -> list[float]:
    return [*map(float, votes(mentions, mentions.eid.astype(np.int64), neighbours, Settings(**how)))]


def test_votes_by_hand():
    mentions = mentions_of(line([(0, 0.4), (2, 0.6)], [(1, 0.9), (3, 0.1)]))
    neighbours = neighbours_of(WORLD, entities=1000)
    like = 1 - np.log(3 / 2) / np.log(1000 / 3)
    expected = np.array([0.9, 0.1, 0.4, 0.6]) * like
    assert voted(mentions, neighbours) == pytest.approx(expected / 2)
    assert voted(mentions, neighbours, divided=False) == pytest.approx(expected)


def test_the_most_common_take_part():
    mentions = mentions_of(line([(0, 0.4), (2, 0.6)], [(1, 1.0)]))
    found = voted(mentions, neighbours_of(WORLD, entities=1000), most=1)
    assert found == [tagme.DROPPED, 0, 0]


def test_uncommon_candidates_neither_vote_nor_are_voted_for():
    mentions = mentions_of(line([(0, 0.004), (2, 0.6)], [(1, 0.9), (3, 0.001)], [(0, 0.001), (3, 0.0005)]))
    found = voted(mentions, neighbours_of(WORLD, entities=1000), same=0.0)
    assert found[0] == tagme.DROPPED
    assert found[1] == 0  # 3 does not vote
    assert found[4] > 0  # the most common of its name stays
    assert found[5] == tagme.DROPPED


@settings(max_examples=40)
@given(names, tables, st.integers(1, 3), st.booleans())
def test_votes_by_loops(rows, sets, window, divided):
    mentions, neighbours = mentions_of(line(*rows)), neighbours_of(sets)
    expected = []
    for i, row in enumerate(rows):
        for eid, _ in row:
            total = 0.0
            for j, other in enumerate(rows):
                if i == j or abs(i - j) > window:
                    continue
                ones = [(np.array([eid]), np.array([one]), prior) for one, prior in other]
                vote = sum(float(between(neighbours, a, b, direct=0.5)[0]) * prior for a, b, prior in ones)
                total += vote / (len(other) if divided else 1)
            expected.append(total)
    assert voted(mentions, neighbours, window=window, divided=divided) == pytest.approx(expected, abs=1e-6)


def test_of_those_close_to_the_most_votes_the_most_common_is_chosen():
    mentions = mentions_of(line([(7, 0.2), (8, 0.7), (9, 0.1)], [], [(5, 1.0)]))
    ballot = np.array([1.0, 0.75, 0.9, 0.0], np.float32)
    assert chosen(mentions, ballot, 0.0).tolist() == [0, -1, 3]
    assert chosen(mentions, ballot, 0.2).tolist() == [0, -1, 3]
    assert chosen(mentions, ballot, 0.3).tolist() == [1, -1, 3]
    ballot[:3] = [0.0, tagme.DROPPED, 0.0]
    assert chosen(mentions, ballot, 1.0).tolist() == [0, -1, 3]


def test_coherence_is_the_mean_over_the_other_choices():
    mentions = mentions_of(line([(0, 1.0)], [(1, 0.9), (2, 0.1)], [(5, 1.0)]))
    neighbours = neighbours_of(WORLD, entities=1000)
    like = 1 - np.log(3 / 2) / np.log(1000 / 3)
    ballot = np.array([0.5, 0.5, 0.1, 0.0], np.float32)
    found = tagme_coherence.coherence(
        mentions, ballot, mentions.eid.astype(np.int64), neighbours, tagme_coherence.Settings()
    )
    assert found.tolist() == pytest.approx([like / 2, like / 2, 0, 0])
    alone = mentions_of(line([(0, 1.0)]))
    found = tagme_coherence.coherence(
        alone, ballot[:1], np.zeros(1, np.int64), neighbours, tagme_coherence.Settings()
    )
    assert found.tolist() == [0]


def test_trust_is_the_mean_of_lp_and_coherence():
    mentions = mentions_of(
        line([(0, 0.7), (1, 0.2), (2, 0.1)], [(3, 1.0)], [], [(4, 1.0)]), [0.3, 0.8, 0.5, np.nan]
    )
    ballot = np.array([0.2, 0.6, 0.2, 0.0, 0.1], np.float32)
    close = np.array([0, 0.5, 0, 0.2, 0.1], np.float32)
    found = rule.ranked(mentions, ballot, close, 0.2)
    rest = 0.4 * 0.6 / 2  # the two others have the same votes
    assert found.p.tolist() == pytest.approx([rest, 0.4, rest, 0.5, 0.1], abs=1e-5)
    assert found.nil.tolist() == pytest.approx([0.36, 0.5, 1.0, 0.9])


scores = st.floats(0, 1, width=32)


@given(names, st.data())
def test_a_mention_sums_to_one_and_its_choice_is_ahead(rows, data):
    size = sum(map(len, rows))
    ballot, close = (
        np.array(data.draw(st.lists(scores, min_size=size, max_size=size)), np.float32) for _ in range(2)
    )
    link = data.draw(st.lists(scores | st.just(float("nan")), min_size=len(rows), max_size=len(rows)))
    mentions = mentions_of(line(*rows), link)
    found = rule.ranked(mentions, ballot, close, 0.2)
    owner = mentions.owner
    sums = found.nil + np.bincount(owner, weights=found.p, minlength=len(rows))
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    assert ((found.p >= 0) & (found.p <= 1)).all()
    choice = chosen(mentions, ballot, 0.2)
    best = np.maximum.reduceat(found.p, mentions.offsets[:-1])
    np.testing.assert_allclose(found.p[choice], best)


def test_together():
    """TAGME's own example in small: the votes of the mentions around decide."""
    know = knowledge(WORLD)
    mentions = mentions_of(line([(0, 0.3), (2, 0.7)], [(1, 1.0)]), [0.5, 0.5])
    features: dict[str, Any] = {}
    for name, module in {"tagme": tagme, "tagme_coherence": tagme_coherence}.items():
        features[name] = module.make(know, module.Settings())(Block(["…"]), mentions, features)
    found = rule.make(rule.Settings())(mentions, features)
    like = 1 - np.log(3 / 2) / np.log(1000 / 3)
    assert found.p[0] == pytest.approx((0.5 + like) / 2)
    assert found.p[1] < found.p[0]
    assert found.p[2] == pytest.approx((0.5 + like) / 2)


def test_what_is_missing_is_named():
    mentions = mentions_of([])
    with pytest.raises(ConfigError, match="put the feature tagme before it"):
        tagme_coherence.make(knowledge(WORLD), tagme_coherence.Settings())(Block([]), mentions, {})
    with pytest.raises(ConfigError, match="asks for the feature tagme_coherence"):
        rule.make(rule.Settings())(mentions, {"tagme": np.zeros(0, np.float32)})
    with pytest.raises(ConfigError, match=r"close is 1\.5"):
        rule.Settings(close=1.5)
    for module in (tagme, tagme_coherence):
        with pytest.raises(ConfigError, match="window is 0; it is 1 or more"):
            module.Settings(window=0)
    assert rule.ranked(mentions, np.zeros(0, np.float32), np.zeros(0, np.float32), 0.2).p.tolist() == []
