"""Facts that are about what the sentence is about: the cosine of the vectors of sentence and branch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow.compute as pc

from kbtools.errors import ConfigError
from kbtools.trees.choosing.base import Encode, Floats, Given
from kbtools.trees.facts import Facts

DIGITS = 6  # beyond them, how a machine adds up could decide


class Similarity:
    """Branches whose text is near the sentence's."""

    of_sentence: ClassVar[bool] = True

    def prepare(self, facts: Facts, folder: Path) -> None:
        """Do nothing."""

    def score(self, given: Given) -> Floats:
        """Encode each sentence and each branch once."""
        if given.encode is None:
            raise ConfigError("similarity needs an encoder of texts: --encoder NAME|PATH")
        rows, fact = np.unique(given.rows, return_inverse=True)
        used, sentence = np.unique(given.sentence, return_inverse=True)
        objects = given.facts.objects(rows)
        said = (
            pc.binary_join_element_wise(given.facts.predicates(rows), objects, " ")
            if given.predicate
            else objects
        )
        branches = _vectors(given.encode, said.to_pylist())
        texts = _vectors(given.encode, [given.texts[at] for at in used.tolist()])
        found = np.concatenate([
            np.einsum("nd,nd->n", texts[sentence[low : low + 4096]], branches[fact[low : low + 4096]])
            for low in range(0, max(len(fact), 1), 4096)
        ])  # fmt: skip
        return np.round(found, DIGITS)


def _vectors(encode: Encode, texts: Sequence[str]) -> Floats:
    """Encode texts as vectors of length 1; zeros stay zeros."""
    vectors = np.asarray(encode(texts), np.float64)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ConfigError(f"similarity: the encoder gave an array of {vectors.shape} for {len(texts)} texts")
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    lengths[lengths == 0] = 1.0
    found: Floats = vectors / lengths[:, None]
    return found


CRITERION = Similarity()
