"""What the sentence does not say already: the share of the object's words that it lacks.

1: none of them is in the sentence; 0: all of them are, so the branch would teach nothing. In Chinese and the
like the words are characters.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from kbtools.alias.hashing import mix
from kbtools.arrays import ranges
from kbtools.metrics.cooccurrence import distinct
from kbtools.trees.base import I64
from kbtools.trees.choosing._terms import U64, Terms, terms
from kbtools.trees.choosing.base import Floats, Given
from kbtools.trees.facts import Facts, Texts, mapped

NAMES, VALUES = "name", "value"
AT_ONCE = 1 << 17  # texts that are cut together


class Novelty:
    """Objects that the sentence has no words of."""

    of_sentence: ClassVar[bool] = True

    def prepare(self, facts: Facts, folder: Path) -> None:
        """Cut all that facts may end in into words."""
        for name, texts in ((NAMES, facts.texts), (VALUES, facts.values)):
            _cut(texts, folder / f"{name}.ends", folder / f"{name}.terms")

    def score(self, given: Given) -> Floats:
        """Compare the words of each object with those of its sentence."""
        said = terms(given.texts)
        sentence = np.repeat(np.arange(len(given.texts)), np.diff(said.begins))
        here = distinct(said.hashes ^ _salt(sentence))
        tail = given.facts.tail[given.rows]
        entity, literal = np.flatnonzero(tail >= 0), np.flatnonzero(tail < 0)
        found = np.ones(len(tail))
        for name, which, texts in (
            (NAMES, entity, given.facts.name[tail[entity]]),
            (VALUES, literal, -1 - tail[literal]),
        ):
            known = Terms(
                mapped(given.folder / f"{name}.ends", np.int64),
                mapped(given.folder / f"{name}.terms", np.uint64),
            )
            found[which] = _lacking(known, texts, _salt(given.sentence[which]), here)
        return found


def _cut(texts: Texts, to_begins: Path, to_hashes: Path) -> None:
    """Write the words of texts, some at a time."""
    count = 0
    with to_begins.open("wb") as begins, to_hashes.open("wb") as hashes:
        begins.write(np.zeros(1, np.int64).tobytes())
        for low in range(0, len(texts), AT_ONCE):
            rows = np.arange(low, min(low + AT_ONCE, len(texts)))
            found = terms(texts.take(rows).to_pylist())
            begins.write((found.begins[1:] + count).tobytes())
            hashes.write(found.hashes.tobytes())
            count += len(found.hashes)


def _lacking(known: Terms, texts: I64, salt: U64, here: U64) -> Floats:
    """Return the share of each text's words that are not `here`; without words, 1."""
    first = known.begins[texts]
    size = known.begins[texts + 1] - first
    wanted = known.hashes[ranges(first, size)] ^ np.repeat(salt, size)
    if not len(here):
        return np.ones(len(texts))
    place = np.minimum(np.searchsorted(here, wanted), len(here) - 1)
    lacking = np.append(0, np.cumsum(here[place] != wanted))
    ends = np.cumsum(size)
    return np.where(size > 0, (lacking[ends] - lacking[ends - size]) / np.maximum(size, 1), 1.0)


def _salt(sentence: I64) -> U64:
    """Tell words of one sentence from the same words of another."""
    return mix(sentence.astype(np.uint64) + np.uint64(1))


CRITERION = Novelty()
