"""One step: scores of words with those around them and with drawn ones, and what follows for both sides.

No score is computed pair by pair. Words stand in tiles of TILE; a tile is multiplied with the context words
of itself and `window` to each side, and what is out of a word's window is masked. Drawn words are shared by
the words of a chunk: those of one word weigh together what `negatives` for each of its contexts would.
The gradients are written out; d/ds of −log σ(s) is σ(s) − 1, of −log σ(−s) it is σ(s).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from kbtools.models.embedding.sgns.blocks import CHUNK
from kbtools.models.embedding.sgns.tables import Tables

TILE = 32


class Given(NamedTuple):
    """A batch as tensors; see `blocks.Batch`."""

    word: Tensor
    line: Tensor
    window: Tensor
    drawn: Tensor
    entity: Tensor
    context: Tensor
    drawn_context: Tensor
    pair: Tensor
    drawn_entity: Tensor


class Told(NamedTuple):
    """The sum of losses and how many pairs they are of; there, if it was asked for."""

    loss: Tensor
    pairs: Tensor


class How(NamedTuple):
    """How a batch is learned from."""

    window: int
    negatives: int
    lr: float


class Near(NamedTuple):
    """The words of a batch as others' contexts, [n, W], and their gradients, which grow."""

    vectors: Tensor
    change: Tensor


def step(tables: Tables, batch: Given, how: How, *, tell: bool) -> Told | None:
    """Learn from a batch."""
    told: list[Told] | None = [] if tell else None
    looked = tables.inputs.look(batch.word)
    change, near, many = _words(looked.vectors, tables.contexts[batch.word], batch, how.window, told)
    chunks = looked.vectors.view(-1, CHUNK, change.shape[1])
    far = tables.contexts[batch.drawn]  # [q, DRAWN, W]
    mine, theirs = _drawn(chunks, far, many.view(-1, CHUNK) * how.negatives, told)
    change += mine.view_as(change)
    index, gradient = [batch.word, batch.drawn.reshape(-1)], [near.change, theirs.flatten(0, 1)]
    if len(batch.entity):
        index.append(batch.drawn_context)
        gradient.append(_mentions(tables, batch, near, how, told))
    tables.inputs.change(looked, change, how.lr)
    tables.contexts.change(torch.cat(index), torch.cat(gradient), how.lr)
    if len(batch.pair):
        _graph(tables, batch, how, told)
    if told is None:
        return None
    losses, pairs = zip(*told, strict=True)
    return Told(torch.stack(losses).sum(), torch.stack(pairs).sum())


def _words(
    vectors: Tensor, near: Tensor, batch: Given, window: int, told: list[Told] | None
) -> tuple[Tensor, Near, Tensor]:
    """Compare words with those around; return the gradients of both sides, and contexts of each word [n]."""
    size, width = vectors.shape
    around = functional.pad(near, (0, 0, window, window)).unfold(
        0, TILE + 2 * window, TILE
    )  # [t, W, TILE + 2 window]
    line = (
        functional.pad(batch.line, (window, window), value=-1).unfold(0, TILE + 2 * window, TILE).unsqueeze(1)
    )
    tiles = vectors.view(-1, TILE, width)
    own = batch.line.view(-1, TILE, 1)
    at = torch.arange(TILE + 2 * window, device=near.device)
    apart = (
        at - window - torch.arange(TILE, device=near.device).unsqueeze(1)
    ).abs()  # [TILE, TILE + 2 window]
    inside = (apart <= batch.window.view(-1, TILE, 1)) & (apart > 0) & (line == own) & (own >= 0)
    scores = tiles @ around
    _tell(told, -scores, inside)
    push = (torch.sigmoid(scores) - 1) * inside
    change = push @ around.mT
    theirs = push.mT @ tiles  # [t, TILE + 2 window, W]
    near_change = near.new_zeros(size + 2 * window, width)
    near_change[:size].view(-1, TILE, width).add_(theirs[:, :TILE])
    place = torch.arange(len(tiles), device=near.device).unsqueeze(1) * TILE + at[TILE:]
    near_change.index_add_(0, place.reshape(-1), theirs[:, TILE:].reshape(-1, width))
    others = Near(near, near_change[window : size + window])
    return change.view(size, width), others, inside.sum(2).to(near.dtype).view(-1)


def _drawn(vectors: Tensor, far: Tensor, weight: Tensor, told: list[Told] | None) -> tuple[Tensor, Tensor]:
    """Compare vectors [q, S, W] with those drawn for all of them [q, N, W]; weights [q, S] are of all N."""
    scores = vectors @ far.mT
    share = (weight / far.shape[1]).unsqueeze(2)
    if told is not None:
        told.append(Told((functional.softplus(scores) * share).sum(), scores.new_zeros(())))
    push = torch.sigmoid(scores) * share
    return push @ far, push.mT @ vectors


def _mentions(tables: Tables, batch: Given, near: Near, how: How, told: list[Told] | None) -> Tensor:
    """Compare entities with the words around their mentions; return the gradients of drawn words [N, W]."""
    vectors = tables.entities[batch.entity]  # [M, W]
    there = batch.context >= 0
    place = batch.context.clamp(min=0)
    words = near.vectors[place]  # [M, C, W]
    scores = torch.einsum("mw,mcw->mc", vectors, words)
    _tell(told, -scores, there)
    push = (torch.sigmoid(scores) - 1) * there
    change = torch.einsum("mc,mcw->mw", push, words)
    theirs = push.unsqueeze(2) * vectors.unsqueeze(1)
    near.change.index_add_(0, place[there], theirs[there])
    far = tables.contexts[batch.drawn_context]
    weight = there.sum(1).to(words.dtype) * how.negatives
    mine, drawn = _drawn(vectors.unsqueeze(0), far.unsqueeze(0), weight.unsqueeze(0), told)
    tables.entities.change(batch.entity, change + mine[0], how.lr)
    return drawn[0]


def _graph(tables: Tables, batch: Given, how: How, told: list[Told] | None) -> None:
    """Compare entities with their neighbours in the knowledge base."""
    first, second = batch.pair.unbind(1)
    vectors, near = tables.entities[first], tables.neighbours[second]
    far = tables.neighbours[batch.drawn_entity]
    scores = (vectors * near).sum(1, keepdim=True)
    _tell(told, -scores, torch.ones_like(scores))
    push = torch.sigmoid(scores) - 1
    weight = vectors.new_full((1, len(first)), how.negatives)
    mine, drawn = _drawn(vectors.unsqueeze(0), far.unsqueeze(0), weight, told)
    tables.entities.change(first, push * near + mine[0], how.lr)
    index = torch.cat([second, batch.drawn_entity])
    tables.neighbours.change(index, torch.cat([push * vectors, drawn[0]]), how.lr)


def _tell(told: list[Told] | None, scores: Tensor, there: Tensor) -> None:
    if told is not None:
        told.append(Told((functional.softplus(scores) * there).sum(), there.sum().to(scores.dtype)))
