"""Measure `kbtools ingest spo` and `cndbpedia` against a plain script with the csv module, in one run.

    python benchmarks/ingest_triples.py [--rows 2000000] [--workers 1] [--memory 3GB] [--json]

Every case is a process of its own, the start of the interpreter included; CPU seconds are user + system of it
and its children. The script numbers entities and relations in dicts and writes four columns to Parquet: no
sorting, no names, no links, no rejects, and it holds everything in memory.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ATTRIBUTES = {0: "中文名", 1: "别名", 2: "BaiduTAG"}


def make(path: Path, rows: int, markup: float | None) -> None:
    """Write triples as an encyclopedia has them: five lines an entity, few attributes, popular values.

    With a share of `markup` they are CN-DBpedia's: names, tags and linked values among them.
    """
    random = np.random.default_rng(0)
    entities = max(rows // 5, 1)
    heads = np.sort(random.integers(0, entities, rows)).tolist()
    relations = (random.zipf(1.3, rows) % 500).tolist()
    tails = (random.zipf(1.2, rows) % entities).tolist()
    draws = random.random((rows, 2)).tolist()
    with path.open("w", encoding="utf-8") as file:
        for at, (head, relation, tail) in enumerate(zip(heads, relations, tails, strict=True)):
            kind, link = draws[at]
            subject, attribute, value = f"实体名称{head}", f"属性{relation}", f"实体名称{tail}"
            if markup is not None:
                subject += "（消歧）" if head % 5 == 0 else ""
                attribute = ATTRIBUTES.get(int(kind * 10), attribute)
                value = f"分类{tail % 300}" if attribute == "BaiduTAG" else f"取值{tail}"
                if link < markup:
                    value = f"地处<a>实体名称{tail}</a>附近"
            file.write(f"{subject}\t{attribute}\t{value}\n")


def plain(path: Path, out: Path) -> None:
    """Read triples the obvious way."""
    entities: dict[str, int] = {}
    relations: dict[str, int] = {}
    columns: list[list[int]] = [[], [], []]
    with path.open(encoding="utf-8", newline="") as file:
        for head, relation, tail in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            columns[0].append(entities.setdefault(head.strip(), len(entities)))
            columns[1].append(relations.setdefault(relation.strip(), len(relations)))
            columns[2].append(entities.setdefault(tail.strip(), len(entities)))
    out.mkdir()
    arrays = [pa.array(column, pa.uint32()) for column in columns]
    pq.write_table(
        pa.table(arrays, ["head", "relation", "tail"]), out / "triples.parquet", compression="zstd"
    )
    pq.write_table(pa.table({"id": list(entities)}), out / "entities.parquet", compression="zstd")


def measure(command: list[str]) -> dict[str, float]:
    """Run a command; return its seconds by the clock and of the processor."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_seconds": cpu}


def run(case: str, path: Path, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one case."""
    if case == "plain":
        command = [sys.executable, __file__, "--plain", str(path), str(out)]
    else:
        program = str(Path(sys.executable).with_name("kbtools"))
        command = [program, "ingest", case, str(path), "--out", str(out), "--quiet"]
        command += ["--workers", str(options.workers), "--memory", options.memory]
    found: dict[str, Any] = {"case": case, "file": path.name, **measure(command)}
    found["rows_per_second"] = options.rows / found["seconds"]
    found["rows_per_cpu_second"] = options.rows / found["cpu_seconds"]
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--memory", default="3GB")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plain", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        plain(*options.plain)
        return
    results = []
    with TemporaryDirectory() as folder:
        files = [("spo", "spo", None), ("cndbpedia", "bare", 0.0), ("cndbpedia", "linked", 0.3)]
        for source, name, markup in files:
            path = Path(folder) / name
            make(path, options.rows, markup)
            base = run("plain", path, Path(folder) / f"{name}-plain", options)
            mine = run(source, path, Path(folder) / f"{name}-kb", options)
            mine["ratio"] = base["seconds"] / mine["seconds"]
            results += [base, mine]
    machine = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rows": options.rows,
        **{name: version(name) for name in ("kbtools", "pyarrow", "duckdb", "numpy")},
    }
    if options.json:
        print(json.dumps({"machine": machine, "results": results}))
        return
    print(" · ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"{'file':<8}{'case':<12}{'rows/s':>10}{'rows/cpu-s':>12}{'x plain':>9}")
    for row in results:
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        rates = f"{row['rows_per_second']:>10,.0f}{row['rows_per_cpu_second']:>12,.0f}"
        print(f"{row['file']:<8}{row['case']:<12}{rates}{ratio:>9}")


if __name__ == "__main__":
    main()
