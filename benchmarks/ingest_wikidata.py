"""Measure `kbtools ingest wikidata` against the obvious script and against the limit, in one run.

    python benchmarks/ingest_wikidata.py [--mb 300] [--workers 2] [--long] [--keep DIR] [--json]

Every case is a subprocess. Its process tree is polled every 50 ms for resident memory (shared pages count in
each process; a shorter peak is missed); CPU seconds are user + system of the whole tree. MB are 10^6 bytes of
JSON, also for the .gz. The limit is what one process needs to decompress the same file and to decode just the
fields that the tables need, with nothing done to them; several workers may go beyond it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Event, Thread

import make_wikidata_dump
import msgspec
import naive_wikidata
import psutil
from isal import igzip

LANGS = ("en", "zh")
LIBRARIES = ("kbtools", "msgspec", "isal", "pyarrow", "numpy", "duckdb")


# The fields of a dump that the tables need, for LANGS. PHP writes an empty map as a list.


class _Term(msgspec.Struct):
    value: str


class _Terms(msgspec.Struct):
    en: _Term | None = None
    zh: _Term | None = None


class _Aliases(msgspec.Struct):
    en: list[_Term] = []
    zh: list[_Term] = []


class _Value(msgspec.Struct):  # the fields of all data values that are not plain strings
    id: str = ""
    time: str = ""
    precision: float | None = None
    calendarmodel: str = ""
    amount: str = ""
    unit: str = ""
    text: str = ""
    language: str = ""
    latitude: float = 0.0
    longitude: float = 0.0


class _DataValue(msgspec.Struct):
    value: str | _Value


class _Snak(msgspec.Struct):
    snaktype: str
    datatype: str = ""
    datavalue: _DataValue | None = None


class _Statement(msgspec.Struct, rename={"order": "qualifiers-order"}):  # references are left out
    mainsnak: _Snak
    rank: str
    qualifiers: dict[str, list[_Snak]] = {}
    order: list[str] = []


class _Sitelink(msgspec.Struct):
    title: str


class _Entity(msgspec.Struct):
    id: str
    type: str
    labels: _Terms | list[None] | None = None
    descriptions: _Terms | list[None] | None = None
    aliases: _Aliases | list[None] | None = None
    claims: dict[str, list[_Statement]] | list[None] = {}
    sitelinks: dict[str, _Sitelink] | list[None] = {}


def chunks(dump: Path) -> Iterator[bytes]:
    """Yield the JSON of a dump in pieces."""
    with igzip.open(dump) if dump.suffix == ".gz" else dump.open("rb") as file:
        while chunk := file.read(4 << 20):
            yield chunk


def decode(dump: Path) -> None:
    """Decode every entity and forget it."""
    decoder = msgspec.json.Decoder(_Entity)
    rest = b""
    for chunk in chunks(dump):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"{"):
                decoder.decode(line.rstrip(b","))


IN_A_PROCESS = {  # the cases that this file runs itself, as `--case NAME DUMP OUT`
    "decompress": lambda dump, out: sum(map(len, chunks(dump))),
    "limit": lambda dump, out: decode(dump),
    "naive": lambda dump, out: naive_wikidata.convert(dump, out, set(LANGS)),
}


@dataclass
class Record:
    """One measured case."""

    case: str
    file: str
    mb: float
    workers: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    largest_mb: float = 0.0
    tree_mb: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    x_naive: float | None = None
    x_limit: float | None = None
    failed: str = ""

    @property
    def speed(self) -> float:
        """MB of JSON per second."""
        return self.mb / self.wall

    @property
    def finish_share(self) -> float | None:
        """The part of all stage seconds that comes after decoding."""
        total = sum(self.stages.values())
        return self.stages.get("finish", 0.0) / total if total else None


def watch(pid: int, done: Event, record: Record) -> None:
    """Note the memory of a process tree until `done`."""
    root, peaks = psutil.Process(pid), defaultdict(float)
    while not done.wait(0.05):
        total = 0.0
        with suppress(psutil.Error):  # ended since
            for member in [root, *root.children(recursive=True)]:
                with suppress(psutil.Error):
                    rss = member.memory_info().rss / 1e6
                    total += rss
                    peaks[member.pid] = max(peaks[member.pid], rss)
        record.tree_mb = max(record.tree_mb, total)
        record.largest_mb = max(peaks.values(), default=0.0)


def measure(record: Record, command: list[str], out: Path) -> Record:
    """Run a command that writes `out` and fill in the record."""
    for old in (out, out.with_name(out.name + ".partial")):  # what is half done would be resumed
        shutil.rmtree(old, ignore_errors=True)
    done, before = Event(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with TemporaryFile() as errors:
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors) as process:
            watcher = Thread(target=watch, args=(process.pid, done, record))
            watcher.start()
            process.wait()
            record.wall = time.perf_counter() - start
            done.set()
            watcher.join()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        record.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if process.returncode:
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            record.failed = f"exit {process.returncode}: {last[:200]}"
    return record


def kbtools_case(dump: Path, mb: float, out: Path, workers: int, *options: str) -> Record:
    """Measure `kbtools ingest wikidata`."""
    command = [sys.executable, "-m", "kbtools.cli.main", "ingest", "wikidata", str(dump), "--out", str(out)]
    command += ["--langs", ",".join(LANGS), "--workers", str(workers), *options]
    case = " ".join([f"kbtools -w {workers}", *(options or ["full"])])
    record = measure(Record(case, dump.name, mb, workers), command, out)
    if (manifest := out / "manifest.json").exists():
        found = json.loads(manifest.read_text()).get("resources", {}).get("stages", {})
        record.stages = {name: seconds for name, seconds in found.items() if isinstance(seconds, int | float)}
    return record


def cases(folder: Path, mb: int, workers: int, long: bool) -> Iterator[Record]:
    """Make the dumps that are not in `folder` yet, and measure."""
    dump, plain, big = folder / f"{mb}.json.gz", folder / f"{mb}.json", folder / f"{4 * mb}.json.gz"
    for size, paths in ((mb, [plain, dump]), (4 * mb, [big])):
        if (long or size == mb) and not all(path.exists() for path in paths):
            print(f"making {', '.join(path.name for path in paths)} ...", file=sys.stderr)
            make_wikidata_dump.make(size * 1_000_000, 1, paths)
    exact = plain.stat().st_size / 1e6
    for case in IN_A_PROCESS:
        out = folder / f"out-{case}"
        command = [sys.executable, __file__, "--case", case, str(dump), str(out)]
        yield measure(Record(case, dump.name, exact), command, out)
    yield kbtools_case(dump, exact, folder / "out-full", workers)
    if workers != 1:
        yield kbtools_case(dump, exact, folder / "out-one", 1)
    yield kbtools_case(dump, exact, folder / "out-lean", workers, "--no-qualifiers", "--no-literals")
    yield kbtools_case(plain, exact, folder / "out-plain", workers)
    if long:
        yield kbtools_case(big, sum(map(len, chunks(big))) / 1e6, folder / "out-long", workers)


def header() -> dict[str, str]:
    """Say when and on what this ran."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cpu": (models or [platform.processor() or platform.machine()])[0],
        "cores": f"{os.cpu_count()}, load {os.getloadavg()[0]:.1f} at the start",
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }


