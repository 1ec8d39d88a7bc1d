"""What is known of triples: the fast look-up against plain sets."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from kbtools.models.kge import known as module
from kbtools.models.kge.known import Known

ROWS, RELATIONS = 7, 3
TRIPLES = [(0, 0, 1), (0, 0, 2), (0, 1, 1), (3, 0, 1), (4, 2, 4), (0, 0, 1)]


def array(triples):
    return np.array(triples, np.int32).reshape(-1, 3)


class Slow:
    """What `Known` is, by sets."""

    def __init__(self, triples):
        self.answers = defaultdict(set)
        for head, relation, tail in triples:
            self.answers[head, relation, False].add(tail)
            self.answers[tail, relation, True].add(head)

    def contains(self, anchor, relation, heads, candidates):
        shape = (*anchor.shape, candidates.shape[-1])
        if candidates.dim() == 2:
            candidates = candidates[:, None].expand(shape)
        asked = zip(*(one.flatten().tolist() for one in (anchor, relation, heads)), strict=True)
        rows = candidates.reshape(-1, shape[-1]).tolist()
        found = [[one in self.answers[key] for one in row] for key, row in zip(asked, rows, strict=True)]
        return torch.tensor(found, dtype=torch.bool).view(shape).tolist()


def everything(rows=ROWS, relations=RELATIONS) -> tuple[Tensor, Tensor, Tensor]:
    """Ask for all that can be asked: a chunk for each side."""
    anchor, relation = (one.flatten() for one in np.meshgrid(np.arange(rows), np.arange(relations)))
    sides = torch.tensor([False, True])[:, None].expand(2, len(anchor))
    first, second = (torch.from_numpy(one)[None].expand(2, -1) for one in (anchor, relation))
    return first, second, sides


@pytest.fixture(params=["whole", "hashed", "bisected"])
def kind(request, monkeypatch):
    """Each way of finding out."""
    if request.param != "whole":
        monkeypatch.setattr(module, "WHOLE", 0)
    if request.param == "bisected":
        monkeypatch.setattr(Known, "_tabled", lambda _self: None)
    return request.param


def test_each_triple_is_found_from_both_ends(kind):
    known, slow = Known([array(TRIPLES)], ROWS, RELATIONS), Slow(TRIPLES)
    asked = everything()
    candidates = torch.arange(ROWS).expand(2, -1)
    found = known.contains(*asked, candidates)
    assert found.dtype == torch.bool
    assert found.tolist() == slow.contains(*asked, candidates)
    assert int(found.sum()) == 2 * len(set(TRIPLES)) == 2 * len(known)


def test_answers_are_sorted_and_counted():
    known = Known([array(TRIPLES)], ROWS, RELATIONS)
    anchor, relation = torch.tensor([0, 5, 1, 4, 4]), torch.tensor([0, 0, 0, 2, 2])
    heads = torch.tensor([False, False, True, True, False])
    query, row = known.answers(anchor, relation, heads)
    assert query.tolist() == [0, 0, 2, 2, 3, 4]
    assert row.tolist() == [1, 2, 0, 3, 4, 4]
    assert known.counts(anchor, relation, heads).tolist() == [2, 0, 2, 1, 1]


def test_pairs_are_numbered_densely_and_can_be_kept():
    known = Known([array(TRIPLES)], ROWS, RELATIONS)
    asked = everything()
    pairs = known.pairs(*asked)
    numbered = sorted(pairs[pairs >= 0].tolist())
    assert numbered == list(range(len(numbered)))
    candidates = torch.arange(ROWS).expand(2, -1)
    assert torch.equal(known.among(pairs, candidates), known.contains(*asked, candidates))


def test_several_arrays_may_say_the_same(kind):
    parts = [array(TRIPLES[:4]), array([]), array(TRIPLES[2:])]
    once, often = Known([array(TRIPLES)], ROWS, RELATIONS), Known(parts, ROWS, RELATIONS)
    asked = everything()
    flat = [one[0] for one in asked]
    for first, second in zip(once.answers(*flat), often.answers(*flat), strict=True):
        assert torch.equal(first, second)
    assert len(once) == len(often) == 5


@pytest.mark.parametrize("parts", [[], [array([])]])
def test_nothing_may_be_known(parts):
    known = Known(parts, ROWS, RELATIONS)
    asked = everything()
    assert not known.contains(*asked, torch.zeros((2, 4), dtype=torch.long)).any()
    assert [len(one) for one in known.answers(*(one[0] for one in asked))] == [0, 0]
    assert not known.counts(*asked).any()
    anchor, relation, heads = (one[:0] for one in asked)
    assert not len(known.contains(anchor, relation, heads, torch.zeros((0, 4), dtype=torch.long)))


def test_the_same_elsewhere():
    known = Known([array(TRIPLES)], ROWS, RELATIONS)
    moved = known.to("cpu")
    asked, candidates = everything(), torch.arange(ROWS).expand(2, -1)
    assert torch.equal(moved.contains(*asked, candidates), known.contains(*asked, candidates))


def test_numbers_too_large_for_a_key_are_refused():
    with pytest.raises(ValueError, match="too many"):
        Known([], 1 << 31, 10)
    with pytest.raises(ValueError, match="too many"):
        Known([], (1 << 31) - 1, 1 << 32)


def test_large_rows_do_not_run_over():
    last = (1 << 31) - 2
    triples = [(last, 1000, last), (last, 1000, 0), (0, 1000, last)]
    known = Known([array(triples)], last + 1, 1001)
    anchor = torch.tensor([[last, 0]])
    relation, heads = torch.full((1, 2), 1000), torch.tensor([[False, True]])
    candidates = torch.tensor([[0, 1, last - 1, last]])
    expected = [[[True, False, False, True], [False, False, False, True]]]
    assert known.contains(anchor, relation, heads, candidates).tolist() == expected


TRIPLE = st.tuples(st.integers(0, ROWS - 1), st.integers(0, RELATIONS - 1), st.integers(0, ROWS - 1))


@given(
    st.lists(TRIPLE, max_size=40), st.integers(0, 2**32), st.sampled_from(["whole", "hashed"]), st.booleans()
)
@example([], 0, "hashed", False)
def test_it_is_what_sets_say(triples, seed, kind, own):
    chunks, share, number = 3, 4, 5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SLICE", 2 * share * number)  # more than one slice
        patch.setattr(module, "AT_ONCE", 8)
        if kind == "hashed":
            patch.setattr(module, "WHOLE", 0)
            patch.setattr(module, "BITS", 1)  # most are told wrong at first
        known, slow = Known([array(triples)], ROWS, RELATIONS), Slow(triples)
        rng = np.random.default_rng(seed)
        anchor = torch.from_numpy(rng.integers(0, ROWS, (chunks, share)))
        relation = torch.from_numpy(rng.integers(0, RELATIONS, (chunks, share)))
        heads = torch.from_numpy(rng.random((chunks, share)) < 0.5)
        shape = (chunks, share, number) if own else (chunks, number)
        candidates = torch.from_numpy(rng.integers(0, ROWS, shape))
        assert known.contains(anchor, relation, heads, candidates).tolist() == slow.contains(
            anchor, relation, heads, candidates
        )
    query, row = known.answers(anchor.flatten(), relation.flatten(), heads.flatten())
    keys = zip(anchor.flatten().tolist(), relation.flatten().tolist(), heads.flatten().tolist(), strict=True)
    expected = [(at, one) for at, key in enumerate(keys) for one in sorted(slow.answers[key])]
    assert list(zip(query.tolist(), row.tolist(), strict=True)) == expected


def test_a_table_of_bits_tells_most(monkeypatch):
    monkeypatch.setattr(module, "WHOLE", 0)
    rng = np.random.default_rng(0)
    triples = np.stack([rng.integers(0, most, 20_000) for most in (1000, 20, 1000)], 1).astype(np.int32)
    known = Known([triples], 1000, 20)
    some = torch.from_numpy(triples[:512].astype(np.int64)).view(16, 32, 3)
    pairs = known.pairs(some[..., 0], some[..., 1], torch.zeros(16, 32, dtype=torch.bool))
    candidates = torch.randint(0, 1000, (16, 64), generator=torch.Generator().manual_seed(0))
    table = known._table
    assert table is not None
    maybe = known._asked(pairs[..., None], candidates[:, None], table).bool()
    found = known.among(pairs, candidates)
    assert not (found & ~maybe).any()
    assert (maybe & ~found).float().mean() < 0.01
