"""Ways to compare a query with candidates; each with a gradient of its own, for speed.

Higher is better: distances come out negative. Where queries share their candidates, nothing as large as
[C, S, N, w] is ever made: differences are taken block by block, of a size that a cache holds, and again for
the gradient, which costs less than to fetch them from memory. Gradients of |x| and of a modulus at 0 are 0.

    dot      q · c
    l1       −Σ |q − c|
    l2       −√ Σ (q − c)²
    modulus  −Σ |q − c| of complex numbers; a vector is its halves [real | imaginary]
    sine     −m Σ |sin(q − a c)|; a query is [q | a | m], with one a for all queries of a chunk
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

Kind = Literal["dot", "l1", "l2", "modulus", "sine"]

_CACHED, _ON_DEVICE = 1 << 18, 1 << 26  # numbers of a block of differences
_KEPT = 1 << 20  # so many differences are kept for the gradient
_FEW = 4  # where there are fewer queries or candidates, matrix products do not pay
_CLOSE = 1e-3  # of squared lengths: where nearer, a difference of squares loses too many digits


def one(kind: Kind, query: Tensor, candidate: Tensor) -> Tensor:
    """Compare each query with its own candidate, [..., w], [..., w] → [...]."""
    if kind == "dot":
        return (query * candidate).sum(-1)
    alone = query.reshape(-1, 1, query.shape[-1]), candidate.reshape(-1, 1, candidate.shape[-1])
    return many(kind, *alone).view(query.shape[:-1])


def many(kind: Kind, queries: Tensor, candidates: Tensor) -> Tensor:
    """Compare all queries of a chunk with all candidates of it, [C, S, w], [C, N, w] → [C, S, N]."""
    if kind == "dot":
        if queries.shape[1] == 1:
            return _Dot.apply(queries, candidates)  # type: ignore[no-any-return, no-untyped-call]
        return queries @ candidates.mT
    if kind == "l2" and min(queries.shape[1], candidates.shape[1]) >= _FEW:
        return _Expanded.apply(queries, candidates)  # type: ignore[no-any-return, no-untyped-call]
    if kind == "sine":
        queries, scale, factor = queries[..., :-2], queries[..., -2:-1], queries[..., -1:]
        candidates = candidates * scale[:, :1]
        return factor * _Differences.apply(kind, queries, candidates)  # type: ignore[no-any-return, no-untyped-call]
    return _Differences.apply(kind, queries, candidates)  # type: ignore[no-any-return, no-untyped-call]


class _Dot(torch.autograd.Function):
    """The inner product of one query a chunk: of its gradients, products of matrices are but one."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, candidates: Tensor) -> Tensor:
        ctx.save_for_backward(queries, candidates)
        return queries @ candidates.mT

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        queries, candidates = ctx.saved_tensors
        return gradient @ candidates, gradient.mT * queries


class _Measure(NamedTuple):
    """What of a difference is summed up to its length, and how the length changes with the difference.

    `pull` turns a difference into its gradient, in place; it is given the parts if it `keeps` them (else
    anything), the length and the gradient that the length has.
    """

    parts: Callable[[Tensor, Tensor | None], Tensor]  # [..., w], room for as much → [..., w] or half of it
    pull: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    keeps: bool = False

    def length(self, parts: Tensor) -> Tensor:
        """Sum up."""
        total = parts.sum(-1)
        return total.sqrt_() if self.parts is _squares else total


def _absolute(difference: Tensor, room: Tensor | None) -> Tensor:
    return torch.abs(difference, out=room)


def _pull_absolute(difference: Tensor, parts: Tensor, length: Tensor, gradient: Tensor) -> Tensor:
    return difference.sign_().mul_(gradient.unsqueeze(-1))


def _squares(difference: Tensor, room: Tensor | None) -> Tensor:
    return torch.mul(difference, difference, out=room)


def _pull_squares(difference: Tensor, parts: Tensor, length: Tensor, gradient: Tensor) -> Tensor:
    return difference.mul_(_over(gradient, length).unsqueeze(-1))


def _moduli(difference: Tensor, room: Tensor | None) -> Tensor:
    real, imaginary = _squares(difference, room).chunk(2, -1)
    return torch.add(real, imaginary).sqrt_()


def _pull_moduli(difference: Tensor, parts: Tensor, length: Tensor, gradient: Tensor) -> Tensor:
    factor = _over(gradient.unsqueeze(-1), parts)
    for half in difference.chunk(2, -1):
        half.mul_(factor)
    return difference


def _sines(difference: Tensor, room: Tensor | None) -> Tensor:
    return torch.sin(difference, out=room).abs_()


def _pull_sines(difference: Tensor, parts: Tensor, length: Tensor, gradient: Tensor) -> Tensor:
    # d|sin x| / dx = sin 2x / 2 |sin x|
    return difference.mul_(2).sin_().mul_(_over(gradient.unsqueeze(-1) / 2, parts))


def _over(gradient: Tensor, length: Tensor) -> Tensor:
    """Divide by lengths; what has none is 0, and times any finite number stays so."""
    return gradient / length.clamp_min(torch.finfo(length.dtype).tiny ** 0.5)