def table(records: list[Record]) -> Iterator[str]:
    """Yield the lines of the report."""
    rows = [["case", "file", "s", "MB/s", "MB/cpu-s", "peak MB", "tree MB", "x naive", "x limit", "finish"]]
    for r in records:
        ratios = [f"{x:.2f}" if x else "-" for x in (r.x_naive, r.x_limit)]
        share = "-" if r.finish_share is None else f"{r.finish_share:.0%}"
        speeds = [f"{r.wall:.1f}", f"{r.speed:.0f}", f"{r.mb / max(r.cpu, 0.01):.0f}"]
        measured = [*speeds, f"{r.largest_mb:.0f}", f"{r.tree_mb:.0f}", *ratios, share]
        rows.append([r.case, r.file, *(["-"] * 8 if r.failed else measured)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        pairs = list(zip(row, widths, strict=True))
        yield "  ".join([c.ljust(w) for c, w in pairs[:2]] + [c.rjust(w) for c, w in pairs[2:]]).rstrip()
    yield ""
    full = [r for r in records if r.case.endswith(" full") and not r.failed]
    for r in full[1:]:
        first = full[0]
        if r.workers == 1 and r.file == first.file:
            yield f"scaling, 1 to {first.workers} workers: {r.wall / first.wall:.2f}"
        if r.mb > 2 * first.mb:
            peaks = r.largest_mb / first.largest_mb
            yield f"{r.mb / first.mb:.1f} times the JSON, {peaks:.2f} times the peak memory"
    yield from (f"FAILED {r.case} {r.file}: {r.failed}" for r in records if r.failed)


def main() -> int:
    """Read the command line; return 1 if a case failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mb", type=int, default=300, help="MB of JSON in the dump")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--long", action="store_true", help="add a dump four times as big")
    parser.add_argument("--keep", type=Path, help="work here, keep the files, reuse the dumps")
    parser.add_argument("--json", action="store_true", help="print the records as one JSON document")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        IN_A_PROCESS[args.case[0]](Path(args.case[1]), Path(args.case[2]))
        return 0
    about = header()
    with ExitStack() as stack:
        folder = args.keep or Path(stack.enter_context(TemporaryDirectory(prefix="kbtools-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        records: list[Record] = []
        for record in cases(folder, args.mb, args.workers, args.long):
            records.append(record)
            print(f"{record.case} {record.file}: {record.failed or f'{record.wall:.1f} s'}", file=sys.stderr)
    for base in [r for r in records if not r.failed and r.case in {"naive", "limit"}]:
        for record in records:
            setattr(record, f"x_{base.case}", None if record.failed else record.speed / base.speed)
    if args.json:
        rows = [{**asdict(r), "mb_per_s": r.speed, "finish_share": r.finish_share} for r in records]
        print(json.dumps({**about, "records": rows}))
    else:
        print("; ".join(f"{name} {value}" for name, value in about.items()), *table(records), sep="\n")
    return any(r.failed for r in records)


if __name__ == "__main__":
    sys.exit(main())
