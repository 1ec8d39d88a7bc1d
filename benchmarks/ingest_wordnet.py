"""Measure `kbtools ingest wordnet` on a whole release: seconds end to end, and peak memory.

    python benchmarks/ingest_wordnet.py DICT [--workers 1 2] [--runs 3] [--json]

DICT is the dict folder of a release. Every run is a subprocess, its start included; of each case the fastest
run counts. `lines` is what a script needs that only splits the lines of the data files, for scale.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest_wikidata import Record, header, measure

LIMIT = 6.0  # seconds, for the 117,659 synsets of 3.0
LINES = """
import sys
from pathlib import Path
for path in Path(sys.argv[1]).glob("data.*"):
    synsets = [line.split() for line in path.read_text().splitlines() if line[0] != " "]
"""


def cases(dump: Path, folder: Path, workers: list[int], runs: int) -> list[Record]:
    """Measure each case `runs` times and keep the fastest."""
    size = sum(path.stat().st_size for path in dump.iterdir()) / 1e6
    program = [sys.executable, "-m", "kbtools.cli.main", "ingest", "wordnet", str(dump)]
    out = folder / "kb"
    best = []
    for number in [0, *workers]:
        command = [*program, "--out", str(out), "--workers", str(number), "--quiet"]
        case = f"kbtools -w {number}" if number else "lines"
        made = []
        for _ in range(runs):
            record = Record(case, dump.name, size, number)
            made.append(measure(record, command if number else [sys.executable, "-c", LINES, str(dump)], out))
            if (manifest := out / "manifest.json").exists():
                record.stages = json.loads(manifest.read_text())["resources"]["stages"]
            shutil.rmtree(out, ignore_errors=True)
        best.append(min(made, key=lambda record: (bool(record.failed), record.wall)))
    return best


def main() -> int:
    """Read the command line; return 1 if a case failed or takes too long."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dump", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the records as one JSON document")
    args = parser.parse_args()
    about = header()
    with TemporaryDirectory(prefix="kbtools-bench-") as folder:
        records = cases(args.dump, Path(folder), args.workers, args.runs)
    if args.json:
        print(json.dumps({**about, "records": [asdict(record) for record in records]}))
    else:
        print("; ".join(f"{name} {value}" for name, value in about.items()))
        for record in records:
            parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in record.stages.items())
            found = (
                record.failed
                or f"{record.wall:.2f} s, {record.cpu:.2f} s of CPU, peak {record.tree_mb:.0f} MB"
            )
            print(f"{record.case:<14} {found}  {parts}")
        print(f"load at the end {os.getloadavg()[0]:.1f}; at most {LIMIT} s are allowed")
    return any(record.failed or record.wall > LIMIT for record in records)


if __name__ == "__main__":
    sys.exit(main())
