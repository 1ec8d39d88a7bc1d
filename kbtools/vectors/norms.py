"""The lengths of vectors, counted while they pass by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Norms:
    """Mean, least and largest length (L2) of the vectors that went by."""

    def __init__(self) -> None:
        self.rows, self.total = 0, 0.0
        self.least, self.most = float("inf"), 0.0

    def over(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Hand blocks on, and count them."""
        for block in blocks:
            if len(block):
                lengths = np.sqrt(np.einsum("nd,nd->n", *[block.astype(np.float64)] * 2))
                self.rows += len(block)
                self.total += float(lengths.sum())
                self.least = min(self.least, float(lengths.min()))
                self.most = max(self.most, float(lengths.max()))
            yield block

    def told(self) -> dict[str, float]:
        """Return what was counted."""
        if not self.rows:
            return {}
        found = {"mean": self.total / self.rows, "min": self.least, "max": self.most}
        return {name: float(f"{value:.6g}") for name, value in found.items()}
