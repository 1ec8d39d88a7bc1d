"""A vector of each term: read from a file of word vectors, or made of the letters it has.

2 3                    the numbers of words and of dimensions; the line may be missing
new_york .1 .2 -.4     word2vec's and fastText's text format, GloVe's is the same without the first line
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias.hashing import buffers, codes_of, prefix, spans
from kbtools.errors import ConfigError

F32 = NDArray[np.float32]

GRAMS = (3, 4, 5)  # letters, with < and > around each term
DIMENSIONS = 256
AT_ONCE = 1 << 13  # terms


def read(path: Path, terms: pa.Array) -> F32:
    """Return the vectors of terms; zeros for those that have none.

    A term has its own vector, or that of the term with a capital, or the mean of those of its words.
    """
    words = _wanted(terms)
    found: dict[str, F32] = {}
    size = 0
    for number, word, rest in _lines(path):
        if word not in words:
            continue
        vector = np.array(rest.split(), np.float32) if _numeric(rest) else np.zeros(0, np.float32)
        if not len(vector) or (size and len(vector) != size):
            raise ConfigError(f"{path}:{number}: no vector of {size or 'some'} numbers: {rest[:40]!r}")
        size = len(vector)
        found.setdefault(word, vector)
    if not found:
        raise ConfigError(f"{path}: has none of the {len(terms):,} terms; is it a text file of word vectors?")
    vectors = np.zeros((len(terms), size), np.float32)
    for place, term in enumerate(terms.to_pylist()):
        own = _own(term, found)
        if own is None and " " in term:
            several = [one for one in (_own(word, found) for word in term.split(" ")) if one is not None]
            own = np.mean(several, axis=0) if several else None
        if own is not None:
            vectors[place] = own
    return vectors


def of_letters(terms: pa.Array) -> F32:
    """Return vectors in which terms that share runs of letters are near each other.

    Each run of letters is a place among the numbers, by its hash (Weinberger et al. 2009).
    """
    vectors = np.zeros((len(terms), DIMENSIONS), np.float32)
    for low in range(0, len(terms), AT_ONCE):
        some = terms[low : low + AT_ONCE]
        vectors[low : low + len(some)] = _block(some)
    return vectors


def _block(terms: pa.Array) -> F32:
    around = pa.array(["<"] * len(terms)), terms, pa.array([">"] * len(terms))
    texts = pc.binary_join_element_wise(*around, "")
    lengths = pc.utf8_length(texts).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    sums = prefix(codes_of(buffers(texts)[0].tobytes().decode()))
    owner = np.repeat(np.arange(len(terms)), lengths)
    counted = np.zeros(len(terms) * DIMENSIONS, np.float64)
    for size in GRAMS:
        start = np.flatnonzero(np.arange(len(owner)) + size <= ends[owner])
        hashes = spans(sums, start, start + size)
        place = owner[start] * DIMENSIONS + (hashes % np.uint64(DIMENSIONS)).astype(np.int64)
        sign = np.where(hashes >> np.uint64(63), -1.0, 1.0)
        counted += np.bincount(place, sign, minlength=len(counted))
    return counted.reshape(len(terms), DIMENSIONS).astype(np.float32)


def _wanted(terms: pa.Array) -> set[str]:
    plain = set(terms.to_pylist())
    several = {word for term in plain if " " in term for word in term.split(" ")}
    joined = {term.replace(" ", "_") for term in plain if " " in term}
    small = plain | several | joined
    return small | {word.capitalize() for word in small}


def _own(term: str, found: dict[str, F32]) -> F32 | None:
    joined = term.replace(" ", "_")
    return next(
        (found[one] for one in (term, term.capitalize(), joined, joined.capitalize()) if one in found), None
    )


def _numeric(rest: str) -> bool:
    try:
        return bool(np.isfinite(np.array(rest.split(), np.float32)).all())
    except ValueError:
        return False


def _lines(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield number, word and the rest of each line but the heading."""
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, 1):
                word, space, rest = line.rstrip().partition(" ")
                if space and not (number == 1 and rest.isdecimal() and word.isdecimal()):
                    yield number, word, rest
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a text file of word vectors: {error}") from error


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")
