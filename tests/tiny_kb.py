"""Small knowledge bases, written row by row, whose every count can be checked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools import artefact
from kbtools.kb.schema import TABLES
from kbtools.kb.schema_digest import schema_digest

Rows = list[dict[str, Any]]

IDS = ["Q5", "Q42", "Q1", "Q64", "Q183", "Q515"]
LABELS = ["human", "Douglas Adams", "universe", "柏林", "Germany", None]


def entity(eid: int, id_: str, label: str | None, *, lang: str | None = "en", **more: Any) -> dict[str, Any]:
    zero = {"sitelinks": 0, "in_degree": 0, "out_degree": 0, "freq": 0, "flags": 0, "description": None}
    return {"eid": eid, "id": id_, "kind": "item", "label": label, "lang": lang, **zero, **more}


def triple(
    head: int, relation: int, tail: int, statement: int, *, rank: int = 0, best: bool = True
) -> dict[str, Any]:
    return {
        "head": head,
        "relation": relation,
        "tail": tail,
        "rank": rank,
        "best": best,
        "statement": statement,
    }


def world() -> dict[str, Rows]:
    """Six entities, three relations, five triples, one literal."""
    degrees = [(2, 0), (0, 3), (0, 0), (0, 2), (2, 0), (1, 0)]  # in, out
    entities = [
        entity(eid, id_, label, in_degree=ends[0], out_degree=ends[1])
        for eid, (id_, label, ends) in enumerate(zip(IDS, LABELS, degrees, strict=True))
    ]
    entities[3]["lang"], entities[5]["lang"] = "zh", None
    return {
        "entities": entities,
        "labels": [
            {"eid": 0, "lang": "en", "text": "human"},
            {"eid": 1, "lang": "en", "text": "Douglas Adams"},
            {"eid": 2, "lang": "en", "text": "universe"},
            {"eid": 3, "lang": "zh", "text": "柏林"},
            {"eid": 4, "lang": "en", "text": "Germany"},
        ],
        "relations": [
            {"rid": 0, "id": "P31", "label": "instance of"},
            {"rid": 1, "id": "P17", "label": "country"},
            {"rid": 2, "id": "P569", "label": "date of birth"},
        ],
        "triples": [
            triple(1, 0, 0, 1, rank=0, best=False),
            triple(1, 0, 0, 0, rank=1),
            triple(1, 1, 4, 2, rank=-1, best=False),
            triple(3, 0, 5, 4),
            triple(3, 1, 4, 5),
        ],
        "literals": [
            {
                "head": 1, "relation": 2, "datatype": "time", "value": "1952-03-11", "precision": 11,
                "calendar": "gregorian", "rank": 0, "best": True, "statement": 3,
            }
        ],
        "qualifiers": [{"statement": 5, "relation": 1, "tail": 4, "ord": 0}],
        "types": [{"eid": 1, "type": 0}, {"eid": 3, "type": 5}],
        "redirects": [{"from_id": "Q999", "to_eid": 1, "kind": "merge"}],
        "rejects": [],
    }  # fmt: skip


def write(
    out: Path, tables: dict[str, Rows], *, files: int = 1, overwrite: bool = False, **fields: Any
) -> Path:
    """Write a knowledge base of these rows, each table in `files` files; rows are taken as they come."""
    fields.setdefault("name", "tiny")
    with artefact.Staging(out, artefact.plan("tiny", {}, []), overwrite=overwrite) as staging:
        entries = {name: _write_table(staging.new, name, rows, files) for name, rows in tables.items()}
        staging.commit(msgspec.structs.replace(artefact.begin("kb", **fields), tables=entries))
    return out


def _write_table(folder: Path, name: str, rows: Rows, files: int) -> artefact.Table:
    schema = TABLES[name].schema
    (folder / name).mkdir()
    step = max(1, -(-len(rows) // files))
    entries = []
    for number, at in enumerate(range(0, max(len(rows), 1), step)):
        path = f"{name}/{number:05}.parquet"
        pq.write_table(_table(rows[at : at + step], schema), folder / path)
        entries.append(artefact.entry(folder, path))
    return artefact.Table(rows=len(rows), files=entries, schema=schema_digest(schema))


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    plain = [{name: row.get(name) for name in schema.names} for row in rows]
    return pa.Table.from_pylist(plain, schema=schema)


def edit_manifest(kb: Path, **changes: Any) -> None:
    """Overwrite fields of a manifest, as damage or another release would."""
    path = kb / "manifest.json"
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), **changes}))
