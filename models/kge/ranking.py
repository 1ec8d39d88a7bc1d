"""Link prediction: the right answer of each query is ranked among all entities, in bounded memory.

Entities are read block by block, queries are asked chunk by chunk; of a block of scores only counts remain:
how many are above the right answer's, how many as good. As good: within 1e-5 · max(1, |score|), as the same
score computed in two ways differs in its last bits. Other known answers are set to −∞ before anything is
counted, and counted by themselves for the raw ranks. The right answer itself is never counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.kge import comparing
from kbtools.models.kge.scorers.base import Scorer
from kbtools.progress import Progress
from kbtools.tasks.linkprediction.ranks import Ranks, folded

TOLERANCE = 1e-5
MEMORY = 1 << 28  # bytes, of queries and scores
SCORES = 1 << 21  # that are held at once: more are not faster
BYTES = 32  # of a score and what is made to look at it
BLOCK = 1 << 14  # rows of entities that are compared at once


class Table(Protocol):
    """Vectors of entities, in memory or on disk."""

    @property
    def rows(self) -> int:
        """How many there are."""

    def gather(self, rows: Tensor) -> Tensor:
        """Read some, [N] → [N, width]."""

    def blocks(self) -> Iterator[tuple[int, Tensor]]:
        """Read all in order, each block with how many rows came before it."""


class Answers(Protocol):
    """What is known (`known.Known`)."""

    def answers(self, anchor: Tensor, relation: Tensor, heads: Tensor) -> tuple[Tensor, Tensor]:
        """Return the known answers of queries, [Q] each: which query, [K], and the answer's row, [K]."""


class Queries(NamedTuple):
    """What is asked: the first half for tails, the second for heads."""

    anchor: Tensor  # [Q] the row that is known
    relation: Tensor  # [Q]
    heads: Tensor  # [Q] whether the head is asked for
    target: Tensor  # [Q] the row that is right

    def slice(self, start: int, stop: int) -> Queries:
        """Take some that follow each other."""
        return Queries(*(one[start:stop] for one in self))


