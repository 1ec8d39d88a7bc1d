"""Arrays of numpy with lists of names in JSON beside them.

entities.npy [n, dim]   entities.json ["Q42", …]   and so for words and relations
about.json              what is in them, and the lengths of the vectors
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tokenize import TokenError
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.errors import SourceError
from kbtools.vectors.formats.base import (
    F32,
    Given,
    Named,
    Names,
    Piece,
    Reading,
    Settings,
    Shape,
    finite,
)

NAMES: Names = "ids"
HOLDS = {"entities", "words", "relations"}
AT_ONCE = 1 << 24  # numbers of a piece
WORDS = "words"
UNREADABLE = (ValueError, OSError, EOFError, OverflowError, SyntaxError, TokenError)  # what numpy raises


def read(path: Path, settings: Settings) -> Reading:
    """Read a folder."""
    reading = Reading(path, NAMES)
    parts = [what for what in ("entities", WORDS) if (path / f"{what}.npy").is_file()]
    if not parts:
        raise SourceError("has no entities.npy or words.npy", path=path)
    reading.pieces = _parts(reading, parts)
    if (path / "relations.npy").is_file():
        rows = real(load(path / "relations.npy"))
        reading.relations = Named(_names(path, "relations", len(rows)), rows)
    return reading


def _parts(reading: Reading, parts: list[str]) -> Iterator[Piece]:
    for what in parts:
        file = reading.path / f"{what}.npy"
        names = pa.array(_names(reading.path, what, len(load(file))), pa.string())
        for piece in pieces(reading, file, names):
            yield piece._replace(words=what == WORDS)


def load(path: Path) -> NDArray[Any]:
    """Map an array of rows of numbers; nothing in the file is run."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except UNREADABLE as error:
        raise SourceError(
            "no array of numpy that can be read: not of numbers, or not whole", path=path
        ) from error
    if (
        not isinstance(found, np.ndarray)
        or found.ndim != 2
        or found.dtype.kind not in "fc"
        or not found.shape[1]
    ):
        told = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else "several arrays"
        raise SourceError(f"{told}, where rows of numbers are [rows, dim]", path=path)
    return found


def real(array: NDArray[Any]) -> F32:
    """Return numbers as float32; complex ones as halves [real | imaginary]."""
    if array.dtype.kind == "c":
        array = np.concatenate([array.real, array.imag], axis=1)
    with np.errstate(over="ignore"):  # what is too large is infinite, and told as that
        return np.asarray(array, np.float32)


def fit(path: Path, rows: int, names: int, ids_file: str) -> None:
    """Refuse names and rows that do not fit."""
    if rows != names:
        raise SourceError(
            f"has {rows:,} rows, and {ids_file} {names:,} names; are both of one model, and whole?", path=path
        )


def pieces(reading: Reading, file: Path, names: pa.StringArray) -> Iterator[Piece]:
    """Read an array in pieces."""
    array = load(file)
    step = max(1, AT_ONCE // array.shape[1])
    for at in range(0, len(array), step):
        rows = real(array[at : at + step])
        yield finite(reading, file, Piece(names.slice(at, step), rows, np.arange(at, at + len(rows))))


def _names(folder: Path, what: str, rows: int) -> list[str]:
    path = folder / f"{what}.json"
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[str])
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=path) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"no list of names: {error}", path=path) from error
    fit(folder / f"{what}.npy", rows, len(found), path.name)
    return found


def write(given: Given, out: Path, settings: Shape) -> None:
    """Write what there is."""
    out.mkdir()
    told: dict[str, Any] = {"dim": given.dim, "norms": given.norms}
    for what, rows, blocks in (
        ("entities", given.entities, given.entity_blocks),
        (WORDS, given.words, given.word_blocks),
    ):
        if rows:
            told[what] = rows
            names = (msgspec.json.encode(names.to_pylist())[1:-1] for names, _ in blocks())
            (out / f"{what}.json").write_bytes(b"[" + b",".join(names) + b"]")
            save(out / f"{what}.npy", (numbers for _, numbers in blocks()), given, rows)
    if given.relations is not None:
        told["relations"] = len(given.relations.names)
        (out / "relations.json").write_bytes(msgspec.json.encode(given.relations.names))
        np.save(out / "relations.npy", given.relations.numbers, allow_pickle=False)
    (out / "about.json").write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1))


def save(path: Path, blocks: Iterable[F32], given: Given, rows: int | None = None) -> None:
    """Write an array block by block."""
    shape = (given.entities if rows is None else rows, given.dim)
    with path.open("wb") as file:
        head = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, head)
        for block in blocks:
            file.write(np.ascontiguousarray(block, "<f4").data)
