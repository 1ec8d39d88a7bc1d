"""A small table in parts, for the tests of what holds and saves it."""

from __future__ import annotations

import torch

from kbtools.models.kge import partitions
from kbtools.models.kge.parts import Part
from kbtools.models.kge.store import Store

ROWS, WIDTH = 10, 3


def made(part: int, edges: list[int] | None = None) -> Part:
    """Return a part as it begins: drawn, but always the same."""
    edges = edges or partitions.edges(ROWS, 4)
    drawn = torch.Generator().manual_seed(part)
    count = edges[part + 1] - edges[part]
    return Part(torch.randn(count, WIDTH, generator=drawn).round(decimals=2), {"sum": torch.zeros(count)})


def opened(folder, *, rows: int = ROWS, number: int = 4, chief: bool = True) -> Store:
    """Open a store of such parts."""
    edges = partitions.edges(rows, number)
    return Store(folder, edges, lambda part: made(part, edges), chief=chief)


def train(store: Store, bucket, soon=()) -> dict[int, Part]:
    """Change the parts of a bucket, each in its own way."""
    held = store.hold({*bucket}, soon)
    for part, one in held.items():
        one.weights.add_(part + 1)
        one.state["sum"].add_(1)
    return held


def whole(store: Store) -> torch.Tensor:
    """Return all rows."""
    return torch.cat([block for _, block in store.blocks()])
