"""What it takes to be a format: it reads rows of names and numbers in pieces, and writes them.

A format is a module with

    NAMES                      what its names are: see `Names`
    HOLDS                      what it has room for, of entities, words and relations
    read(path, settings)       -> Reading, of a file or folder; nothing larger than a piece is held
    write(given, out, settings)    write to `out`, a file or folder that is not there yet
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.config import setting
from kbtools.errors import ConfigError, SourceError

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Names = Literal["auto", "ids", "titles", "words"]
SNIPPET = 200
DIGITS = 16  # of a count, less than


@dataclass(frozen=True)
class Settings:
    """How vectors in a foreign format are read."""

    names: Names = setting(
        "What its names are; auto: ENTITY/Title are titles and all else words, or else all are ids.", "auto"
    )
    site: str = setting("The wiki that titles are of, before others.", "enwiki")
    dtype: Literal["float32", "float16"] = setting("Of the numbers that are kept.", "float32")
    header: Literal["strict", "ignore"] = setting(
        "Whether a file is refused whose first line says other counts than it has.", "strict"
    )


@dataclass(frozen=True)
class Shape:
    """How vectors are written."""

    prefix: str = setting("Put before the names of entities where words stand beside them.", "ENTITY/")
    spaces: str = setting("What stands for a space in a name, where a format has no room for one.", "")
    titles: str = setting(
        "The site whose titles openke writes, where there are any; none: no titles.", "enwiki"
    )


class Piece(NamedTuple):
    """Some rows: names [n], numbers [n, dim], and the line or row of the file that each is."""

    names: pa.StringArray
    numbers: F32
    line: I64
    words: bool = False  # names are words, whatever else the format has


class Named(NamedTuple):
    """Rows that are few: of relations."""

    names: list[str]
    numbers: F32


@dataclass
class Reading:
    """What is read of a file or folder. `pieces` is gone through once; what it notes is whole after that."""

    path: Path
    names: Names = "ids"
    pieces: Iterator[Piece] = field(default_factory=lambda: iter(()))
    relations: Named | None = None
    rejects: list[dict[str, Any]] = field(default_factory=list)
    incomplete: bool = False

    def reject(self, path: Path, line: int, reason: str, text: str, byte: int | None = None) -> None:
        """Note a row that is left out, and why."""
        self.rejects.append(
            {"file": str(path), "line": line, "byte": byte, "reason": reason, "snippet": text[:SNIPPET]}
        )


class Given(NamedTuple):
    """What is to be written; blocks are (names, numbers), and may be asked for again."""

    dim: int
    entities: int
    words: int
    entity_blocks: Callable[[], Iterator[tuple[pa.StringArray, F32]]]
    word_blocks: Callable[[], Iterator[tuple[pa.StringArray, F32]]]
    relations: Named | None
    norms: dict[str, dict[str, float]]
    titles: Callable[[str], Iterator[tuple[pa.StringArray, pa.StringArray]]] | None = None
    """Of a site: titles of pages, and the ids of their entities."""


def only_entities(given: Given, format_: str) -> None:
    """Refuse vectors of words for a format of entities."""
    if not given.entities:
        raise ConfigError(
            f"these vectors are of words, and {format_} holds those of entities; try --format word2vec"
        )


def finite(reading: Reading, path: Path, piece: Piece) -> Piece:
    """Leave out the rows that hold NaN or infinite numbers, and note them."""
    wrong = ~np.isfinite(piece.numbers).all(axis=1)
    if not wrong.any():
        return piece
    for at in np.flatnonzero(wrong).tolist():
        reading.reject(path, int(piece.line[at]), "NaN or infinite numbers", str(piece.names[at]))
    good = ~wrong
    names = piece.names.filter(pa.array(good))
    return piece._replace(names=names, numbers=piece.numbers[good], line=piece.line[good])


def needed(folder: Path, *names: str) -> Path:
    """Find the first of some files in a folder."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    if not folder.is_dir():
        raise SourceError("is no folder", path=folder)
    raise SourceError(f"has no {' or '.join(names)}", path=folder)


def count(text: str) -> int | None:
    """Read a whole number from 0 on; none: it is no such, or too large to count anything.

    >>> count("12 "), count("²"), count("9" * 5000)
    (12, None, None)
    """
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < DIGITS else None


def numbered(path: Path, pairs: list[tuple[str, int]]) -> list[str]:
    """Put names in the order of their numbers, which are 0, 1, 2 …, each once."""
    found: list[str | None] = [None] * len(pairs)
    for name, number in pairs:
        if not 0 <= number < len(pairs):
            raise SourceError(f"{name!r} has number {number:,} of {len(pairs):,} names from 0 on", path=path)
        if found[number] is not None:
            raise SourceError(f"{found[number]!r} and {name!r} both have number {number:,}", path=path)
        found[number] = name
    return [name for name in found if name is not None]
