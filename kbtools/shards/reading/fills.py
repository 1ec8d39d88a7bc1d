"""What a column holds where there is nothing: behind the end of a list, and for null."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kbtools.shards.base import NONE

IGNORED = -100  # what losses of torch leave out
BY_NAME: Mapping[str, int] = {  # by the last part of a name
    "segment": 0,
    "soft": 0,
    "spans": 0,  # padded spans are empty ones at the first token: they may be looked up
    "heads": IGNORED,
    "label": IGNORED,
    "labels": IGNORED,
}


@dataclass(frozen=True)
class Fills:
    """By column; `pads` go before what is said here. Other whole numbers −1, floats 0, truths false."""

    pad_id: int = 0
    pads: Mapping[str, float] = field(default_factory=dict)

    def of(self, name: str, dtype: np.dtype[Any]) -> Any:
        """Say what stands for nothing in a column."""
        last = name.rpartition(".")[2]
        if name in self.pads:
            return dtype.type(self.pads[name])
        if last == "input_ids":
            return dtype.type(self.pad_id)
        if dtype.kind not in "iu":
            return dtype.type(0)
        return BY_NAME.get(last, NONE)
