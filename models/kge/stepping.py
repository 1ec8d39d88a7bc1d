"""A step: rows are gathered, triples scored, and the rows moved. Only what a batch speaks of is touched.

The gradient of rows is taken by autograd through query, comparison and loss, over the distinct rows of the
batch; so a step costs what its batch costs, whatever the size of the tables.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from kbtools.models.kge import comparing, losses, rows
from kbtools.models.kge.known import Known
from kbtools.models.kge.lending import Lent, lend, lend_all
from kbtools.models.kge.parts import Part
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.sampling import Batch
from kbtools.models.kge.scorers.base import Scorer
from kbtools.models.kge.small import Small

Update = Callable[..., None]


class Held:
    """The partitions of entities that a bucket needs, one or two, as one table with the graph's rows."""

    def __init__(self, parts: Mapping[int, Part], edges: Sequence[int]) -> None:
        numbers = sorted(parts)
        self.parts = [parts[number] for number in numbers]
        self.firsts = [int(edges[number]) for number in numbers]
        whole = len(numbers) == 1 and self.firsts == [0]
        self.size = len(self.parts[0].weights) if whole else sys.maxsize  # rows that can be lent at once

    def _shares(self, index: Tensor | None) -> list[tuple[Part, Tensor | None, slice]]:
        """Say which of some sorted rows lie in which part, and where in it; none: all of the only part."""
        if index is None:
            return [(self.parts[0], None, slice(None))]
        if len(self.parts) == 1:
            first = self.firsts[0]
            return [(self.parts[0], index - first if first else index, slice(None))]
        at = int(torch.searchsorted(index, self.firsts[1]))
        return [
            (self.parts[0], index[:at] - self.firsts[0], slice(0, at)),
            (self.parts[1], index[at:] - self.firsts[1], slice(at, None)),
        ]

    def read(self, index: Tensor | None) -> Tensor:
        """Read sorted rows, [U, width]; none: the table itself."""
        found = [
            part.weights if local is None else part.weights.index_select(0, local)
            for part, local, _ in self._shares(index)
        ]
        return found[0] if len(found) == 1 else torch.cat(found)

    def update(self, lent: Lent, how: Update) -> None:
        """Move the rows that were lent, each once."""
        moved = lent.moved()
        if moved is None:
            return
        index, rows, gradient = moved
        for part, local, here in self._shares(index):
            if local is None or len(local):
                how(part.weights, part.state, local, gradient[here], held=rows[here])


