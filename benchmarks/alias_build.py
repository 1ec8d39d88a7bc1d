"""Measure `kbtools alias` on a made-up knowledge base, beside a plain script.

    python benchmarks/alias_build.py [--names 10000000] [--plain 1000000] [--workers 2] [--keep DIR] [--json]

The rate is rows of `surfaces` a second of wall time for the whole command, start to end; memory that of the
process tree, polled every 50 ms; bytes are those of the compiled look-up for each row; it is opened in a
fresh process. The plain script does less: it counts lower-cased names in a dictionary of dictionaries,
without forms, priors or tables, and keeps all in memory; it reads the first `--plain` rows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import make_names
import psutil
from ingest_wikidata import Record, header, measure

from kbtools.artefact import read
from kbtools.kb.reader import Kb

OPEN = """
import sys, time
from kbtools.alias.lookup import Alias
begun = time.perf_counter()
alias = Alias(sys.argv[1])
opened = time.perf_counter()
alias.lookup(["baden"])
print(opened - begun, time.perf_counter() - begun)
"""


def plain(kb: Path, rows: int) -> tuple[float, float]:
    """Count names as a plain script would; return the CPU seconds and the bytes a row it holds."""
    process = psutil.Process()
    before = process.memory_info().rss
    begun, done = time.process_time(), 0
    counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for batch in Kb(kb).scan("surfaces", ["text", "eid", "count"]):
        for text, eid, count in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            counts[text.lower()][eid] += count or 1
        done += batch.num_rows
        if done >= rows:
            break
    return time.process_time() - begun, (process.memory_info().rss - before) / done


def command(kb: Path, out: Path, workers: int) -> Record:
    """Measure the whole command."""
    line = [sys.executable, "-m", "kbtools.cli.main", "alias", str(kb), "--out", str(out)]
    mb = sum(path.stat().st_size for path in Kb(kb).files("surfaces")) / 1e6
    record = Record(f"kbtools alias -w {workers}", kb.name, mb, workers)
    return measure(record, [*line, "--workers", str(workers), "--quiet", "--overwrite", "--restart"], out)


def table(rows: int, less: int, plainly: tuple[float, float], record: Record, out: Path) -> Iterator[str]:
    """Yield the lines of the report."""
    if record.failed:
        yield f"FAILED {record.case}: {record.failed}"
        return
    made = read(out, "alias")
    size = sum(file.bytes for file in made.tables["lookup"].files)
    opened = subprocess.run(
        [sys.executable, "-c", OPEN, str(out)], capture_output=True, text=True, check=True
    )
    ready, first = (float(word) * 1000 for word in opened.stdout.split())
    rate = rows / record.wall
    stages = ", ".join(f"{name} {took:.1f} s" for name, took in made.resources["stages"].items())
    yield f"{record.case}: {rate / 1000:,.0f} thousand rows/s; {record.wall:.1f} s, {record.cpu:.1f} CPU s"
    yield f"  {stages}"
    yield f"  peak {record.largest_mb:,.0f} MB a process, {record.tree_mb:,.0f} MB the tree"
    yield f"  {made.tables['lookup'].rows:,} names; the look-up has {size / rows:.1f} bytes a row"
    yield f"  opened in {ready:.0f} ms; the first name looked up after {first:.0f} ms"
    seconds, held = plainly
    yield f"plain: {less / seconds / 1000:,.0f} thousand rows a CPU second, {held:.0f} bytes a row in memory"
    yield (
        f"kbtools / plain: {rows / record.cpu * seconds / less:.2f} times the rows a CPU second,"
        f" {size / rows / held:.2f} times the bytes"
    )


def main() -> int:
    """Read the command line; return 1 if a case failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--names", type=int, default=10_000_000, help="rows of surfaces")
    parser.add_argument("--plain", type=int, default=1_000_000, help="rows that the plain script reads")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="work here, keep the files, reuse the knowledge base")
    parser.add_argument("--json", action="store_true", help="print the record as one JSON document")
    args = parser.parse_args()
    about = header()
    with ExitStack() as stack:
        work = args.keep or Path(stack.enter_context(TemporaryDirectory(prefix="kbtools-bench-")))
        kb, out = work / f"names-{args.names}", work / "alias"
        if not kb.exists():
            make_names.write(kb, args.names)
        record = command(kb, out, args.workers)
        less = min(args.plain, args.names)
        lines = list(table(args.names, less, plain(kb, less), record, out))
    if args.json:
        print(json.dumps({**about, "record": asdict(record)}))
    else:
        print("; ".join(f"{name} {value}" for name, value in about.items()), *lines, sep="\n")
    return 1 if record.failed else 0


if __name__ == "__main__":
    sys.exit(main())
