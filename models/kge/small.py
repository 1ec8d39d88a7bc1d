"""What all partitions share: relations, and what a scorer learns beside. Small enough for every process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kbtools.models.draws import key
from kbtools.models.kge import rows
from kbtools.models.kge.crew import Lane
from kbtools.models.kge.lending import Lent
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.scorers.base import Scorer


class Small:
    """Relations [R, relation_width], a scorer's parameters, and what their optimiser keeps of each."""

    def __init__(self, recipe: Recipe, scorer: Scorer, relations: int, device: torch.device) -> None:
        """Draw first values; reciprocal relations follow the others."""
        count = relations * (2 if recipe.reciprocal else 1)
        drawn = torch.Generator().manual_seed(key(recipe.seed, "relations"))
        self.scorer = scorer.to(device)
        self.how = rows.make(recipe.optimiser.kind)
        self.relations = scorer.start_relations(count, drawn).to(device)
        self.step = 0  # of the optimiser, over all partitions
        self.counts = recipe.partitions.lanes > 1
        self.seen = torch.zeros(count, dtype=torch.long, device=device)  # triples of each since `load`
        flat = {name: one.data.view(len(one), -1) for name, one in scorer.named_parameters()}
        self._tables = {"relations": self.relations, **{f"scorer.{name}": one for name, one in flat.items()}}
        self._state = {
            name: {kind: one.to(device) for kind, one in self.how.state(*table.shape).items()}
            for name, table in self._tables.items()
        }

    def tensors(self) -> dict[str, Tensor]:
        """Return all of it by name; the tensors themselves."""
        states = {
            f"state.{name}.{kind}": one for name, state in self._state.items() for kind, one in state.items()
        }
        buffers = {f"buffer.{name}": one for name, one in self.scorer.named_buffers()}
        return {**self._tables, **states, **buffers}

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Take over what `tensors` gave, and begin to count anew."""
        for name, mine in self.tensors().items():
            mine.copy_(tensors[name].view_as(mine))
        self.step = step
        self.seen.zero_()

    def split(self, relations: int) -> tuple[Tensor, Tensor | None]:
        """Return relations, and reciprocal ones if there are such."""
        more = len(self.relations) > relations
        return self.relations[:relations], self.relations[relations:] if more else None

    def count(self, relation: Tensor, weight: Tensor | None) -> None:
        """Count triples of relations, if lanes are to be combined; those that weigh nothing are none."""
        if self.counts:
            there = torch.ones_like(relation) if weight is None else (weight > 0).to(relation.dtype)
            self.seen.index_add_(0, relation.flatten(), there.flatten().to(self.seen.dtype))

    def reset(self) -> None:
        """Forget what the optimiser keeps, and count its steps anew."""
        self.step = 0
        for state in self._state.values():
            for one in state.values():
                one.zero_()

    def read(self, index: Tensor | None) -> Tensor:
        """Read some relations, or the table itself."""
        return self.relations if index is None else self.relations.index_select(0, index)

    def update(self, lent: Lent, lr: float, relation_lr: float) -> None:
        """Move relations that were lent, and all parameters that have a gradient."""
        if moved := lent.moved():
            index, rows, gradient = moved
            state = self._state["relations"]
            self.how.update(self.relations, state, index, gradient, relation_lr, self.step, held=rows)
        for name, one in self.scorer.named_parameters():
            if one.grad is not None:
                told = f"scorer.{name}"
                flat = one.grad.view(len(one), -1)
                self.how.update(self._tables[told], self._state[told], None, flat, lr, self.step)
                one.grad = None


def combined(start: Mapping[str, Tensor], lanes: Sequence[Lane]) -> dict[str, Tensor]:
    """Combine what lanes made of one `start`.

    A relation moves by the mean of its moves, weighted by triples; one that a single lane saw moves as there.
    What one lane alone made stays as it is, to the last bit.
    """
    if len(lanes) == 1:
        return dict(lanes[0].tensors)
    counts = torch.stack([lane.seen for lane in lanes]).double()  # [lanes, R]
    whole = counts.sum(0).clamp(min=1)
    found = {}
    for name, first in start.items():
        if not first.is_floating_point():
            found[name] = torch.stack([lane.tensors[name] for lane in lanes]).amax(0)
            continue
        of_relations = name == "relations" or name.startswith("state.relations.")
        shares = counts / whole if of_relations else (counts.sum(1) / counts.sum().clamp(min=1))[:, None]
        moved = torch.zeros_like(first, dtype=torch.double)
        for lane, share in zip(lanes, shares, strict=True):
            weight = share.view(-1, *[1] * (first.dim() - 1)) if of_relations else share
            moved += weight * (lane.tensors[name].double() - first.double())
        found[name] = (first.double() + moved).to(first.dtype)
    return found
