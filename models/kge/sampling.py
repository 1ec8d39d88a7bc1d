"""What a step learns from: chunks of triples, and the entities that their answers are compared with.

An epoch goes through all triples of a bucket once, shuffled, each asking for its tail or for its head (or for
both). `share` triples that ask for the same side are a chunk, and share the negatives drawn for it. All that
is drawn depends on (seed, epoch, bucket, block of steps) alone, so a run that goes on draws what it would
have drawn; and it is drawn, and compared with what is known, for a block of steps at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from kbtools.models.draws import key
from kbtools.models.kge.known import Known
from kbtools.models.kge.recipe import Recipe

I32: TypeAlias = NDArray[np.int32]
F32: TypeAlias = NDArray[np.float32]
AT_ONCE = 1 << 20  # comparisons of a block, about
PAIR = 4  # what is added to how often a pair is seen, less one: rare pairs are not to weigh too much


class Batch(NamedTuple):
    """The chunks of a step; rows are those of the whole graph."""

    anchor: Tensor  # [C, S] rows that are known
    relation: Tensor  # [C, S]
    answer: Tensor  # [C, S] rows that are asked for
    heads: Tensor  # [C, S] whether they are heads
    candidates: Tensor | None  # [C, N]; none: all there are
    kept: Tensor | None  # [C, S, N] which are wrong answers; none: all
    weight: Tensor | None  # [C, S]; 0 fills a chunk up; none: all weigh the same
    triples: int


class Sampler:
    """Lays out epochs; for one graph, on one device."""

    def __init__(
        self, recipe: Recipe, relations: int, known: Known, to_head: F32 | None, device: torch.device
    ) -> None:
        """`to_head`: how likely the head is asked for, by relation, where `bernoulli` is wanted."""
        self.recipe, self.relations, self.known, self.device = recipe, relations, known, device
        self.to_head = to_head
        told = recipe.negatives
        self.share = min(told.share, recipe.batch)
        if not told.number:
            self.share = recipe.batch  # all of a batch are compared with all
        self.chunks = max(1, recipe.batch // self.share)

    def epoch(
        self, triples: I32, epoch: int, bucket: tuple[int, int], pools: tuple[range, range]
    ) -> Iterator[list[Batch]]:
        """Yield the steps of a bucket in blocks; heads drawn from the first pool, tails from the second."""
        laid = self._laid(triples, np.random.default_rng(key(self.recipe.seed, "order", epoch, *bucket)))
        number = self.recipe.negatives.number
        step = self.chunks * self.share
        block = max(1, AT_ONCE // max(1, step * number)) if number else 1
        for at in range(0, len(laid), block * self.chunks):
            some = laid[at : at + block * self.chunks]
            drawn = Generator(self.device).manual_seed(key(self.recipe.seed, "drawn", epoch, *bucket, at))
            yield list(self._block(triples, some, drawn, pools))

    def entries(self, triples: I32) -> int:
        """Count what an epoch learns: each triple once or twice, or the pairs that stand for them."""
        if self.recipe.loss.kind == "bce":
            return len(_firsts(triples[:, :2])) + len(_firsts(triples[:, 1:]))
        return len(triples) * self.times

    @property
    def times(self) -> int:
        """How often a triple is learned in an epoch."""
        return 2 if self.recipe.reciprocal or self.recipe.negatives.corrupt == "both" else 1

    def _laid(self, triples: I32, rng: np.random.Generator) -> NDArray[np.int64]:
        """Lay entries out in chunks, [chunks, S]; entry = triple · 2 + (1: asks for the head), −1: none."""
        numbers = np.arange(len(triples), dtype=np.int64)
        if self.recipe.loss.kind == "bce":  # all answers of a pair at once: one triple stands for them
            sides = [_firsts(triples[:, :2]) * 2, _firsts(triples[:, 1:]) * 2 + 1]
        elif self.times == 2:
            sides = [numbers * 2, numbers * 2 + 1]
        else:
            chance = 0.5 if self.to_head is None else self.to_head[triples[:, 1]]
            heads = rng.random(len(triples), dtype=np.float32) < chance
            sides = [numbers[~heads] * 2, numbers[heads] * 2 + 1]
        laid = [self._chunked(rng.permutation(entries)) for entries in sides]
        if self.recipe.negatives.corrupt == "alternate":
            return self._alternate(laid)
        found = np.concatenate(laid)
        return found[rng.permutation(len(found))]

    def _chunked(self, entries: NDArray[np.int64]) -> NDArray[np.int64]:
        missing = -len(entries) % self.share
        return np.pad(entries, (0, missing), constant_values=-1).reshape(-1, self.share)

    def _alternate(self, laid: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Put steps of tails and of heads by turns; chunks that do not fill a step come last."""
        whole = min(len(one) // self.chunks for one in laid) * self.chunks
        turns = [one[:whole].reshape(-1, 1, self.chunks, self.share) for one in laid]
        mixed = np.concatenate(turns, axis=1).reshape(-1, self.share)
        return np.concatenate([mixed, *(one[whole:] for one in laid)])

    def _block(
        self, triples: I32, laid: NDArray[np.int64], drawn: Generator, pools: tuple[range, range]
    ) -> Iterator[Batch]:
        there: NDArray[np.bool_] = np.greater_equal(laid, 0)
        entries = np.where(there, laid, laid[:, :1])  # a chunk begins with one
        found = torch.from_numpy(triples[entries >> 1].astype(np.int64)).to(self.device)
        heads = torch.from_numpy((entries & 1).astype(bool)).to(self.device)
        head, relation, tail = found.unbind(-1)
        anchor, answer = torch.where(heads, tail, head), torch.where(heads, head, tail)
        candidates = self._candidates(heads[:, 0], answer, drawn, pools)
        kept = self._kept(anchor, relation, heads, answer, candidates)
        weight = self._weight(anchor, relation, heads, answer)
        if self.recipe.reciprocal:
            relation, heads = relation + heads * self.relations, torch.zeros_like(heads)
        for at in range(0, len(laid), self.chunks):
            here = slice(at, at + self.chunks)
            size = int(there[here].sum())
            some = here, slice(size if self.chunks == 1 else None)  # one chunk need not be filled up
            mine = None if weight is None else weight[some]
            if size < anchor[some].numel():
                pad = torch.from_numpy(there[here].astype(np.float32)).to(self.device)
                mine = pad if mine is None else mine * pad
            yield Batch(
                anchor[some], relation[some], answer[some], heads[some],
                None if candidates is None else candidates[here],
                None if kept is None else kept[some],
                mine, size,
            )  # fmt: skip

    def _candidates(
        self, heads: Tensor, answer: Tensor, drawn: Generator, pools: tuple[range, range]
    ) -> Tensor | None:
        """Draw for each chunk from the pool of its side, [chunks, N]."""
        told = self.recipe.negatives
        if not told.number:
            return None
        shape = (len(heads), told.number)
        if pools[0] == pools[1]:
            found = torch.randint(pools[0].start, pools[0].stop, shape, generator=drawn, device=self.device)
        else:
            first, second = (
                torch.randint(pool.start, pool.stop, shape, generator=drawn, device=self.device)
                for pool in pools
            )
            found = torch.where(heads[:, None], first, second)
        return torch.cat([found, answer], 1) if told.inside else found

    def _kept(
        self, anchor: Tensor, relation: Tensor, heads: Tensor, answer: Tensor, candidates: Tensor | None
    ) -> Tensor | None:
        """Tell wrong answers from right ones, [chunks, S, N]; none: all are wrong."""
        if candidates is None:
            return None  # told by whoever compares with all
        right = candidates[:, None, :] == answer[..., None]
        if self.recipe.negatives.known:
            right |= self.known.contains(anchor, relation, heads, candidates)
        return ~right if self.device.type != "cpu" or bool(right.any()) else None

    def _weight(self, anchor: Tensor, relation: Tensor, heads: Tensor, answer: Tensor) -> Tensor | None:
        """Weigh triples by how rare their pairs are, [chunks, S] (Sun et al. 2019, in their code)."""
        if not self.recipe.loss.subsampling:
            return None
        often = self.known.counts(anchor, relation, heads) + self.known.counts(answer, relation, ~heads)
        return (often + 2 * (PAIR - 1)).float().rsqrt()


def _firsts(pairs: I32) -> NDArray[np.int64]:
    """Return where each distinct pair comes first."""
    wide = pairs.astype(np.int64)
    found: NDArray[np.int64] = np.unique(wide[:, 0] << 32 | wide[:, 1], return_index=True)[1]
    return found


def pools(bucket: tuple[int, int], edges: Any) -> tuple[range, range]:
    """Return the rows of a bucket's heads, and those of its tails."""
    first, second = bucket
    return range(edges[first], edges[first + 1]), range(edges[second], edges[second + 1])
