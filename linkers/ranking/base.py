"""What it takes to be a rule: `Settings`, a frozen dataclass, and `make(settings)`, which is a `Rank`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kbtools.errors import ConfigError
from kbtools.linkers.base import Floats


def weighed(features: Mapping[str, Floats], weights: Mapping[str, float], count: int) -> NDArray[np.float64]:
    """Add features up by their weights."""
    total = np.zeros(count, np.float64)
    for name, weight in weights.items():
        if name not in features:
            there = ", ".join(features) or "none"
            raise ConfigError(
                f"ranking: a weight for {name!r}, which no feature is called; there are: {there}"
            )
        total += weight * features[name]
    return total
