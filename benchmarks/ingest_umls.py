"""Measure `kbtools ingest umls` on a made-up release.

    python benchmarks/ingest_umls.py [--rows 5000000] [--workers 1] [--keep DIR] [--json]

Rows are those of MRCONSO; the rate of the reader counts only the time in which its tasks ran on MRCONSO in
one process, that of the whole command everything, to the last table. Memory is that of the process tree and
of its largest member, polled every 50 ms. See make_umls.py for what else the release holds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import make_umls
import msgspec
from ingest_wikidata import Record, header, measure

from kbtools.io import Dump
from kbtools.sources.umls import SOURCE, Settings
from kbtools.sources.umls.read import decode

EVERYTHING = ("--langs", "all", "--suppress", "none")
PIECE = 64 << 20


def reader(folder: Path, work: Path, **settings: object) -> float:
    """Return the CPU seconds that one process takes to stage MRCONSO."""
    feed = SOURCE.plan([str(folder)], Settings(**settings)).feeds[0]  # type: ignore[arg-type]
    begun = time.process_time()
    for piece in Dump(feed.paths[0]).pieces(work, size=PIECE, skip=lambda _: False):
        decode(work, piece=msgspec.to_builtins(piece), part="mrconso.part", **feed.args)
    return time.process_time() - begun


def command(folder: Path, out: Path, workers: int, *options: str) -> Record:
    """Measure the whole command."""
    mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    line = [sys.executable, "-m", "kbtools.cli.main", "ingest", "umls", str(folder), "--out", str(out)]
    case = " ".join([f"kbtools -w {workers}", *options])
    record = measure(
        Record(case, folder.name, mb, workers), [*line, "--workers", str(workers), *options], out
    )
    if (manifest := out / "manifest.json").exists():
        found = json.loads(manifest.read_text()).get("resources", {}).get("stages", {})
        record.stages = {name: seconds for name, seconds in found.items() if isinstance(seconds, int | float)}
    return record


def table(rows: int, seconds: float, records: list[Record]) -> Iterator[str]:
    """Yield the lines of the report."""
    yield f"reader: {rows / seconds / 1000:,.0f} thousand rows of MRCONSO a CPU second"
    for r in records:
        if r.failed:
            yield f"FAILED {r.case}: {r.failed}"
            continue
        rate = f"{rows / r.wall / 1000:.0f} thousand rows/s, {r.wall:.1f} s, {r.cpu:.1f} CPU s"
        stages = ", ".join(f"{name} {took:.1f} s" for name, took in r.stages.items())
        yield f"{r.case}: {rate} ({stages}); peak {r.largest_mb:.0f} MB, tree {r.tree_mb:.0f} MB"


def main() -> int:
    """Read the command line; return 1 if a case failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of MRCONSO")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="work here, keep the files, reuse the release")
    parser.add_argument("--json", action="store_true", help="print the records as one JSON document")
    args = parser.parse_args()
    about = header()
    with ExitStack() as stack:
        work = args.keep or Path(stack.enter_context(TemporaryDirectory(prefix="kbtools-bench-")))
        folder = work / f"umls-{args.rows}"
        if not folder.exists():
            print("making the release ...", file=sys.stderr)
            make_umls.make(folder, args.rows, 1)
        seconds = reader(folder, work, langs=("all",), suppress=("none",))
        records = [command(folder, work / "out", args.workers)]
        records.append(command(folder, work / "out-all", args.workers, *EVERYTHING))
    if args.json:
        print(json.dumps({**about, "reader_s": seconds, "records": [asdict(r) for r in records]}))
    else:
        lines = table(args.rows, seconds, records)
        print("; ".join(f"{name} {value}" for name, value in about.items()), *lines, sep="\n")
    return any(r.failed for r in records)


if __name__ == "__main__":
    sys.exit(main())
