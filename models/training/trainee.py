"""What is trained: a model with the objectives it is trained for, as one module.

Losses are worked out inside of its `forward`, so that all weights are used where DDP and FSDP look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.objectives.base import Objective

Totals = dict[str, Tensor]  # sums over targets: `NAME.loss`, `NAME.right` ...


class Trainee(nn.Module):
    """A model and objectives: a batch in, the loss out."""

    def __init__(self, model: nn.Module, objectives: Mapping[str, Objective]) -> None:
        super().__init__()
        self.model = model
        self.objectives = dict(objectives)

    def forward(self, batch: Batch, scales: Mapping[str, float]) -> tuple[Tensor, Totals]:
        """Return Σ scale · loss over the objectives of `scales`, and all sums, cut off from the graph."""
        chosen = {name: self.objectives[name] for name in scales}
        output = Output()
        if not all(
            getattr(one, "encodes", False) for one in chosen.values()
        ):  # those run the model themselves
            output = self.model(batch)
        total: Tensor | None = None
        totals: Totals = {}
        for name, objective in chosen.items():
            loss = objective.loss(self.model, output, batch)  # type: ignore[arg-type]
            part = loss.total * scales[name]
            total = part if total is None else total + part
            totals[f"{name}.loss"] = loss.total.detach()
            totals |= {f"{name}.{measure}": value.detach() for measure, value in loss.measures.items()}
        if total is None:
            raise ValueError("no objective is on")
        return total, totals


def add(sums: Totals, more: Mapping[str, Any]) -> None:
    """Add to sums, in place, on the device they are on."""
    for name, value in more.items():
        told = value.double() if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
        sums[name] = sums[name] + told if name in sums else told


def useful(batch: Columns) -> int:
    """Count the tokens of a batch that are no padding."""
    mask = batch.get("attention_mask")
    return int(mask.sum()) if mask is not None else 0
