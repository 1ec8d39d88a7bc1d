"""What vectors are, and whether they are sound: `kbtools inspect` and `verify --deep`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kbtools.kb.overview import Overview, Sample
from kbtools.kb.soundness import guarded, many
from kbtools.vectors.mapping import Array, blocks, mapped
from kbtools.vectors.reader import KIND, NAME, RELATIONS, SCHEMA, Vectors
from kbtools.vectors.words import ARRAYS, NGRAMS, WordVectors
from kbtools.vectors.words import TABLE as WORDS

__all__ = ["KIND", "describe", "problems"]

SHOWN = 4  # numbers of a vector


def describe(general: Overview, *, rows: int = 3) -> Overview:
    """Add the first vectors: their lengths, and the first numbers of each."""
    vectors = Vectors(general.path)
    shown = [
        [
            row,
            int(eid),
            *_rounded([_length(vector), *vector[:SHOWN].tolist()]),
        ]
        for row, (eid, vector) in enumerate(zip(vectors.eids()[:rows], vectors.array[:rows], strict=True))
    ]
    numbers = [str(at) for at in range(min(SHOWN, vectors.dim))]
    samples = [Sample(table=NAME, columns=["row", "eid", "length", *numbers], rows=shown)]
    if vectors.words is not None:
        samples.append(
            Sample(
                table=WORDS,
                columns=["row", "word", "count", "length", *numbers],
                rows=_words(vectors.words, rows),
            )
        )
    return msgspec.structs.replace(general, samples=samples)


def _words(words: WordVectors, rows: int) -> list[list[Any]]:
    """Return the first words, their lengths, and the first numbers of each."""
    texts, counts = words.texts[:rows].to_pylist(), words.counts[:rows].tolist()
    return [
        [row, text, count or None, *_rounded([_length(vector), *vector[:SHOWN].tolist()])]
        for row, (text, count, vector) in enumerate(zip(texts, counts, words.array[:rows], strict=True))
    ]


def problems(
    path: Path, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield what is wrong with vectors whose files are whole, in one sentence each."""
    if {NAME, "ids"} <= set(tables):
        yield from guarded(NAME, partial(_problems, Vectors(path)))
    if {WORDS, ARRAYS} <= set(tables):
        yield from guarded(WORDS, partial(_wrong_words, Vectors(path)))
    if RELATIONS in tables:
        yield from guarded(RELATIONS, partial(_relations, Vectors(path)))


def _problems(vectors: Vectors) -> Iterator[str]:
    wrong = sum(int((~np.isfinite(block).all(axis=1)).sum()) for block in vectors.blocks())
    if wrong:
        yield f"{NAME}: {many(wrong)} with NaN or infinite numbers"
    vectors.eids()  # says itself what is wrong
    last = -1
    for batch in vectors.scan("ids", SCHEMA.names):
        eids = np.concatenate([[last], batch["eid"].to_numpy().astype(np.int64)])
        if (np.diff(eids) <= 0).any():
            yield "ids: not sorted by eid, each once"
            return
        last = int(eids[-1])


def _wrong_words(vectors: Vectors) -> Iterator[str]:
    words = vectors.words
    if words is None:
        return
    if wrong := sum(int((~np.isfinite(block).all(axis=1)).sum()) for block in words.blocks()):
        yield f"{ARRAYS}: {many(wrong)} with NaN or infinite numbers"
    if len(words.array) and words.array.shape[1] != vectors.dim:
        yield f"{ARRAYS}: words have {words.array.shape[1]} numbers, and entities {vectors.dim}"
    texts = words.texts  # says itself what is wrong with the rows
    if (again := len(texts) - len(texts.unique())) > 0:
        yield f"{WORDS}: {many(again)} with a word that stands there before"
    if NGRAMS in vectors.tables:
        whole = all(np.isfinite(block).all() for block in blocks(mapped(vectors, NGRAMS, NGRAMS), NGRAMS))
        if not whole:
            yield f"{NGRAMS}: NaN or infinite numbers"


def _relations(vectors: Vectors) -> Iterator[str]:
    for name, array in vectors.relations().items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            yield f"{RELATIONS}: {name!r} holds NaN or infinite numbers"


def _length(vector: Array) -> float:
    return float(np.linalg.norm(vector.astype(np.float64)))


def _rounded(numbers: Sequence[float]) -> list[float]:
    return [round(number, 4) for number in numbers]
