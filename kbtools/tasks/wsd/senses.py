"""Answers that need no linker: the first sense of a word, and the one that a corpus has most often."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.kb.asking import answer
from kbtools.kb.reader import Base
from kbtools.kb.schema import STR

Longs = NDArray[np.int64]

KEY = re.compile(r"(.+)%([1-5]):\d\d:\d\d:[^:]*:\d*")
POS = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}  # the digit behind `%`
FIRST = 1


class Word(NamedTuple):
    """What a sense is a sense of."""

    lemma: str  # in small letters, words joined by `_`
    pos: str  # n, v, a or r


def word_of(key: str | None) -> Word | None:
    """Return the word that a sense key is of; None if it is no sense key.

    >>> word_of("long_run%1:28:00::"), word_of("02084071-n")
    (Word(lemma='long_run', pos='n'), None)
    """
    found = KEY.fullmatch(key or "")
    return Word(found[1].lower(), POS[found[2]]) if found else None


def first(base: Base, words: Sequence[Word | None]) -> Longs:
    """Return the eids of words' first senses; −1 where the knowledge base numbers none."""
    eids = np.full(len(words), -1, np.int64)
    if "xref" not in base.tables:
        return eids
    asked = {word: at for at, word in enumerate(dict.fromkeys(word for word in words if word))}
    named = pa.array([f"{word.lemma}#{word.pos}#{FIRST}" for word in asked], STR)
    sql = "SELECT n, min(eid) AS eid FROM xref JOIN asked ON value = id WHERE scheme = 'sense' GROUP BY n"
    found = answer(
        base.kb.path, sql, {"n": np.arange(len(asked)), "id": named}, parts=base.parts, only={"xref"}
    )
    known = np.full(len(asked) + 1, -1, np.int64)  # the last one: of no word
    known[found["n"].to_numpy()] = found["eid"].to_numpy()
    return known[[asked[word] if word else len(asked) for word in words]]


def most_frequent(
    train: Iterable[tuple[Word | None, int]], words: Sequence[Word | None], otherwise: Longs
) -> Longs:
    """Return what each word most often means in a corpus; of several the first sense, then what came first.

    A word that the corpus does not have gets what is said `otherwise`.
    """
    counts: defaultdict[Word, Counter[int]] = defaultdict(Counter)
    for word, entity in train:
        if word and entity >= 0:
            counts[word][entity] += 1
    chosen = otherwise.copy()
    for at, word in enumerate(words):
        mine = counts.get(word) if word else None
        if mine:
            most = max(mine.values())
            best = [entity for entity, n in mine.items() if n == most]
            chosen[at] = chosen[at] if chosen[at] in best else best[0]
    return chosen
