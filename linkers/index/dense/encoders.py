"""What turns texts into vectors, and what is asked of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kbtools.errors import ConfigError
from kbtools.linkers.index.dense.hashing_encoder import HashingEncoder

F32 = NDArray[np.float32]


class Encoder(Protocol):
    """Texts in, one vector each out. The same text has the same vector, whatever it is encoded with.

    `name` tells encoders apart whose vectors differ: an index remembers it.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def dim(self) -> int:
        """How wide its vectors are."""
        ...

    def __call__(self, texts: Sequence[str]) -> F32:
        """Encode texts: [n, dim]."""
        ...


def default() -> Encoder:
    """Return the encoder that needs nothing."""
    return HashingEncoder()


def named(name: str) -> Encoder | None:
    """Return the encoder of that name, if it is one of our own."""
    found = re.fullmatch(r"hashing-1-(\d{1,5})", name)
    return HashingEncoder(int(found[1])) if found else None


def encode(encoder: Encoder, texts: Sequence[str], *, unit: bool) -> F32:
    """Encode texts, and see to it that the result has the right form; `unit`: make vectors of length 1.

    A vector of zeros stays one. NaN and infinite numbers stay too: callers know whose they are.
    """
    found = np.ascontiguousarray(encoder(texts), dtype=np.float32)
    if found.shape != (len(texts), encoder.dim):
        shape = " × ".join(map(str, found.shape))
        raise ConfigError(
            f"encoder {encoder.name}: {len(texts)} texts gave an array of {shape}, not of "
            f"{len(texts)} × {encoder.dim}"
        )
    if unit:
        found = normalised(found)
    return found


def normalised(vectors: F32) -> F32:
    """Return vectors of length 1 (zeros stay zeros)."""
    with np.errstate(invalid="ignore"):  # NaN and the like are told of by name, not warned about
        return shortened(vectors, squares(vectors))


def squares(vectors: F32) -> NDArray[np.float64]:
    """Return the square of each length: 0 for zeros alone, finite if all numbers are."""
    return np.asarray(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))


def shortened(vectors: F32, square: NDArray[np.float64]) -> F32:
    """Divide vectors by their lengths."""
    length = np.sqrt(square)
    length[length == 0] = 1
    return np.asarray(vectors / length[:, None], dtype=np.float32)
