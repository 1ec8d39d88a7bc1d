"""An encoder for tests: how often each letter is in a text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Letters:
    """Counts the letters a to z."""

    name, dim = "letters", 26

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array(
            [[text.count(chr(97 + at)) for at in range(26)] for text in texts], np.float32
        ).reshape(-1, 26)
