"""Pieces of the stream become rows; spans are found again in them. Beside it the slow, obvious way."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kbtools.arrays import ranges
from kbtools.shards.assembly import assemble, place
from kbtools.shards.base import Segments, Texts
from kbtools.shards.cutting import greedy, inwards, whole
from kbtools.tokens.stream import Stream

CLS, SEP = 101, 102


def stream(sizes, words=None):
    count = sum(sizes)
    return Stream(
        ids=np.arange(1000, 1000 + count, dtype=np.int32),
        start=np.arange(count, dtype=np.int32),
        end=np.arange(1, count + 1, dtype=np.int32),
        word=np.ones(count, np.bool_) if words is None else np.array(words, np.bool_),
        begins=np.append(0, np.cumsum(sizes)).astype(np.int64),
    )


def segments(*rows):
    """Each row is a list of (start, stop, kind, before, after)."""
    flat = [(number, *piece) for number, row in enumerate(rows) for piece in row]
    columns = (
        [np.array(column) for column in zip(*flat, strict=True)] if flat else [np.zeros(0, np.int64)] * 6
    )
    example, start, stop, kind, before, after = columns
    return Segments(
        example.astype(np.int64), start.astype(np.int64), stop.astype(np.int64), kind.astype(np.int8),
        before.astype(np.int32), after.astype(np.int32),
    )  # fmt: skip


def test_a_pair_by_hand():
    rows = assemble(stream([4, 3]), segments([(0, 2, 0, CLS, SEP), (5, 7, 1, -1, SEP)]))
    assert rows.ids.tolist() == [CLS, 1000, 1001, SEP, 1005, 1006, SEP]
    assert rows.kind.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert rows.source.tolist() == [-1, 0, 1, -1, 5, 6, -1]
    assert rows.offsets.tolist() == [0, 7]
    assert rows.at.tolist() == [1, 4]


def test_no_examples():
    rows = assemble(stream([4]), segments())
    assert (len(rows), rows.ids.tolist()) == (0, [])
    assert len(place(rows, np.array([[0, 1]])).row) == 0


def test_ranges():
    assert ranges(np.array([5, 9, 2]), np.array([2, 3, 0])).tolist() == [5, 6, 9, 10, 11]


special = st.sampled_from([-1, CLS, SEP])


@st.composite
def worlds(draw):
    size = draw(st.integers(1, 40))
    piece = st.tuples(st.integers(0, size - 1), st.integers(1, 12), st.integers(0, 1), special, special)
    rows = draw(st.lists(st.lists(piece, min_size=1, max_size=4), max_size=6))
    pieces = [[(low, min(size, low + n), *rest) for low, n, *rest in row] for row in rows]
    spans = draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(1, 5)), max_size=12))
    return size, pieces, sorted((low, min(size, low + n)) for low, n in spans)


@given(worlds())
def test_rows_are_those_of_the_slow_way(world):
    size, pieces, _ = world
    flow = stream([size])
    rows = assemble(flow, segments(*pieces))
    for number, row in enumerate(pieces):
        expected = []
        for low, high, kind, before, after in row:
            own = [(int(flow.ids[at]), kind) for at in range(low, high)]
            expected += [(before, kind)] * (before >= 0) + own + [(after, kind)] * (after >= 0)
        here = slice(rows.offsets[number], rows.offsets[number + 1])
        assert list(zip(rows.ids[here].tolist(), rows.kind[here].tolist(), strict=True)) == expected


@given(worlds())
def test_spans_are_those_of_the_slow_way(world):
    size, pieces, spans = world
    rows = assemble(stream([size]), segments(*pieces))
    found = place(rows, np.array(spans, np.int64).reshape(-1, 2))
    expected = []
    for number, row in enumerate(pieces):
        at = 0
        for low, high, _, before, after in row:
            at += before >= 0
            expected += [
                (which, number, begin - low + at, end - low + at)
                for which, (begin, end) in enumerate(spans)
                if low <= begin and end <= high
            ]
            at += high - low + (after >= 0)
    assert list(zip(*(part.tolist() for part in found), strict=True)) == expected
    assert found.offsets(len(rows)).tolist() == [
        sum(r < n for _, r, *_ in expected) for n in range(len(rows) + 1)
    ]
    for which, row, start, end in expected:
        own = rows.ids[rows.offsets[row] + start : rows.offsets[row] + end]
        assert own.tolist() == list(range(1000 + spans[which][0], 1000 + spans[which][1]))


def texts(words, spans):
    documents = pa.RecordBatch.from_pylist([{"doc_id": "a"}])
    return Texts(
        documents, stream([len(words)], words), np.array([0, len(words)]), np.array(spans).reshape(-1, 2)
    )


def test_no_cut_goes_through_a_word_or_a_mention():
    #        0  1  2  3  4  5  6  7
    words = [1, 0, 1, 1, 1, 0, 0, 1]
    found = texts(words, [[2, 4], [6, 7]])
    assert whole(found).tolist() == [False, True, False, True, False, True, True, False]
    start, stop, stuck = inwards(found, np.array([1, 3, 5]), np.array([6, 8, 7]))
    assert (start.tolist()[:2], stop.tolist()[:2], stuck.tolist()) == ([2, 4], [4, 8], [False, False, True])


def test_what_is_too_long_is_cut_where_it_may_be():
    closed = np.array([False, False, True, True, False, True, True, True, False, False])
    assert greedy(np.array([0]), np.array([10]), closed, 4).tolist() == [0, 4, 8]
    assert greedy(np.array([0]), np.array([10]), closed, 3).tolist() == [0, 1, 4, 7]  # 7: there was no way


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 7))
def test_pieces_fit_and_nothing_is_lost(closed, room):
    edges = [*greedy(np.array([0]), np.array([len(closed)]), np.array(closed), room).tolist(), len(closed)]
    sizes = np.diff(edges)
    assert edges[0] == 0
    assert (sizes > 0).all()
    assert (sizes <= room).all()
    for low, high in itertools.pairwise(edges[:-1]):
        if closed[high]:  # only where there was no other way
            assert high - low == room
            assert all(closed[low + 1 : high + 1])
