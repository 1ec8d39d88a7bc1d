"""One vector for a span of tokens, or for an example; all at once, with no loop over spans.

Spans are [start, end) in places of the row, [B, M, 2], with a mask [B, M]; those that are masked, and those
of no tokens, give zeros and no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kbtools.errors import ConfigError
from kbtools.models.batch import Columns, examples

SPANS = ("mean", "max", "first", "last", "ends", "attentive")
SENTENCES = ("cls", "mean", "max")


class SpanPooling(nn.Module):
    """States [B, T, H] of spans → [B, M, `width`].

    mean, max: of the tokens. first, last: token. ends: first and last, one after the other (2 · H).
    attentive: a weighted mean, the weights a softmax over the span of a learned score of each token (Lee et
    al. 2017; Peters et al., KnowBert, 2019).
    """

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        if kind not in SPANS:
            raise ConfigError(f"no pooling of spans {kind!r}; there are {', '.join(SPANS)}")
        self.kind = kind
        self.width = 2 * width if kind == "ends" else width
        self.score = nn.Linear(width, 1) if kind == "attentive" else None

    def forward(self, hidden: Tensor, spans: Tensor, mask: Tensor) -> Tensor:
        """Pool; [B, T, H], [B, M, 2], [B, M] → [B, M, width]."""
        start, end = spans.long().unbind(-1)  # [B, M]
        there = mask.bool() & (start >= 0) & (end > start)
        start, end = start.masked_fill(~there, 0), end.masked_fill(~there, 1)
        found = self._pooled(hidden, start, end)
        return found.masked_fill(~there[..., None], 0.0)

    def _pooled(self, hidden: Tensor, start: Tensor, end: Tensor) -> Tensor:
        if self.kind == "first":
            return _at(hidden, start)
        if self.kind == "last":
            return _at(hidden, end - 1)
        if self.kind == "ends":
            return torch.cat([_at(hidden, start), _at(hidden, end - 1)], dim=-1)
        if self.kind == "max":
            return _greatest(hidden, start, end)
        inside = _inside(hidden.shape[1], start, end)  # [B, M, T]
        if self.score is None:
            total = inside.to(hidden.dtype) @ hidden
            return total / (end - start)[..., None].to(hidden.dtype)
        scores: Tensor = self.score(hidden).mT.masked_fill(
            ~inside, float("-inf")
        )  # [B, M, T]; no span is empty here
        weights = scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32))
        return weights.to(hidden.dtype) @ hidden


class SentencePooling(nn.Module):
    """States [B, T, H] → [N, H], one for each example of the batch, packed or not; it has no weights.

    cls: the first token. mean, max: of its tokens, but for padding.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        if kind not in SENTENCES:
            raise ConfigError(f"no pooling of sentences {kind!r}; there are {', '.join(SENTENCES)}")
        self.kind = kind

    def forward(self, hidden: Tensor, batch: Columns, among: Tensor | None = None) -> Tensor:
        """Pool; `among` [B, T] bool leaves out more tokens, such as the branches of trees."""
        if self.kind == "cls":
            return firsts(hidden, batch)
        counted = batch.get("attention_mask")
        counted = hidden.new_ones(hidden.shape[:2], dtype=torch.bool) if counted is None else counted.bool()
        if among is not None:
            counted = counted & among
        pool = _mean if self.kind == "mean" else _most
        rows, sequence = batch.get("batch.rows"), batch.get("sequence")
        if rows is None or rows.dim() == 1 or sequence is None:
            return pool(counted[:, None], hidden)[:, 0]
        number = torch.arange(1, rows.shape[1] + 1, device=hidden.device)
        members = counted[:, None] & (sequence[:, None] == number[:, None])  # [B, S, T]
        return pool(members, hidden)[rows >= 0]


def firsts(hidden: Tensor, batch: Columns) -> Tensor:
    """Return the state of the first token of each example, [N, H]."""
    if "batch.rows" not in batch:
        return hidden[:, 0]
    row, first, _ = examples(batch)
    return hidden[row, first]


def _mean(members: Tensor, hidden: Tensor) -> Tensor:
    """Return the mean of members: [B, S, T] bool of [B, T, H] → [B, S, H]; of none, zeros."""
    total = members.to(hidden.dtype) @ hidden
    return total / members.sum(-1, keepdim=True).clamp(min=1).to(hidden.dtype)


def _most(members: Tensor, hidden: Tensor) -> Tensor:
    """Return the maximum over members, likewise; each place is a member of one at most."""
    rows, slots, _ = members.shape
    nobody = hidden.new_zeros(rows, slots + 1, hidden.shape[-1])
    slot = torch.where(members.any(1), members.int().argmax(1), slots)  # [B, T]
    where = slot[..., None].expand_as(hidden)
    return nobody.scatter_reduce(1, where, hidden, "amax", include_self=False)[:, :slots]


def _at(hidden: Tensor, places: Tensor) -> Tensor:
    return hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))


def _inside(length: int, start: Tensor, end: Tensor) -> Tensor:
    """Return which tokens are in which span, [B, M, T]."""
    place = torch.arange(length, device=start.device)
    return (place >= start[..., None]) & (place < end[..., None])


def _greatest(hidden: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Return the maximum over each span, [B, M, H].

    Maxima over 1, 2, 4, … tokens from each place on; any span is two of them, which may overlap: O(T log T)
    for all spans, where a mask [B, M, T, H] would be O(M T).
    """
    length = hidden.shape[1]
    power = _log2(end - start, length)
    best, found = hidden, torch.zeros_like(_at(hidden, start))
    for level in range(length.bit_length()):
        reach = 1 << level
        left, right = start.clamp(max=best.shape[1] - 1), (end - reach).clamp(0, best.shape[1] - 1)
        found = torch.where(
            (power == level)[..., None], torch.maximum(_at(best, left), _at(best, right)), found
        )
        if 2 * reach > length:
            break
        best = torch.maximum(best[:, :-reach], best[:, reach:])
    return found


def _log2(lengths: Tensor, most: int) -> Tensor:
    """Return the whole part of the logarithm of whole numbers up to `most`, exactly."""
    powers = 2 ** torch.arange(1, most.bit_length(), device=lengths.device)
    return (lengths[..., None] >= powers).sum(-1)
