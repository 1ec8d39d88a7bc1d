"""An artefact of tables opened for reading, and which overlays belong to which knowledge base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from kbtools import artefact
from kbtools.errors import ArtefactError
from kbtools.kb.schema import TABLES

BATCH_ROWS = 65_536


class Tables:
    """An artefact of Parquet tables. Opening reads the manifest alone; tables are read when asked for."""

    kind: str | None = None  # the only one that is taken; None: any

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.manifest = artefact.read(self.path, self.kind)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def tables(self) -> list[str]:
        """The tables it has, in the order of the manifest."""
        return list(self.manifest.tables)

    @property
    def tabular(self) -> list[str]:
        """The tables that are Parquet files; there may be others, of arrays or models."""
        return [
            name
            for name, table in self.manifest.tables.items()
            if all(file.path.endswith(".parquet") for file in table.files)
        ]

    def rows(self, table: str) -> int:
        """Count the rows of a table; none if it is absent."""
        found = self.manifest.tables.get(table)
        return found.rows if found else 0

    def files(self, table: str) -> list[Path]:
        """Return the files of a table in order; refuse those that are gone or lie elsewhere."""
        if table not in self.manifest.tables:
            near = get_close_matches(table, self.tables, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ArtefactError(f"{self.path}: no table {table!r}.{hint} It has: {', '.join(self.tables)}")
        paths = []
        for file in self.manifest.tables[table].files:
            path = self.path / inside(self.path, file.path)
            if not path.is_file():
                raise ArtefactError(f"{path}: gone; `kbtools verify {self.path}` tells what else is")
            paths.append(path)
        return paths

    def scan(
        self, table: str, columns: Sequence[str] | None = None, *, rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield a table in batches of at most `rows`, in order, holding one batch at a time."""
        wanted = None if columns is None else list(columns)
        for path in self.files(table):
            try:
                with pq.ParquetFile(path, pre_buffer=False) as file:  # pre-buffering holds the whole file
                    self._check(table, file.schema_arrow, wanted)
                    for group in range(file.num_row_groups):  # nested words cannot be read over their ends
                        for batch in file.iter_batches(rows, row_groups=[group], columns=wanted):
                            yield batch if wanted is None else batch.select(wanted)
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise _damaged(path, error) from error

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a table whole."""
        wanted = None if columns is None else list(columns)
        pieces = []
        for path in self.files(name):
            try:
                with pq.ParquetFile(path) as file:
                    self._check(name, file.schema_arrow, wanted)
                    groups = range(file.num_row_groups)
                    found = [file.read_row_group(group, columns=wanted) for group in groups]
                    piece = pa.concat_tables(found) if found else file.schema_arrow.empty_table()
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise _damaged(path, error) from error
            pieces.append(piece if wanted is None else piece.select(wanted))
        if pieces:
            return pa.concat_tables(pieces)
        if name not in TABLES:
            raise ArtefactError(f"{self.path}: table {name!r} has no files")
        empty = TABLES[name].schema.empty_table()
        return empty if wanted is None else empty.select(wanted)

    def _check(self, table: str, schema: pa.Schema, wanted: list[str] | None) -> None:
        for column in wanted or ():
            if column not in schema.names:
                near = get_close_matches(column, schema.names, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise ArtefactError(
                    f"{self.path}: {table} has no column {column!r}.{hint} It has: {', '.join(schema.names)}"
                )


class Kb(Tables):
    """One `kb` folder."""

    kind = "kb"

    @property
    def name(self) -> str:
        """The name it was given (`--name`), by which rows and schemas refer to it."""
        return self.manifest.name or self.path.name


class Base(NamedTuple):
    """A base and the overlays that were given with it: together, one knowledge base."""

    kb: Kb
    overlays: list[Kb]

    @property
    def name(self) -> str:
        """The base's name."""
        return self.kb.name

    @property
    def parts(self) -> list[Kb]:
        """The base, then its overlays."""
        return [self.kb, *self.overlays]

    @property
    def tables(self) -> list[str]:
        """The tables that any part has."""
        return list(dict.fromkeys(table for part in self.parts for table in part.tables))


def gather(paths: Iterable[Path | str]) -> list[Base]:
    """Open knowledge bases and put each overlay to its base, in the order given."""
    opened = [Kb(path) for path in paths]
    bases: dict[str, Base] = {}
    for kb in opened:
        if kb.manifest.base is not None:
            continue
        if kb.name in bases:
            raise ArtefactError(
                f"{kb.path} and {bases[kb.name].kb.path} are both named {kb.name!r}; give one of them, "
                "or make one again with another --name"
            )
        bases[kb.name] = Base(kb, [])
    for kb in opened:
        if kb.manifest.base is not None:
            _lay(kb, kb.manifest.base, bases)
    return list(bases.values())


def _lay(overlay: Kb, wanted: artefact.KbRef, bases: dict[str, Base]) -> None:
    """Put an overlay to its base: one of that name whose eids mean the same entities."""
    base = bases.get(wanted.name)
    if base is None:
        raise ArtefactError(f"{overlay.path} lies over {wanted.name!r}: give that knowledge base too")
    manifest = base.kb.manifest
    if manifest.content != wanted.content and not shares_ids(wanted.id_space, manifest.id_space):
        raise ArtefactError(
            f"{overlay.path} was made over another release of {wanted.name!r} than {base.kb.path}; "
            f"give that release, or make the overlay again with --onto {base.kb.path}"
        )
    if any(other.path.resolve() == overlay.path.resolve() for other in base.overlays):
        raise ArtefactError(f"{overlay.path} is given twice")
    base.overlays.append(overlay)


def shares_ids(older: Sequence[str], newer: Sequence[str]) -> bool:
    """Tell whether eids of one id space mean the same in another: its chain contains the older's end."""
    return bool(older) and older[-1] in newer


def inside(folder: Path, name: str) -> PurePosixPath:
    """Return a manifest's relative path; refuse one that leaves the artefact's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ArtefactError(f"{folder}: its manifest names a file outside of it: {name!r}")
    return path


def _damaged(path: Path, error: Exception) -> ArtefactError:
    return ArtefactError(f"{path}: damaged: {' '.join(str(error).split())}")
