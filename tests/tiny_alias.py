"""A small knowledge base of names and the alias table of it, whose every prior can be checked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools import api, artefact
from kbtools.alias.schema import TABLES
from kbtools.kb.schema import STR
from tests import tiny_kb


def name(eid: int, text: str, source: str = "label", count: int | None = None) -> dict[str, Any]:
    return {"eid": eid, "text": text, "lang": "en", "source": source, "count": count}


NAMES = [
    name(0, "NATO"), name(0, "NATO", "anchor", 8), name(0, "Nato", "anchor", 1),
    name(1, "Nato", "anchor", 4), name(1, "Nato", "alias"),
    name(2, "nató", "title"), name(2, "N.A.T.O.", "anchor", 1),
    name(3, "柏林"), name(4, "Germany"), name(4, "Germany", "anchor", 5),
]  # fmt: skip


def kb(out: Path, names: list[dict[str, Any]] = NAMES, **fields: Any) -> Path:
    rows = sorted(names, key=lambda row: row["text"].encode())
    return tiny_kb.write(out, tiny_kb.world() | {"surfaces": rows}, **fields)


def build(folder: Path, names: list[dict[str, Any]] = NAMES, **settings: Any) -> Path:
    """Write a knowledge base of these names at `folder`/kb and its table at `folder`/alias."""
    api.build_alias([kb(folder / "kb", names)], folder / "alias", **settings)
    return folder / "alias"


def change(alias: Path, table: str, **columns: Any) -> None:
    """Write a table anew with columns changed by functions of their values, and a manifest that fits."""
    rows = pq.read_table(alias / table / "00000.parquet", schema=TABLES[table].schema)
    for column, make in columns.items():
        values = pa.array(make(rows[column].to_pylist()), rows.schema.field(column).type)
        rows = rows.set_column(rows.schema.get_field_index(column), rows.schema.field(column), values)
    store(alias, table, rows)


def store(alias: Path, table: str, rows: pa.Table) -> None:
    """Replace the rows of a table, and say so in the manifest."""
    pq.write_table(rows.cast(TABLES[table].schema), alias / table / "00000.parquet")
    manifest = artefact.read(alias)
    entry = artefact.entry(alias, f"{table}/00000.parquet")
    changed = artefact.Table(rows=rows.num_rows, files=[entry], schema=manifest.tables[table].schema)
    seal(alias, {**manifest.tables, table: changed})


def reseal(alias: Path, table: str) -> None:
    """Say in the manifest what the files of a table are now."""
    manifest = artefact.read(alias)
    was = manifest.tables[table]
    entries = [artefact.entry(alias, file.path) for file in was.files]
    seal(alias, {**manifest.tables, table: msgspec.structs.replace(was, files=entries)})


def seal(alias: Path, tables: dict[str, artefact.Table]) -> None:
    manifest = msgspec.structs.replace(artefact.read(alias), tables=tables)
    tiny_kb.edit_manifest(alias, tables=msgspec.to_builtins(tables), content=manifest.digest())


__all__ = ["NAMES", "STR", "build", "change", "kb", "name", "reseal", "seal", "store"]
