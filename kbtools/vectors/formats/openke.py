"""OpenKE's folder, as ERNIE reads it: entity2id.txt, entity2vec.vec, relation2id.txt, relation2vec.vec.

entity2id.txt      how many there are, then a line each: id, tab or space, number from 0 on
entity2vec.vec     the numbers of entity 0, 1, 2 …, a line each, with tabs between them
entity_map.txt     title of a page, tab, id: written where there are titles; `kbtools alias` reads it
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.vectors.formats import _lines
from kbtools.vectors.formats._written import checked, joined, opened, write_rows
from kbtools.vectors.formats.base import (
    Given,
    Named,
    Names,
    Piece,
    Reading,
    Settings,
    Shape,
    count,
    needed,
    numbered,
    only_entities,
)

NAMES: Names = "ids"
HOLDS = {"entities", "relations"}
BLANK = r"[\t\r\n]"


def read(path: Path, settings: Settings) -> Reading:
    """Read a folder; relations are read at once, entities in pieces."""
    reading = Reading(path, NAMES)
    reading.pieces = _entities(reading, settings)
    if (path / "relation2vec.vec").is_file():
        names = ids(needed(path, "relation2id.txt"), settings)
        file = path / "relation2vec.vec"
        pieces = list(_lines.rows(Reading(file), file, named=False))
        numbers = np.concatenate([piece.numbers for piece in pieces])
        _fit(file, len(numbers), names, "relation2id.txt")
        reading.relations = Named(names, numbers)
    return reading


def _entities(reading: Reading, settings: Settings) -> Iterator[Piece]:
    file = needed(reading.path, "entity2vec.vec", "entity2vec.vec.gz")
    names = ids(needed(reading.path, "entity2id.txt"), settings)
    texts = pa.array(names, pa.string())
    lines = 0
    for piece in _lines.rows(reading, file, named=False):
        at = piece.line - 1  # the row is the line: a bad one must not move those after it
        lines = max(lines, int(at.max(initial=-1)) + 1)
        if lines > len(names):
            _fit(file, lines, names, "entity2id.txt", "more than ")
        yield Piece(texts.take(pa.array(at)), piece.numbers, piece.line)
    if not reading.incomplete:
        lines = max([lines, *(bad["line"] for bad in reading.rejects)])
        _fit(file, lines, names, "entity2id.txt")


def _fit(file: Path, rows: int, names: list[str], ids_file: str, how: str = "") -> None:
    if rows != len(names):
        what = f"has {rows:,} rows, and {ids_file} {len(names):,} names"
        raise SourceError(f"{what}; are both of one model, and whole?", path=file)


def ids(path: Path, settings: Settings) -> list[str]:
    """Read the names of a file of ids, in the order of their numbers."""
    with open_stream(str(path)) as stream:
        try:
            lines = b"".join(stream.chunks()).decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise SourceError(f"cannot be read as UTF-8: {error.reason}", path=path) from error
    pairs: list[tuple[str, int]] = []
    told: int | None = None
    for line, text in enumerate((one.rstrip(" \t\r") for one in lines), 1):
        if not text:
            continue
        if line == 1 and (told := count(text)) is not None:
            continue
        name, tab, number = text.rpartition("\t" if "\t" in text else " ")
        name = name if tab == "\t" else name.strip()  # a tab says where an id ends
        if not name or (row := count(number)) is None:
            raise SourceError(f"{text[:80]!r} is no id and its number", path=path, line=line)
        pairs.append((name, row))
    if told is not None and told != len(pairs) and settings.header != "ignore":
        raise SourceError(
            f"says {told:,} ids, and has {len(pairs):,}; fetch it again, or take it as it is with "
            "-o header=ignore",
            path=path,
            line=1,
        )
    return numbered(path, pairs)


def write(given: Given, out: Path, settings: Shape) -> None:
    """Write the four files; without relations, the two of entities; titles where there are any."""
    only_entities(given, "openke")
    out.mkdir()
    with opened(out / "entity2id.txt") as told, opened(out / "entity2vec.vec") as file:
        told.write(f"{given.entities}\n".encode())
        at = 0
        for names, numbers in given.entity_blocks():
            told.write(_ids(checked(names, BLANK, settings.spaces, "openke"), at))
            write_rows(file, None, numbers, "\t")
            at += len(names)
    _write_titles(given, out / "entity_map.txt", settings)
    if given.relations is not None:
        names = checked(pa.array(given.relations.names, pa.string()), BLANK, settings.spaces, "openke")
        with opened(out / "relation2id.txt") as told, opened(out / "relation2vec.vec") as file:
            told.write(f"{len(names)}\n".encode() + _ids(names, 0))
            write_rows(file, None, given.relations.numbers, "\t")


def _write_titles(given: Given, path: Path, settings: Shape) -> None:
    blocks = given.titles(settings.titles) if given.titles and settings.titles else iter(())
    first = next(blocks, None)
    if first is None:
        return
    with opened(path) as file:
        for titles, names in chain([first], blocks):
            file.write(joined(pa.compute.binary_join_element_wise(titles, names, "\t")))


def _ids(names: pa.Array, first: int) -> bytes:
    numbers = pa.array(np.arange(first, first + len(names))).cast(pa.string())
    return joined(pa.compute.binary_join_element_wise(names, numbers, "\t"))
