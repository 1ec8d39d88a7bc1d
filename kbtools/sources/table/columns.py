"""The map: what a user writes in TOML about the columns of tables, as settings.

Everything that names a column may be a name, a number from 1, or a table: `{column = "aka", split = "|"}`;
`{value = "founded by"}` is the same text in all rows. Where a name has a language, columns can be given by
language: `label = {en = "name", zh = "name_zh"}`. What is written shortly is written out here, before
`kbtools.config` checks it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_type_hints

import msgspec

CONSTANT = {"constant": True}  # of a cell that is mostly the same in all rows: a text alone is no column


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Where a value is found."""

    column: str | int | None = None
    value: str | None = None
    split: str | None = None
    lang: str | None = None

    def __post_init__(self) -> None:
        if (self.column is None) == (self.value is None):
            raise ValueError("name a column, or a value for all rows")
        if self.split == "":
            raise ValueError("split takes a separator")


@dataclass(frozen=True, kw_only=True)
class Table:
    """What all tables of the map have: the files it is about; none means all."""

    file: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Property:
    """A column of an entity table that says something by a relation: of another entity, or a value."""

    column: Cell
    relation: str
    tail: bool = False  # values are ids of entities
    create: bool = False  # those that no table names become entities
    datatype: str = "string"
    lang: str | None = None
    unit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entities(Table):
    """A row is an entity."""

    id: Cell
    label: tuple[Cell, ...] = ()
    description: tuple[Cell, ...] = ()
    aliases: tuple[Cell, ...] = ()
    lang: Cell | None = field(default=None, metadata=CONSTANT)
    kind: Literal["entity", "item", "concept", "synset", "lexeme", "property", "sememe", "relation"] = (
        "entity"
    )
    types: tuple[Cell, ...] = ()
    freq: Cell | None = None
    xref: dict[str, Cell] = field(default_factory=dict)
    sitelinks: dict[str, Cell] = field(default_factory=dict)
    relations: tuple[Property, ...] = ()
    repeated: bool = False  # rows of one id add to each other, instead of being rejected


@dataclass(frozen=True, kw_only=True)
class Triples(Table):
    """A row says that two entities stand in a relation."""

    head: Cell
    relation: Cell
    tail: Cell
    create: bool = False  # heads and tails that no table names become entities
    datatype: str = "entity-id"  # of a tail that is no entity


@dataclass(frozen=True, kw_only=True)
class Literals(Table):
    """A row gives a value to an entity."""

    head: Cell
    relation: Cell
    value: Cell
    datatype: str = "string"
    lang: Cell | None = field(default=None, metadata=CONSTANT)
    unit: Cell | None = field(default=None, metadata=CONSTANT)


@dataclass(frozen=True, kw_only=True)
class Names(Table):
    """A row is a name of an entity."""

    id: Cell
    text: Cell
    lang: Cell | None = field(default=None, metadata=CONSTANT)
    source: Literal["label", "alias", "title", "lemma", "form", "term", "name", "user"] = "alias"


@dataclass(frozen=True, kw_only=True)
class Descriptions(Table):
    """A row describes an entity."""

    id: Cell
    text: Cell
    lang: Cell | None = field(default=None, metadata=CONSTANT)
    kind: Literal["short", "gloss", "example", "abstract", "definition"] = "short"


@dataclass(frozen=True, kw_only=True)
class Types(Table):
    """A row gives an entity a type."""

    id: Cell
    type: Cell


@dataclass(frozen=True, kw_only=True)
class Xref(Table):
    """A row says what an entity is called elsewhere; `cut` parts a value like MESH:D001."""

    id: Cell
    value: Cell
    scheme: Cell | None = None
    cut: str | None = None


@dataclass(frozen=True, kw_only=True)
class Redirects(Table):
    """A row leads from an id that is no more to one that is."""

    old: Cell
    new: Cell
    kind: Literal["merge", "title", "retired", "version"] = "merge"


@dataclass(frozen=True, kw_only=True)
class Relations(Table):
    """A row describes a relation."""

    id: Cell
    label: Cell | None = None
    description: Cell | None = None
    inverse: Cell | None = None


@dataclass(frozen=True, kw_only=True)
class Format(Table):
    """How a file is written, where its suffix does not tell."""

    format: Literal["csv", "jsonl", "parquet"] | None = None
    separator: str | None = None
    quotes: bool = True
    header: bool = True
    columns: tuple[str, ...] = ()  # the names of columns where there is no header
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if self.separator is not None and (len(self.separator) != 1 or self.separator in '\r\n"'):
            raise ValueError("separator takes one character")
        if self.columns and self.header:
            raise ValueError("columns are named where there is no header: header = false")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms that the tables come under."""

    source: str = "table"
    licence: str = "not stated"
    level: str = ""
    attribution: str = ""
    redistribute: Literal["yes", "no", "ask"] = "ask"


@dataclass(frozen=True, kw_only=True)
class Map:
    """The whole map; each table of it may be given once, or several times as [[table]]."""

    entities: tuple[Entities, ...] = ()
    triples: tuple[Triples, ...] = ()
    literals: tuple[Literals, ...] = ()
    names: tuple[Names, ...] = ()
    descriptions: tuple[Descriptions, ...] = ()
    types: tuple[Types, ...] = ()
    xref: tuple[Xref, ...] = ()
    redirects: tuple[Redirects, ...] = ()
    relations: tuple[Relations, ...] = ()
    format: tuple[Format, ...] = ()
    licence: Terms | None = None

    def tables(self) -> dict[str, Sequence[Table]]:
        """Return what files are read for, by name."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in _NO_TABLES}


_NO_TABLES = {"format", "licence"}
CLASSES: dict[str, type[Table]] = {
    name: get_args(kind)[0] for name, kind in get_type_hints(Map).items() if name not in _NO_TABLES
}


def revive(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[Any]]:
    """Turn plain values into the tables of a map again."""
    return {name: msgspec.convert(plain, list[CLASSES[name]]) for name, plain in tables.items()}  # type: ignore[valid-type]


def cells(table: Any) -> list[tuple[str, Cell]]:
    """List the cells of a table, each with the name of its setting."""
    found: list[tuple[str, Cell]] = []
    for one in dataclasses.fields(table):
        value = getattr(table, one.name)
        entries = [*value.values()] if isinstance(value, dict) else value
        for entry in entries if isinstance(entries, list | tuple) else [entries]:
            if isinstance(entry, Cell):
                found.append((one.name, entry))
            elif isinstance(entry, Property):
                found.append((one.name, entry.column))
    return found


def formats(said: Format, usual: Format) -> Format:
    """Complete what a map says of a format by what the suffix says."""
    separator = said.separator or (usual.separator if said.format in {None, "csv"} else None) or ","
    return dataclasses.replace(said, format=said.format or usual.format, separator=separator)
