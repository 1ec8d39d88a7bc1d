"""What every candidate index offers: queries in, scored entities out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kbtools.artefact import Manifest


class Hits(NamedTuple):
    """The entities found for Q queries; those of query i are rows offsets[i]:offsets[i + 1], best first.

    Equal scores are ordered by kb and eid. `kb` is the place in the manifest's list of knowledge bases.
    """

    offsets: NDArray[np.int64]  # [Q + 1]
    kb: NDArray[np.uint8]  # [H]
    eid: NDArray[np.uint32]  # [H]
    score: NDArray[np.float32]  # [H]


class Index(Protocol):
    """An `index` artefact, opened: mapped into memory, shared by all processes that open it."""

    path: Path
    manifest: Manifest

    def search(self, queries: Sequence[str], k: int = 10) -> Hits:
        """Find the k best entities for each query."""
        ...
