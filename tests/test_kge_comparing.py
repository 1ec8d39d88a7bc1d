"""Comparisons against loops that are written as the formulas are, and their gradients against differences."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.models.kge import comparing

KINDS = ("dot", "l1", "l2", "modulus", "sine")


def alone(kind, query, candidate):
    """Compare two lists of numbers."""
    if kind == "sine":
        *query, scale, factor = query
        return -factor * sum(abs(math.sin(q - scale * c)) for q, c in zip(query, candidate, strict=True))
    pairs = list(zip(query, candidate, strict=True))
    if kind == "dot":
        return sum(q * c for q, c in pairs)
    if kind == "l1":
        return -sum(abs(q - c) for q, c in pairs)
    if kind == "l2":
        return -math.sqrt(sum((q - c) ** 2 for q, c in pairs))
    half = len(pairs) // 2
    return -sum(
        abs(complex(q1 - c1, q2 - c2)) for (q1, c1), (q2, c2) in zip(pairs[:half], pairs[half:], strict=True)
    )


def drawn(kind, shape, seed=0, dtype=torch.float64):
    """Draw queries and candidates; those of `sine` end with a scale and a factor."""
    chunks, asked, number, width = shape
    drawn = torch.Generator().manual_seed(seed)
    queries = torch.randn(chunks, asked, width, generator=drawn, dtype=dtype)
    candidates = torch.randn(chunks, number, width, generator=drawn, dtype=dtype)
    if kind == "sine":
        ends = torch.tensor([1.3, 0.7], dtype=dtype)
        queries = torch.cat([queries, ends.expand(chunks, asked, 2)], -1)
    return queries, candidates


def by_loops(kind, queries, candidates):
    return torch.tensor(
        [
            [[alone(kind, query, one) for one in candidates] for query in queries]
            for queries, candidates in zip(queries.tolist(), candidates.tolist(), strict=True)
        ],
        dtype=queries.dtype,
    )


def simply(kind, queries, candidates):
    """Do it with all differences at once, and let autograd find the gradient."""
    if kind == "dot":
        return torch.einsum("csw,cnw->csn", queries, candidates)
    if kind == "sine":
        queries, scale, factor = queries[..., :-2], queries[:, :1, -2:-1], queries[..., -1:]
        return -factor * (queries[:, :, None] - (scale * candidates)[:, None]).sin().abs().sum(-1)
    difference = queries[:, :, None] - candidates[:, None]
    if kind == "l1":
        return -difference.abs().sum(-1)
    if kind == "l2":
        return -difference.square().sum(-1).sqrt()
    real, imaginary = difference.chunk(2, -1)
    return -(real**2 + imaginary**2).sqrt().sum(-1)


@pytest.fixture(params=["whole", "by blocks"])
def cut(request, monkeypatch):
    """Differences are taken all at once, or a few at a time."""
    if request.param == "by blocks":
        monkeypatch.setattr(comparing, "_CACHED", 24)
        monkeypatch.setattr(comparing, "_KEPT", 0)


SHAPES = [(3, 1, 4, 6), (2, 5, 4, 2), (1, 7, 9, 4), (4, 4, 1, 2), (1, 1, 1, 2), (2, 3, 5, 30)]


@pytest.mark.usefixtures("cut")
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape)))
@pytest.mark.parametrize("kind", KINDS)
def test_all_pairs_of_a_chunk_are_compared(kind, shape):
    queries, candidates = drawn(kind, shape)
    expected = by_loops(kind, queries, candidates)
    torch.testing.assert_close(comparing.many(kind, queries, candidates), expected)
    answers = candidates[:, :1].expand(-1, shape[1], -1)
    torch.testing.assert_close(comparing.one(kind, queries, answers), expected[..., 0])


@pytest.mark.parametrize("shape", [(3, 1, 4, 6), (2, 5, 4, 2), (1, 4, 5, 4)], ids=lambda shape: str(shape[1]))
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_small_differences(kind, shape, monkeypatch):
    monkeypatch.setattr(comparing, "_CACHED", 24)
    monkeypatch.setattr(comparing, "_KEPT", 0)  # what is kept is there for one gradient
    pair = [one.requires_grad_() for one in drawn(kind, shape)]
    if kind == "sine":  # a scale is one number for all queries, and no gradient is asked of it
        ends = pair[0].detach()[..., -2:-1].clone()
        assert torch.autograd.gradcheck(
            lambda queries, candidates: comparing.many(
                kind, torch.cat([queries[..., :-2], ends, queries[..., -1:]], -1), candidates
            ),
            pair,
        )
    else:
        assert torch.autograd.gradcheck(lambda *pair: comparing.many(kind, *pair), pair)


@pytest.mark.parametrize("shape", [(8, 1, 16, 64), (2, 32, 48, 40), (1, 16, 200, 128)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_agrees_with_autograd(kind, shape):
    pair = [one.requires_grad_() for one in drawn(kind, shape, dtype=torch.float32)]
    weights = torch.randn(shape[:3], generator=torch.Generator().manual_seed(1))
    found, expected = comparing.many(kind, *pair), simply(kind, *pair)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)
    ours, theirs = (torch.autograd.grad(one, pair, weights) for one in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("cut")
@pytest.mark.parametrize("asked", [1, 5])
@pytest.mark.parametrize("kind", ["l1", "l2", "modulus", "sine"])
def test_what_is_equal_has_no_distance_and_no_gradient(kind, asked):
    queries, candidates = drawn(kind, (2, asked, 6, 8), dtype=torch.float32)
    scale = 1.3 if kind == "sine" else 1.0
    candidates[:, 2] = queries[:, 0, :8] / scale
    candidates[:, 3, :4] = queries[:, 0, :4] / scale  # equal in part
    candidates = (candidates * 64).round() / 64
    queries[..., :8] = candidates[:, 2:3] * scale
    queries.requires_grad_()
    candidates.requires_grad_()
    scores = comparing.many(kind, queries, candidates)
    assert (scores[:, :, 2] == 0).all()
    scores[:, :, 2].sum().backward()
    assert (queries.grad[..., :8] == 0).all()
    assert (candidates.grad == 0).all()
    queries.grad = candidates.grad = None
    comparing.many(kind, queries, candidates).sum().backward()
    assert torch.isfinite(queries.grad).all()
    assert torch.isfinite(candidates.grad).all()


def test_near_distances_keep_their_digits():
    drawn = torch.Generator().manual_seed(0)
    queries = torch.randn(1, 8, 32, generator=drawn) + 100
    candidates = queries + 1e-3 * torch.randn(1, 8, 32, generator=drawn)
    found = comparing.many("l2", queries, candidates)
    torch.testing.assert_close(found, simply("l2", queries, candidates), rtol=1e-5, atol=0)


def test_a_gradient_is_taken_once():
    pair = [one.requires_grad_() for one in drawn("l1", (2, 1, 3, 4))]
    found = comparing.many("l1", *pair).sum()
    torch.autograd.grad(found, pair, retain_graph=True)
    with pytest.raises(RuntimeError):  # rather than another one
        torch.autograd.grad(found, pair)


@settings(max_examples=40)
@given(
    st.sampled_from(KINDS),
    st.tuples(*[st.integers(1, 6)] * 3),
    st.integers(1, 5),
    st.integers(0, 40),
    st.data(),
)
def test_cuts_change_nothing(kind, counts, half, cached, data):
    queries, candidates = drawn(kind, (*counts, 2 * half), seed=data.draw(st.integers(0, 9)))
    whole = comparing.many(kind, queries, candidates)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(comparing, "_CACHED", cached)
        patched.setattr(comparing, "_KEPT", 0)
        torch.testing.assert_close(comparing.many(kind, queries, candidates), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_compared_with_nothing(kind):
    queries, candidates = drawn(kind, (2, 3, 0, 4))
    assert comparing.many(kind, queries, candidates).shape == (2, 3, 0)
    assert comparing.one(kind, queries[:0], queries[:0, :, :4]).shape == (0, 3)