_MEASURES: dict[str, _Measure] = {
    "l1": _Measure(_absolute, _pull_absolute),
    "l2": _Measure(_squares, _pull_squares),
    "modulus": _Measure(_moduli, _pull_moduli, keeps=True),
    "sine": _Measure(_sines, _pull_sines, keeps=True),
}


class _Differences(torch.autograd.Function):
    """The negative length of candidate − query, for each pair of a chunk."""

    @staticmethod
    def forward(ctx: Any, kind: str, queries: Tensor, candidates: Tensor) -> Tensor:
        ctx.measure = measure = _MEASURES[kind]
        if queries.numel() * candidates.shape[1] <= max(_KEPT, _block(queries)):
            difference = candidates.unsqueeze(1) - queries.unsqueeze(2)
            parts = measure.parts(difference, None)
            length = measure.length(parts)
            ctx.save_for_backward(queries, candidates, length, difference, parts if measure.keeps else length)
            return length.neg()
        length = queries.new_empty(len(queries), queries.shape[1], candidates.shape[1])
        differences = _Differenced(queries, candidates)
        for block in _blocks(queries, candidates):
            difference = differences(*block)
            length[block] = measure.length(measure.parts(difference, difference))
        ctx.save_for_backward(queries, candidates, length)
        return length.neg()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        measure: _Measure = ctx.measure
        queries, candidates, length, *kept = ctx.saved_tensors
        gradient = gradient.neg()
        if kept:
            difference, parts = kept
            pulled = measure.pull(difference, parts, length, gradient)
            return None, pulled.sum(2).neg_(), _sum(pulled, 1)
        to_queries, to_candidates = torch.zeros_like(queries), torch.zeros_like(candidates)
        differences = _Differenced(queries, candidates)
        for block in _blocks(queries, candidates):
            c, s, n = block
            difference = differences(*block)
            room = differences.room(difference)
            parts = measure.parts(difference, room) if measure.keeps else room
            pulled = measure.pull(difference, parts, length[block], gradient[block])
            to_queries[c, s] -= _sum(pulled, 2)
            to_candidates[c, n] += _sum(pulled, 1)
        return None, to_queries, to_candidates


class _Differenced:
    """Differences of a block at a time, all in the same memory: fresh memory costs more than the sums."""

    def __init__(self, queries: Tensor, candidates: Tensor) -> None:
        self.queries, self.candidates = queries, candidates
        self.buffers = queries.new_empty(2, _room(queries) * queries.shape[2])

    def __call__(self, c: slice, s: slice, n: slice) -> Tensor:
        """Subtract, [c, s, n, w]."""
        candidates, queries = self.candidates[c, None, n], self.queries[c, s, None]
        shape = (*queries.shape[:2], *candidates.shape[2:])
        out = self.buffers[0, : math.prod(shape)].view(shape)
        return torch.sub(candidates, queries, out=out)

    def room(self, like: Tensor) -> Tensor:
        """Return memory for as much again."""
        return self.buffers[1, : like.numel()].view(like.shape)


def _sum(pulled: Tensor, dim: int) -> Tensor:
    return pulled.squeeze(dim) if pulled.shape[dim] == 1 else pulled.sum(dim)


def _room(queries: Tensor) -> int:
    """Return how many pairs a block has."""
    return max(_block(queries) // max(queries.shape[2], 1), 1)


def _block(queries: Tensor) -> int:
    return _CACHED if queries.device.type == "cpu" else _ON_DEVICE


def _blocks(queries: Tensor, candidates: Tensor) -> Iterator[tuple[slice, slice, slice]]:
    """Cut [C, S, N, w] into pieces: ranges of chunks, of queries, of candidates."""
    chunks, asked, number, room = *queries.shape[:2], candidates.shape[1], _room(queries)
    n = min(max(number, 1), room)
    s = min(max(asked, 1), room // n)
    c = room // (s * n) if s >= asked and n >= number else 1
    for first in range(0, chunks, c):
        for query in range(0, asked, s):
            for candidate in range(0, number, n):
                yield slice(first, first + c), slice(query, query + s), slice(candidate, candidate + n)


class _Expanded(torch.autograd.Function):
    """The negative Euclidean distance of all pairs by matrix products: |q − c|² = |q|² + |c|² − 2 q·c."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, candidates: Tensor) -> Tensor:
        q = torch.linalg.vecdot(queries, queries).unsqueeze(2)  # [C, S, 1]
        c = torch.linalg.vecdot(candidates, candidates).unsqueeze(1)  # [C, 1, N]
        both = q + c
        squares = torch.baddbmm(both, queries, candidates.mT, alpha=-2)
        close = torch.nonzero(squares < both * _CLOSE, as_tuple=True)  # few: they are measured
        difference = queries[close[0], close[1]] - candidates[close[0], close[2]]
        squares[close] = torch.linalg.vecdot(difference, difference)
        length = squares.sqrt_()
        ctx.save_for_backward(queries, candidates, length)
        return length.neg()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        queries, candidates, length = ctx.saved_tensors
        pull = _over(gradient, length).masked_fill_(length == 0, 0)  # [C, S, N]
        to_queries = torch.baddbmm(queries * pull.sum(2, keepdim=True), pull, candidates, beta=-1)
        to_candidates = torch.baddbmm(candidates * pull.sum(1).unsqueeze(2), pull.mT, queries, beta=-1)
        return to_queries, to_candidates
