"""What an artefact is: its manifest in plain words, and for a knowledge base a first look at its rows."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import msgspec

from kbtools import artefact
from kbtools.artefact import Input, KbRef, Licence, Manifest
from kbtools.artefact.manifest import NAME
from kbtools.errors import ArtefactError
from kbtools.kb.quoting import name
from kbtools.kb.reader import Kb
from kbtools.kb.views import add_views, ask, connect

TOP = 10


class TableSize(msgspec.Struct, frozen=True, kw_only=True):
    """How large a table is."""

    table: str
    rows: int
    files: int
    bytes: int


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """A class or relation, and how many rows speak of it."""

    id: str
    label: str | None
    count: int


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """The first rows of a table."""

    table: str
    columns: list[str]
    rows: list[list[Any]]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """An artefact in plain words; what a kind does not have is empty."""

    path: str
    kind: str
    version: int
    name: str | None
    created: str
    kbtools: str
    command: str
    settings: dict[str, Any]
    inputs: list[Input]
    kbs: list[KbRef]
    base: KbRef | None
    id_space: list[str]
    counts: dict[str, Any]
    notes: dict[str, Any]
    licences: list[Licence]
    incomplete: bool
    content: str
    tables: list[TableSize]
    classes: list[Top] = []
    relations: list[Top] = []
    languages: list[Top] = []
    samples: list[Sample] = []


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """A `.partial` folder: the building site of an artefact."""

    path: str
    out: str
    tasks: int
    bytes: int
    busy: bool
    holder: str
    resume: str


Description: TypeAlias = Overview | Unfinished


def describe(
    path: Path, *, rows: int = 3, top: int = TOP, memory: int | None = None, threads: int | None = None
) -> Description:
    """Describe the artefact at `path`; of a knowledge base, `rows` rows a table and the `top` classes."""
    if path.name.endswith(".partial") and path.is_dir() and not (path / NAME).exists():
        return _unfinished(path)
    found = _overview(path, artefact.read(path))
    if found.kind != "kb":
        return found
    kb = Kb(path)
    with connect(path, memory=memory, threads=threads) as con:
        add_views(con, [kb])
        return msgspec.structs.replace(
            found,
            classes=_classes(con, kb, top),
            relations=_relations(con, kb, top),
            languages=_languages(con, kb),
            samples=[sample(con, table, rows) for table in kb.tables if rows],
        )


def _overview(path: Path, manifest: Manifest) -> Overview:
    shared = set(Overview.__struct_fields__) & set(Manifest.__struct_fields__) - {"tables"}
    sizes = [
        TableSize(
            table=table,
            rows=entry.rows,
            files=len(entry.files),
            bytes=sum(file.bytes for file in entry.files),
        )
        for table, entry in manifest.tables.items()
    ]
    fields = {field: getattr(manifest, field) for field in shared}
    return Overview(path=str(path), tables=sizes, **fields)


def _classes(con: duckdb.DuckDBPyConnection, kb: Kb, top: int) -> list[Top]:
    """Count the direct instances of each class."""
    if "types" not in kb.tables:
        return []
    counted = f"SELECT type AS eid, count(*) AS n FROM types GROUP BY type ORDER BY n DESC, type LIMIT {top}"
    return _named(con, kb, "entities", "eid", counted)


def _relations(con: duckdb.DuckDBPyConnection, kb: Kb, top: int) -> list[Top]:
    if "triples" not in kb.tables:
        return []
    counted = (
        "SELECT relation AS rid, count(*) AS n FROM triples GROUP BY relation"
        f" ORDER BY n DESC, relation LIMIT {top}"
    )
    return _named(con, kb, "relations", "rid", counted)


def _named(con: duckdb.DuckDBPyConnection, kb: Kb, table: str, key: str, counted: str) -> list[Top]:
    """Give numbers their ids and labels, where the table that has them is here (not in an overlay)."""
    names = f"SELECT {key}, id, label FROM {table} SEMI JOIN counted USING ({key})"
    if table not in kb.tables:
        names = f"SELECT {key}, '{key} ' || {key} AS id, NULL AS label FROM counted"
    found = ask(
        con,
        f"WITH counted AS MATERIALIZED ({counted}), names AS ({names})"
        f" SELECT id, label, n FROM counted JOIN names USING ({key}) ORDER BY n DESC, {key}",
    )
    return [Top(id=id_, label=label, count=count) for id_, label, count in found]


def _languages(con: duckdb.DuckDBPyConnection, kb: Kb) -> list[Top]:
    """Count the labels of each language."""
    if "labels" in kb.tables:
        counted = "SELECT lang, count(*) AS n FROM labels GROUP BY lang"
    elif "entities" in kb.tables:
        counted = "SELECT lang, count(*) AS n FROM entities WHERE label IS NOT NULL GROUP BY lang"
    else:
        return []
    found = ask(con, f"{counted} ORDER BY n DESC, lang")
    return [Top(id=lang or "?", label=None, count=count) for lang, count in found]


def sample(con: duckdb.DuckDBPyConnection, table: str, rows: int) -> Sample:
    """Return the first rows of a table."""
    columns = [row[0] for row in ask(con, f"DESCRIBE {name(table)}")]
    found = ask(con, f"SELECT * FROM {name(table)} LIMIT {rows}")
    return Sample(table=table, columns=columns, rows=[list(row) for row in found])


def _unfinished(path: Path) -> Unfinished:
    lock = path / "lock"
    if not (path / "plan").is_file() and not lock.is_file():
        raise ArtefactError(f"{path}: not a building site of kbtools (it has no plan)")
    files = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    out = str(path.with_name(path.name.removesuffix(".partial")))
    holder = lock.read_text().strip() if lock.is_file() else ""
    busy = lock.is_file() and _held(lock)
    return Unfinished(
        path=str(path),
        out=out,
        tasks=sum(1 for _ in (path / "done").glob("**/*.json")),
        bytes=sum(files),
        busy=busy,
        holder=holder,
        resume="being written; wait for it"
        if busy
        else f"run the command that makes {out} again: it goes on where it stopped; "
        "with --restart it begins anew",
    )


def _held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
