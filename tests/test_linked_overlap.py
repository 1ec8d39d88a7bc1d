"""Among overlapping mentions the heaviest set is kept: as if all sets were tried, and on very long runs."""

from __future__ import annotations

from itertools import combinations
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbtools.linked import overlap

Mention = tuple[int, int, int, int, float]  # text, start, end, kb, weight

mentions_of = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 12), st.integers(1, 6), st.integers(0, 1), st.integers(1, 8)
    ).map(lambda m: (m[0], m[1], m[1] + m[2], m[3], m[4] / 8)),
    max_size=12,
)


def kept(mentions: list[Mention]) -> list[int]:
    columns: list[Any] = [np.array(column) for column in zip(*mentions, strict=True)] or [np.zeros(0)] * 5
    rows: list[int] = overlap.best_non_overlapping(*columns).tolist()
    return rows


def overlaps(a: Mention, b: Mention) -> bool:
    return a[0] == b[0] and a[3] == b[3] and a[1] < b[2] and b[1] < a[2]


def all_tried(mentions: list[Mention]) -> list[int]:
    """Of all sets without overlaps the heaviest; then the longer, earlier first mention, then the second …"""
    best: tuple[Any, list[int]] = ((-1.0,), [])
    for size in range(len(mentions) + 1):
        for rows in combinations(range(len(mentions)), size):
            if any(overlaps(mentions[a], mentions[b]) for a, b in combinations(rows, 2)):
                continue
            by_place = sorted(rows, key=lambda row: (mentions[row][3], mentions[row][0], mentions[row][1]))
            firsts = [(mentions[r][2] - mentions[r][1], -mentions[r][1], -r) for r in by_place]
            best = max(best, ((sum(mentions[r][4] for r in rows), firsts), [*rows]))
    return sorted(best[1])


def test_nothing_in_nothing_out():
    assert kept([]) == []


def test_a_long_mention_gives_way_to_two_that_weigh_more_together():
    new, york, city, whole = (0, 0, 3, 0, 0.3), (0, 4, 8, 0, 0.4), (0, 9, 13, 0, 0.2), (0, 0, 13, 0, 0.8)
    assert kept([new, york, city, whole]) == [0, 1, 2]
    assert kept([new, york, city, (*whole[:4], 0.95)]) == [3]


def test_mentions_that_touch_do_not_overlap():
    assert kept([(0, 0, 2, 0, 0.5), (0, 2, 4, 0, 0.5)]) == [0, 1]


def test_each_knowledge_base_and_each_text_is_on_its_own():
    aspirin = [(0, 0, 7, 0, 0.9), (0, 0, 7, 1, 0.1), (1, 0, 7, 0, 0.2)]
    assert kept(aspirin) == [0, 1, 2]


def test_of_equal_weights_the_longer_first_mention_is_kept():
    assert kept([(0, 0, 2, 0, 0.5), (0, 0, 4, 0, 1.0), (0, 2, 4, 0, 0.5)]) == [1]
    assert kept([(0, 0, 3, 0, 0.5), (0, 1, 4, 0, 0.5)]) == [0]  # as long: the earlier
    assert kept([(0, 0, 3, 0, 0.5), (0, 1, 6, 0, 0.5)]) == [1]


def test_of_two_at_one_place_the_heavier_then_the_first_given_is_kept():
    assert kept([(0, 0, 3, 0, 0.5), (0, 0, 3, 0, 0.6)]) == [1]
    assert kept([(0, 0, 3, 0, 0.5), (0, 0, 3, 0, 0.5)]) == [0]


@given(mentions_of)
@example([(0, 0, 1, 0, 0.125), (0, 0, 2, 0, 0.25), (0, 1, 2, 0, 0.125), (0, 1, 3, 0, 0.25)])
def test_as_if_all_sets_were_tried(mentions):
    """A set's mentions are compared one after the other within a text and knowledge base."""
    expected = []
    for group in sorted({(m[0], m[3]) for m in mentions}):
        rows = [row for row, m in enumerate(mentions) if (m[0], m[3]) == group]
        expected += [rows[i] for i in all_tried([mentions[row] for row in rows])]
    assert kept(mentions) == sorted(expected)


@given(mentions_of, st.integers(1, 4))
def test_runs_finished_one_by_one_are_as_those_that_go_together(mentions, together):
    many = [(m[0] + 3 * copy, *m[1:]) for copy in range(5) for m in mentions]
    with pytest.MonkeyPatch.context() as patch:
        answers = []
        for number in (1, together, 1000):
            patch.setattr(overlap, "TOGETHER", number)
            answers.append(kept(many))
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]) == 5 * len(kept(mentions))


@given(mentions_of, st.randoms())
def test_the_order_of_rows_matters_only_between_twins(mentions, random):
    distinct = [*{mention[:4]: mention for mention in mentions}.values()]
    shuffled = random.sample(distinct, len(distinct))
    assert {distinct[i] for i in kept(distinct)} == {shuffled[i] for i in kept(shuffled)}


def slowly(start: list[int], end: list[int], weight: list[float]) -> float:
    best = [0.0] * (max(end) + 1)
    by_end: dict[int, list[int]] = {}
    for row, one in enumerate(end):
        by_end.setdefault(one, []).append(row)
    for place in range(1, len(best)):
        best[place] = max([best[place - 1], *(best[start[r]] + weight[r] for r in by_end.get(place, []))])
    return best[-1]


def test_a_run_of_a_hundred_thousand_takes_no_minutes():
    rng = np.random.default_rng(5)
    start = np.arange(100_000) * 2
    end = start + rng.integers(3, 40, len(start))
    weight = rng.integers(1, 1000, len(start)) / 1024
    zero = np.zeros(len(start), np.int64)
    begin = perf_counter()
    rows = overlap.best_non_overlapping(zero, start, end, zero.astype(np.uint8), weight)
    assert perf_counter() - begin < 5
    assert (end[rows][:-1] <= start[rows][1:]).all()
    assert weight[rows].sum() == slowly(start.tolist(), end.tolist(), weight.tolist())


@given(mentions_of)
def test_from_the_left_the_longest(mentions):
    """Going through each text and knowledge base: what starts first, of those the longest, then behind it."""
    expected, ends = [], dict[tuple[int, int], int]()
    for row in sorted(range(len(mentions)), key=lambda at: (mentions[at][1], -mentions[at][2], at)):
        text, start, end, kb, _ = mentions[row]
        if start >= ends.get((text, kb), 0):
            expected.append(row)
            ends[text, kb] = end
    columns: list[Any] = [np.array(column) for column in zip(*mentions, strict=True)] or [np.zeros(0)] * 5
    assert overlap.leftmost_longest(*columns[:4]).tolist() == sorted(expected)