class Ranker:
    """Ranks with one model; scores are computed where `relations` [R, width] lie."""

    def __init__(
        self,
        scorer: Scorer,
        entities: Table,
        relations: Tensor,
        reciprocal: Tensor | None = None,
        *,
        read: Callable[[Tensor, Tensor], Tensor] | None = None,
        memory: int = MEMORY,
    ) -> None:
        """Take a model; `read` returns vectors of rows [Q] asked with relations [Q], if they are others."""
        if reciprocal is None and not scorer.inverts:
            raise ConfigError(
                "heads cannot be asked for: relations have no inverse in this model, and none was learned; "
                "train it with reciprocal=true"
            )
        self.scorer, self.entities, self.read = scorer, entities, read
        self.relations = relations.float()
        self.reciprocal = None if reciprocal is None else reciprocal.float()
        self._scores = max(64, min(SCORES, memory // 2 // BYTES))
        self._block = min(BLOCK, max(1, entities.rows), self._scores)
        self._queries = max(1, self._scores // self._block)  # asked at once
        self._held = max(self._queries, memory // 2 // (4 * scorer.width + 128))  # while entities are read

    @torch.no_grad()
    def rank(
        self, triples: Tensor, known: Answers | None = None, *, top: int = 0, progress: Progress | None = None
    ) -> Ranks:
        """Rank both ends of `triples` [N, 3]: head row, relation, tail row; keep the `top` best answers."""
        head, relation, tail = triples.to(self.device, torch.int64).unbind(1)
        heads = torch.arange(2 * len(head), device=self.device) >= len(head)
        asked = Queries(torch.cat([head, tail]), relation.repeat(2), heads, torch.cat([tail, head]))
        training = self.scorer.training
        self.scorer.eval()
        try:
            parts = [
                self._counted(asked.slice(start, start + self._held), known, top, progress)
                for start in range(0, max(1, len(heads)), self._held)
            ]
        finally:
            self.scorer.train(training)
        together = {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}
        return folded(self.entities.rows, together)

    def _counted(
        self, asked: Queries, known: Answers | None, top: int, progress: Progress | None
    ) -> dict[str, Tensor]:
        """Read all entities once, and count for some queries."""
        others = self._others(asked, known)
        count = Count(self._query(asked), self._read(asked.target), self.scorer.compare, top)
        for first, read in self.entities.blocks():
            for at in range(0, len(read), self._block):
                block = read[at : at + self._block].to(self.device, torch.float32)
                here = others.between(first + at, first + at + len(block))
                for start in range(0, len(asked.target), self._queries):
                    stop = min(start + self._queries, len(asked.target))
                    count.look(slice(start, stop), block, first + at, asked.target, here.of(start, stop))
                    if progress is not None:
                        progress.advance((stop - start) * len(block))
        count.check()
        found = count.found(self.scorer.offset)
        return {**found, "known": torch.bincount(others.query, minlength=len(asked.target))}

    @property
    def device(self) -> torch.device:
        """Where scores are computed."""
        return self.relations.device

    def _read(self, rows: Tensor) -> Tensor:
        return self.entities.gather(rows.cpu()).to(self.device, torch.float32)

    def _query(self, asked: Queries) -> Tensor:
        """Make what answers are to be like, [Q, width]."""
        relation = self.relations[asked.relation]
        heads = asked.heads[:, None]
        if self.reciprocal is not None:
            relation = torch.where(heads, self.reciprocal[asked.relation], relation)
        elif bool(asked.heads.any()):
            relation = torch.where(heads, self.scorer.inverse(relation), relation)
        anchor = self._read(asked.anchor) if self.read is None else self.read(asked.anchor, asked.relation)
        return self.scorer.query(anchor.to(relation), relation)

    def _others(self, asked: Queries, known: Answers | None) -> Known:
        """Find the known answers that are not the right one."""
        if known is None:
            nothing = torch.empty(0, dtype=torch.int64, device=self.device)
            return Known(nothing, nothing)
        query, row = (one.to(self.device) for one in known.answers(asked.anchor, asked.relation, asked.heads))
        other = row != asked.target[query]
        pairs = row[other].long() * len(asked.target) + query[other]
        pairs = torch.unique(pairs)  # sorted: by row, then query
        return Known(pairs % len(asked.target), pairs // len(asked.target))


class Known(NamedTuple):
    """Which answer of which query is known, beside the right one."""

    query: Tensor  # [K]
    row: Tensor  # [K]

    def between(self, first: int, stop: int) -> Known:
        """Take those whose answers are of a block of rows, which come sorted; sort them by query."""
        low, high = torch.searchsorted(self.row, torch.tensor([first, stop], device=self.row.device)).tolist()
        query, order = self.query[low:high].sort()
        return Known(query, self.row[low:high][order] - first)

    def of(self, start: int, stop: int) -> Known:
        """Take those of some queries, which come sorted."""
        limits = torch.tensor([start, stop], device=self.query.device)
        low, high = torch.searchsorted(self.query, limits).tolist()
        return Known(self.query[low:high] - start, self.row[low:high])


class Count:
    """What is counted for Q queries while the blocks of entities go by."""

    def __init__(self, queries: Tensor, answers: Tensor, compare: comparing.Kind, top: int) -> None:
        """Take the queries and their right answers, both [Q, width]."""
        self.queries, self.compare = queries, compare
        self.right = comparing.one(compare, queries, answers)  # [Q]
        size = self.right.abs().clamp(min=1)
        if compare == "l2":  # where it is a difference of squares, digits are lost by the size of these
            size = torch.maximum(size, queries.norm(dim=-1))
        slack = TOLERANCE * size
        self.low, self.high = self.right - slack, self.right + slack
        self.better, self.from_low = (torch.zeros_like(self.right, dtype=torch.int64) for _ in range(2))
        self.known_better, self.known_from_low = self.better.clone(), self.better.clone()
        self.top = torch.full((len(queries), top), -1, dtype=torch.int64, device=queries.device)
        self.top_score = torch.full((len(queries), top), -torch.inf, device=queries.device)
        self.sound = self.right.isfinite().all()
        self._seen = queries.new_empty(0)

    def look(self, here: slice, block: Tensor, first: int, target: Tensor, known: Known) -> None:
        """Compare queries [S, width] with a block [N, width], whose first row is `first`."""
        scores = comparing.many(self.compare, self.queries[None, here], block[None])[0]  # [S, N]
        self.sound &= torch.stack(scores.aminmax()).isfinite().all()
        low, high = self.low[here], self.high[here]
        if len(known.query):
            theirs = scores[known.query, known.row]
            self.known_better[here].index_add_(0, known.query, (theirs > high[known.query]).long())
            self.known_from_low[here].index_add_(0, known.query, (theirs >= low[known.query]).long())
            scores[known.query, known.row] = -torch.inf
        place = target[here] - first
        (own,) = torch.nonzero((place >= 0) & (place < len(block)), as_tuple=True)
        scores[own, place[own]] = -torch.inf
        if self._seen.shape != scores.shape:
            self._seen = torch.empty_like(scores)
        # marks as numbers of the scores' own type: summed twice as fast as truth values; exact up to 2²⁴
        self.better[here] += torch.gt(scores, high[:, None], out=self._seen).sum(1).long()
        self.from_low[here] += torch.ge(scores, low[:, None], out=self._seen).sum(1).long()
        if self.top.shape[1]:
            scores[own, place[own]] = self.right[here][own]
            self._keep(here, scores, first)

    def _keep(self, here: slice, scores: Tensor, first: int) -> None:
        """Keep the best of a block and of those before it."""
        most = self.top.shape[1]
        score, row = scores.topk(min(most, scores.shape[1]), dim=1)
        score, row = torch.cat([self.top_score[here], score], 1), torch.cat([self.top[here], row + first], 1)
        score, order = score.topk(most, dim=1)
        self.top_score[here] = score
        self.top[here] = torch.where(score.isinf(), -1, row.gather(1, order))

    def check(self) -> None:
        """Refuse numbers that cannot be compared: all would be worse than the right answer."""
        if not bool(self.sound):
            raise ArtefactError(
                "scores that are no numbers: the vectors hold NaN, or numbers that are too large"
            )

    def found(self, offset: float) -> dict[str, Tensor]:
        """Return the counts and scores, by the names of `Ranks`."""
        return {
            "better": self.better,
            "equal": self.from_low - self.better,
            "known_better": self.known_better,
            "known_equal": self.known_from_low - self.known_better,
            "score": self.right + offset,
            "top": self.top,
            "top_score": self.top_score + offset,
        }
