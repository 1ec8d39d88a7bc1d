"""PyKEEN's entity_to_id.tsv[.gz] (`id`, `label`) with entity_embeddings.npy beside it; so for relations.

Complex numbers become halves [real | imaginary]. PyKEEN's own models are pickles, which
may run anything: they are refused, with what to run in PyKEEN instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.vectors.formats import npy
from kbtools.vectors.formats._written import checked, joined, opened
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
PICKLES = (".pkl", ".pt", ".pth", ".pickle")


def read(path: Path, settings: Settings) -> Reading:
    """Read a folder."""
    file = path / "entity_embeddings.npy"
    _refuse_pickles(path, file)
    reading = Reading(path, NAMES)
    array = npy.load(needed(path, file.name))
    names = _names(path, "entity")
    npy.fit(file, len(array), len(names), "entity_to_id.tsv")
    reading.pieces = _entities(reading, file, names)
    if (path / "relation_embeddings.npy").is_file():
        rows = npy.real(npy.load(path / "relation_embeddings.npy"))
        relations = _names(path, "relation")
        npy.fit(path / "relation_embeddings.npy", len(rows), len(relations), "relation_to_id.tsv")
        reading.relations = Named(relations, rows)
    return reading


def _entities(reading: Reading, file: Path, names: list[str]) -> Iterator[Piece]:
    yield from npy.pieces(reading, file, pa.array(names, pa.string()))


def _refuse_pickles(path: Path, file: Path) -> None:
    folder = path if path.is_dir() else path.parent
    found = sorted(one.name for one in folder.iterdir() if one.suffix in PICKLES) if folder.is_dir() else []
    if path.suffix in PICKLES or (found and not file.is_file()):
        raise SourceError(
            "is or holds a pickle, which may run anything, and is not read; in PyKEEN: "
            "numpy.save('entity_embeddings.npy', model.entity_representations[0]().detach().cpu().numpy()), "
            "and relation_representations likewise",
            path=path if path.suffix in PICKLES else path / found[0],
        )


def _names(folder: Path, what: str) -> list[str]:
    """Read a table of ids and labels, in either order, with or without a first line that names them."""
    path = needed(folder, f"{what}_to_id.tsv", f"{what}_to_id.tsv.gz")
    with open_stream(str(path)) as stream:
        try:
            text = b"".join(stream.chunks()).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise SourceError(f"cannot be read as UTF-8: {error.reason}", path=path) from error
    rows = [line.removesuffix("\r").split("\t") for line in text.split("\n")]
    pairs: list[tuple[str, int]] = []
    head = rows[0] if rows else []
    begin = 1 if {"id", "label"} == {*head} else 0
    places = (head.index("label"), head.index("id")) if begin else _places(rows)
    for line, row in enumerate(rows[begin:], begin + 1):
        if row == [""]:
            continue
        if len(row) != 2 or (number := count(row[places[1]])) is None:
            raise SourceError(f"{' '.join(row)[:80]!r} is no id and its label", path=path, line=line)
        pairs.append((row[places[0]], number))
    return numbered(path, pairs)


def _places(rows: list[list[str]]) -> tuple[int, int]:
    """Tell which column holds the names: the one that is not all numbers."""
    first = all(row[0].isdecimal() for row in rows if row != [""])
    return (1, 0) if first else (0, 1)


def write(given: Given, out: Path, settings: Shape) -> None:
    """Write the ids and the arrays."""
    only_entities(given, "pykeen")
    out.mkdir()
    with opened(out / "entity_to_id.tsv.gz") as file:
        file.write(b"id\tlabel\n")
        at = 0
        for names, _ in given.entity_blocks():
            file.write(_ids(checked(names, BLANK, settings.spaces, "pykeen"), at))
            at += len(names)
    npy.save(out / "entity_embeddings.npy", (numbers for _, numbers in given.entity_blocks()), given)
    if given.relations is not None:
        names = checked(pa.array(given.relations.names, pa.string()), BLANK, settings.spaces, "pykeen")
        with opened(out / "relation_to_id.tsv.gz") as file:
            file.write(b"id\tlabel\n" + _ids(names, 0))
        np.save(out / "relation_embeddings.npy", given.relations.numbers, allow_pickle=False)


def _ids(names: pa.Array, first: int) -> bytes:
    numbers = pa.array(np.arange(first, first + len(names))).cast(pa.string())
    return joined(pa.compute.binary_join_element_wise(numbers, names, "\t"))
