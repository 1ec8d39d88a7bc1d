"""Your own tables: CSV, TSV, JSON Lines or Parquet, with a map of their columns in TOML."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

from kbtools import config
from kbtools.artefact import Licence
from kbtools.errors import ConfigError, SourceError
from kbtools.io.inputs import local
from kbtools.sources.base import Feed, Reading
from kbtools.sources.table.columns import Format, Map, Table, formats
from kbtools.sources.table.shorthand import read_map

CALL = "kbtools.sources.table.read:read"
SUFFIXES = {
    ".csv": Format(format="csv", separator=","),
    ".tsv": Format(format="csv", separator="\t"),
    ".tab": Format(format="csv", separator="\t"),
    ".jsonl": Format(format="jsonl"),
    ".ndjson": Format(format="jsonl"),
    ".json": Format(format="jsonl"),
    ".parquet": Format(format="parquet"),
    ".pq": Format(format="parquet"),
}
CONTAINERS = {".gz", ".bz2", ".zst", ".xz"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the files' columns mean."""

    map: str | None = field(
        default=None,
        metadata={"help": "The TOML file that says what columns mean; also looked for beside the dump."},
    )


class Source:
    """A map of columns; each file is read by one task, in batches of rows."""

    licence: ClassVar[Licence] = Licence(source="table", licence="not stated", redistribute="ask")
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = "subclass_of"
    example: ClassVar[str] = (
        "Example: kbtools ingest table companies.csv --map companies.toml --out kb/companies"
    )
    settings: ClassVar[type] = Settings

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Say which tables of the map each file is read for; refuse columns that are not there."""
        for dump in dumps:
            _must_exist(dump)
        if settings.map is None:
            raise ConfigError(
                "a table needs --map FILE, which says what its columns mean; the least there is: "
                '[entities] with id = "COLUMN" and label = "COLUMN"'
            )
        beside = Path(dumps[0]).parent / settings.map
        where = str(beside) if not Path(settings.map).exists() and beside.exists() else settings.map
        found = read_map(Path(where))
        files = [file for dump in dumps for file in _files(dump)]
        _refuse_idle(found, files, where)
        feeds = [self._feed(file, found, where) for file in files]
        terms = found.licence
        licence = (
            self.licence
            if terms is None
            else Licence(**{one.name: getattr(terms, one.name) for one in dataclasses.fields(terms)})
        )
        return Reading(feeds=feeds, files=[where], licences=[licence])

    def _feed(self, file: str, found: Map, where: str) -> Feed:
        from kbtools.sources.table import files  # noqa: PLC0415 - may need pyarrow

        mine = {
            name: chosen
            for name, tables in found.tables().items()
            if (chosen := [table for table in tables if _speaks_of(table, file)])
        }
        if not mine:
            raise ConfigError(f"{where}: no table of it speaks of {file}")
        form = _format(file, found)
        files.check(file, form, mine)
        plain = {name: [config.plain(table) for table in tables] for name, tables in mine.items()}
        return Feed(
            call=CALL, paths=[file], layout="whole", args={"form": config.plain(form), "tables": plain}
        )


def _must_exist(dump: str) -> None:
    if dump == "-":
        raise ConfigError("a table is looked at before it is read; give a file instead of standard input")
    here = local(dump)
    if here is not None and not Path(here).exists():
        raise SourceError("no such file; check the path", path=dump)


def _files(dump: str) -> list[str]:
    path = Path(dump)
    if not path.is_dir():
        return [dump]
    found = [str(one) for one in sorted(path.iterdir()) if one.is_file() and _suffix(one.name) in SUFFIXES]
    if not found:
        raise SourceError(f"holds no table; they end in {', '.join(SUFFIXES)}", path=dump)
    return found


def _suffix(file: str) -> str:
    path = Path(file)
    return Path(path.stem).suffix.lower() if path.suffix in CONTAINERS else path.suffix.lower()


def _speaks_of(table: Table | Format, file: str) -> bool:
    return not table.file or any(fnmatchcase(Path(file).name, pattern) for pattern in table.file)


def _refuse_idle(found: Map, files: Sequence[str], where: str) -> None:
    """Refuse a table whose files were not given: it would be empty, and nobody would know."""
    for name, tables in {**found.tables(), "format": found.format}.items():
        for table in tables:
            for pattern in table.file:
                if not any(fnmatchcase(Path(file).name, pattern) for file in files):
                    given = ", ".join(Path(file).name for file in files)
                    raise ConfigError(f"{where}: {name}: no file {pattern!r} was given; there are {given}")


def _format(file: str, found: Map) -> Format:
    usual = SUFFIXES.get(_suffix(file))
    said = next((one for one in found.format if _speaks_of(one, file)), Format())
    if said.format is None and usual is None:
        raise ConfigError(f"{file}: is it csv, jsonl or parquet? Say so in the map: [format] format = …")
    return formats(said, usual or Format())


SOURCE = Source()