class Stepper:
    """Makes steps of one recipe."""

    def __init__(self, recipe: Recipe, scorer: Scorer, small: Small, known: Known, relations: int) -> None:
        self.recipe, self.scorer, self.small, self.known = recipe, scorer, small, known
        self.relations = relations  # without reciprocal ones
        self.how = rows.make(recipe.optimiser.kind)
        self.bound = scorer.bound if type(scorer).bound is not Scorer.bound else None
        self.turns = scorer.inverts and not recipe.reciprocal
        self.whole = recipe.regulariser.weight > 0 and recipe.regulariser.of == "tables"

    def __call__(self, held: Held, batch: Batch, factor: float) -> Tensor:
        """Make one, with so much of the highest rates; return the loss, a mean over triples."""
        small, told = self.small, self.recipe.optimiser
        asked = [one.flatten() for one in (batch.anchor, batch.answer, batch.candidates) if one is not None]
        ids, relation = torch.cat(asked), batch.relation.flatten()
        if self.whole or batch.candidates is None:
            entities = lend_all(held.read(None), ids)
        else:
            entities = lend(held.read, held.size, ids)
        if self.whole:
            relations = lend_all(small.relations, relation)
        else:
            relations = lend(small.read, len(small.relations), relation)
        loss = self._loss(entities, relations, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        small.step += 1
        small.count(batch.relation, batch.weight)
        lr = told.lr * factor
        relation_lr = lr if told.relation_lr is None else told.relation_lr * factor
        with torch.no_grad():
            held.update(entities, partial(self.how.update, lr=lr, step=small.step, bound=self.bound))
            small.update(relations, lr, relation_lr)
        return loss.detach()

    def _loss(self, entities: Lent, relations: Lent, batch: Batch) -> Tensor:
        scorer, told, shape = self.scorer, self.recipe.loss, batch.anchor.shape  # [C, S]
        size = batch.anchor.numel()
        first, second, others = (entities.where[one] for one in _thirds(size))
        anchor = entities.rows.index_select(0, first).view(*shape, -1)
        relation = self._turned(relations, batch).view(*shape, -1)
        query = scorer.query(anchor, relation)
        if batch.candidates is not None and shape[1] == 1:  # the answer is one more candidate: one gathering
            picked = torch.cat([second[:, None], others.view(size, -1)], 1)
            rows = entities.rows.index_select(0, picked.flatten()).view(size, picked.shape[1], -1)
            scores = scorer.offset + comparing.many(scorer.compare, query, rows)  # [C, 1, 1 + N]
            answer, right, wrong = rows[:, :1], scores[..., 0], scores[..., 1:]
        else:
            answer = entities.rows.index_select(0, second).view(*shape, -1)
            rows = entities.rows
            if batch.candidates is not None:
                rows = rows.index_select(0, others).view(shape[0], -1, answer.shape[-1])
            else:
                rows = rows[None]
            wrong = scorer.offset + comparing.many(scorer.compare, query, rows)  # [C, S, N]
            right = scorer.offset + comparing.one(scorer.compare, query, answer)  # [C, S]
        if told.kind == "bce":
            weight = None if batch.weight is None else batch.weight[0]
            loss = losses.labelled(told, wrong[0], self._labels(batch, wrong), weight)
        else:
            kept = batch.kept if batch.candidates is not None else self._wrong(batch, wrong)
            loss = losses.loss(told, right, wrong, kept, batch.weight)
        return loss + self._large(entities, relations, batch, (anchor, relation, answer))

    def _turned(self, relations: Lent, batch: Batch) -> Tensor:
        """Return the relation of each triple, turned round where the head is asked for, [C · S, …]."""
        if not self.turns:
            return relations.rows.index_select(0, relations.where)
        both = torch.cat([relations.rows, self.scorer.inverse(relations.rows)])
        return both.index_select(0, relations.where + batch.heads.flatten() * len(relations.rows))

    def _labels(self, batch: Batch, scores: Tensor) -> Tensor:
        """Mark all answers that training knows, [S, E]; of a batch that is one chunk."""
        relation, heads = batch.relation[0], batch.heads[0]
        if self.recipe.reciprocal:
            heads = relation >= self.relations
            relation = relation - heads * self.relations
        query, row = self.known.answers(batch.anchor[0], relation, heads)
        found = torch.zeros(scores.shape[1:], device=scores.device)
        found[query, row] = 1.0
        return found

    def _wrong(self, batch: Batch, scores: Tensor) -> Tensor:
        """Tell wrong answers from right ones among all entities, [1, S, E]."""
        if self.recipe.negatives.known:
            return self._labels(batch, scores)[None] == 0
        found = torch.ones(scores.shape, dtype=torch.bool, device=scores.device)
        return found.scatter_(2, batch.answer[..., None], value=False)

    def _large(
        self, entities: Lent, relations: Lent, batch: Batch, triple: Sequence[Tensor]
    ) -> Tensor | float:
        """Weigh how large vectors are: N3 of a batch (Lacroix et al. 2018), or of all there are."""
        told = self.recipe.regulariser
        if not told.weight:
            return 0.0
        if self.whole:
            return told.weight * sum(
                one.abs().pow(told.power).sum() for one in (entities.rows, relations.rows)
            )
        sizes = [_moduli(one) if self.scorer.complex else one.abs() for one in triple]
        each = torch.stack([one.pow(told.power).sum(-1) for one in sizes]).sum(0)  # [C, S]
        there = each if batch.weight is None else each * (batch.weight > 0)
        return told.weight * there.sum() / batch.triples


def _moduli(rows: Tensor) -> Tensor:
    """Return the size of each complex number, [..., 2 d] → [..., d]; at 0 its slope is 0, too."""
    real, imaginary = rows.chunk(2, -1)
    return (real.square() + imaginary.square()).clamp(min=1e-30).sqrt()


def _thirds(size: int) -> tuple[slice, slice, slice]:
    """Say where anchors, answers and candidates are among the rows that a batch asks for."""
    return slice(0, size), slice(size, 2 * size), slice(2 * size, None)
