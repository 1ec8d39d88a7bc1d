"""The obvious way to turn a Wikidata dump into tables, as research scripts do it: the side-by-side baseline.

    python benchmarks/naive_wikidata.py dump.json.gz out/

One process; `json.loads` on each line; a dict for each row; Parquet every 50,000 rows. It does less than
`kbtools ingest wikidata`: no dense ids, no qualifiers, no classes, no best rank, no sorting, no redirects.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 50_000
TERMS = pa.schema([(name, pa.string()) for name in ("id", "lang", "text")])
SCHEMAS = {
    "labels": TERMS,
    "descriptions": TERMS,
    "aliases": TERMS,
    "triples": pa.schema([(name, pa.string()) for name in ("head", "relation", "tail")]),
    "literals": pa.schema([(name, pa.string()) for name in ("head", "relation", "datatype", "value")]),
}


class Tables:
    """Lists of rows, written out when they are long."""

    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
        self.files = {name: pq.ParquetWriter(out / f"{name}.parquet", SCHEMAS[name]) for name in SCHEMAS}

    def add(self, name: str, row: dict[str, Any]) -> None:
        """Keep a row; write when there are enough."""
        self.rows[name].append(row)
        if len(self.rows[name]) >= ROWS:
            self.flush(name)

    def flush(self, name: str) -> None:
        """Write the rows of one table."""
        self.files[name].write_table(pa.Table.from_pylist(self.rows[name], SCHEMAS[name]))
        self.rows[name] = []

    def close(self) -> None:
        """Write what is left."""
        for name, file in self.files.items():
            self.flush(name)
            file.close()


def add_entity(entity: dict[str, Any], langs: set[str], tables: Tables) -> None:
    """Turn one entity into rows."""
    id_ = entity["id"]
    for name in ("labels", "descriptions"):
        for lang, term in (entity.get(name) or {}).items():
            if lang in langs:
                tables.add(name, {"id": id_, "lang": lang, "text": term["value"]})
    for lang, terms in (entity.get("aliases") or {}).items():
        for term in terms if lang in langs else []:
            tables.add("aliases", {"id": id_, "lang": lang, "text": term["value"]})
    for relation, statements in (entity.get("claims") or {}).items():
        for statement in statements:
            snak = statement["mainsnak"]
            if statement["rank"] == "deprecated" or snak["snaktype"] != "value":
                continue
            value = snak["datavalue"]["value"]
            row = {"head": id_, "relation": relation}
            if snak["datatype"] == "wikibase-item":
                tables.add("triples", row | {"tail": value["id"]})
            else:
                text = value if isinstance(value, str) else json.dumps(value)
                tables.add("literals", row | {"datatype": snak["datatype"], "value": text})


def convert(dump: Path, out: Path, langs: set[str]) -> None:
    """Convert a .json.gz dump."""
    tables = Tables(out)
    with gzip.open(dump, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("{"):
                add_entity(json.loads(line.rstrip().rstrip(",")), langs, tables)
    tables.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dump", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--langs", default="en,zh")
    args = parser.parse_args()
    convert(args.dump, args.out, set(args.langs.split(",")))
