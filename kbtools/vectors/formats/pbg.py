"""PyTorch-BigGraph's checkpoints (names as JSON, numbers as HDF5), or its one table: a name, tabs, numbers.

    entity_names_TYPE_PART.json   entity_dict of a partition: a list of names
    embeddings_TYPE_PART.vN.h5    dataset `embeddings` [n, dim]; of several N the last
    wikidata_translation_v1.tsv.gz    <http://www.wikidata.org/entity/Q42>, tab, numbers

Of a name that is an address, the last part is the id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.errors import SourceError
from kbtools.extras import need
from kbtools.vectors.formats import _lines
from kbtools.vectors.formats._written import checked, opened, write_rows
from kbtools.vectors.formats.base import (
    F32,
    Given,
    Names,
    Piece,
    Reading,
    Settings,
    Shape,
    finite,
    only_entities,
)

NAMES: Names = "ids"
HOLDS = {"entities"}
PART = re.compile(r"embeddings_(?P<type>.+)_(?P<part>\d+)\.v(?P<version>\d+)\.h5")
PROPERTY = "/prop/"  # of addresses of relations, which are no entities
ADDRESS = r"^<?[A-Za-z]+://[^\s>]*[/#]([^/#>\s]+)>?$"
AT_ONCE = 1 << 24  # numbers of a piece
BLANK = r"[\t\r\n]"
ALL, ENTITIES = "all", "embeddings"


def read(path: Path, settings: Settings) -> Reading:
    """Read a checkpoint's folder, or a table."""
    reading = Reading(path, NAMES)
    found = (
        _folder(reading) if path.is_dir() else _lines.rows(reading, path, named=True, header=settings.header)
    )
    reading.pieces = (piece._replace(names=ids(piece.names)) for piece in found)
    return reading


def ids(names: pa.StringArray) -> pa.StringArray:
    """Return the last part of addresses, and other names as they are.

    >>> ids(pa.array(["<http://www.wikidata.org/entity/Q42>", "Q7"])).to_pylist()
    ['Q42', 'Q7']
    """
    last = pc.replace_substring_regex(names, ADDRESS, r"\1")
    return pc.if_else(pc.match_substring(names, PROPERTY), names, last)


def _folder(reading: Reading) -> Iterator[Piece]:
    """Read all partitions of all types, each from its newest file."""
    newest: dict[tuple[str, int], tuple[int, Path]] = {}
    for file in reading.path.iterdir():
        if told := PART.fullmatch(file.name):
            key, version = (told["type"], int(told["part"])), int(told["version"])
            newest[key] = max(newest.get(key, (-1, file)), (version, file))
    if not newest:
        raise SourceError("has no embeddings_TYPE_PART.vN.h5", path=reading.path)
    for (kind, part), (_, file) in sorted(newest.items()):
        names = _names(reading.path, kind, part)
        with _opened(file) as found:
            if ENTITIES not in found or not hasattr(found[ENTITIES], "shape"):
                raise SourceError(f"has no dataset {ENTITIES!r}", path=file)
            yield from _rows(reading, file, found[ENTITIES], pa.array(names, pa.string()))


def _opened(file: Path) -> Any:
    try:
        return _hdf5().File(file, "r")
    except OSError as error:
        raise SourceError(f"cannot be read as HDF5: {error}", path=file) from error


def _rows(reading: Reading, file: Path, array: Any, names: pa.StringArray) -> Iterator[Piece]:
    if len(array.shape) != 2 or not array.shape[1] or array.dtype.kind != "f":
        told = f"{array.dtype} {array.shape}"
        raise SourceError(f"{told}, where rows of numbers are [rows, dim]", path=file)
    if array.shape[0] != len(names):
        raise SourceError(f"has {array.shape[0]:,} rows, and its list {len(names):,} names", path=file)
    step = max(1, AT_ONCE // array.shape[1])
    for at in range(0, len(names), step):
        rows: F32 = np.asarray(array[at : at + step], np.float32)
        yield finite(reading, file, Piece(names.slice(at, step), rows, np.arange(at, at + len(rows))))


def _names(folder: Path, kind: str, part: int) -> list[str]:
    path = folder / f"entity_names_{kind}_{part}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[str])
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=path) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"no list of names: {error}", path=path) from error


def _hdf5() -> Any:
    return need("h5py", extra="pbg", why="vectors of PyTorch-BigGraph in HDF5")


def write(given: Given, out: Path, settings: Shape) -> None:
    """Write a table if `out` ends in .tsv or .tsv.gz, else the folder of a checkpoint of one partition."""
    only_entities(given, "pbg")
    if out.name.endswith((".tsv", ".tsv.gz")):
        with opened(out) as file:
            for names, numbers in given.entity_blocks():
                write_rows(file, checked(names, BLANK, settings.spaces, "pbg"), numbers, "\t")
        return
    hdf5 = _hdf5()
    out.mkdir()
    names = (msgspec.json.encode(names.to_pylist())[1:-1] for names, _ in given.entity_blocks())
    (out / f"entity_names_{ALL}_0.json").write_bytes(b"[" + b",".join(names) + b"]")
    with hdf5.File(out / f"embeddings_{ALL}_0.v1.h5", "w") as file:
        array = file.create_dataset(ENTITIES, (given.entities, given.dim), "float32")
        at = 0
        for _, numbers in given.entity_blocks():
            array[at : at + len(numbers)] = numbers
            at += len(numbers)
