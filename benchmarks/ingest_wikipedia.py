"""Measure `kbtools ingest wikipedia` beside wikipedia2vec's and WikiExtractor's readers, in one run.

    python benchmarks/ingest_wikipedia.py --from ARTICLES [--mb 100] [--workers 2] [--peers PYTHON]
    python benchmarks/ingest_wikipedia.py --dump DUMP [--peers PYTHON] [--keep DIR] [--json]

A dump is measured as it is, or made of the articles of another one (any container): their pages over and over
until there are `--mb` of XML, plain and as .bz2 of 100 pages a stream. Every copy has titles and ids of its
own, and its links and redirects lead to pages of the same copy.

Every case is a process of its own, with its start, from the dump to what it leaves on disk:

    kbtools          all of a knowledge base: text, sections, links with offsets, names, categories, Parquet
    wikipedia2vec    build-dump-db: paragraphs with links and offsets, pickled, in LMDB; only from .bz2
    WikiExtractor    text with links as <a href>, no offsets, no templates; redirects are left out

Peers are looked for in the Python given by --peers: pip install wikipedia2vec wikiextractor. They get one
worker each, but a process beside it reads and another may write: what one core does is MB/cpu-s. MB are 10^6
bytes of XML, also for the .bz2. Memory as in ingest_wikidata.py.
"""

from __future__ import annotations

import argparse
import bz2
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest_wikidata import Record, header, measure

from kbtools.io import open_stream

PAGES_IN_STREAM = 100
PAGE = re.compile(rb" *<page>.*?</page>\n?", re.DOTALL)
PEERS = {
    "wikipedia2vec": (
        "from wikipedia2vec.cli import cli; cli()",
        "build-dump-db {dump} {out} --pool-size 1",
    ),
    "wikiextractor": (
        "from wikiextractor.WikiExtractor import main; main()",
        "{dump} -o {out} --links --no-templates --processes 1 -q",
    ),
}
_TITLE = re.compile(rb"(<title>[^<]*|<redirect title=\"[^\"]*|\[\[[^\[\]|#{}\n:&<>]+)(?=[<\"|#]|\]\])")
_ID = re.compile(rb"<id>\d*</id>")


def copies(articles: bytes, size: int) -> Iterator[bytes]:
    """Yield `size` bytes of pages: those of a dump, and copies of them under other titles."""
    pages = PAGE.findall(articles)
    if not pages:
        sys.exit("no pages in --from: give a pages-articles dump")
    written = 0
    number = count(1)
    for copy in count(1):
        for page in pages:
            if written >= size:
                return
            other = page if copy == 1 else _TITLE.sub(rb"\1 %d" % copy, page)
            other = _ID.sub(b"<id>%d</id>" % next(number), other, count=1)
            written += len(other)
            yield other


def make(source: str, size: int, plain: Path, packed: Path) -> None:
    """Write the dump, plain and as multistream .bz2."""
    with open_stream(source) as stream:
        articles = b"".join(stream.chunks())
    head = articles[: articles.find(b"<page>")].rstrip(b" ")
    with plain.open("wb") as one, packed.open("wb") as other:

        def write(data: bytes) -> None:
            one.write(data)
            other.write(bz2.compress(data))

        write(head)
        gathered: list[bytes] = []
        for page in copies(articles, size):
            gathered.append(page)
            if len(gathered) == PAGES_IN_STREAM:
                write(b"".join(gathered))
                gathered.clear()
        write(b"".join(gathered) + b"</mediawiki>\n")


def kbtools_case(dump: Path, mb: float, out: Path, workers: int) -> Record:
    """Measure `kbtools ingest wikipedia`."""
    command = [sys.executable, "-m", "kbtools.cli.main", "ingest", "wikipedia", str(dump), "--out", str(out)]
    command += ["--workers", str(workers), "--max-rejects", "none", "--quiet"]
    case = f"kbtools, {workers} worker" + "s" * (workers > 1)
    record = measure(Record(case, dump.name, mb, workers), command, out)
    if (manifest := out / "manifest.json").exists():
        found = json.loads(manifest.read_text()).get("resources", {}).get("stages", {})
        record.stages = {name: seconds for name, seconds in found.items() if isinstance(seconds, int | float)}
    return record


def peer_case(peer: str, python: str, dump: Path, mb: float, out: Path) -> Record:
    """Measure what others make of the dump."""
    if out.is_file():
        out.unlink()
    code, arguments = PEERS[peer]
    filled = [part.format(dump=dump.absolute(), out=out.absolute()) for part in arguments.split()]
    record = measure(Record(peer, dump.name, mb, 1), [python, "-c", code, *filled], out)
    if not record.failed and not out.exists():
        record.failed = "it has written nothing"
    return record


def version_of(python: str, peer: str) -> str | None:
    """Return a peer's version, None if it cannot be imported there."""
    code = f"import {peer}; from importlib.metadata import version; print(version({peer!r}))"
    try:
        asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return asked.stdout.split()[-1]


def cases(dumps: list[Path], mb: float, folder: Path, args: argparse.Namespace) -> Iterator[Record]:
    """Measure each program on each dump that it can read."""
    for dump in dumps:
        for workers in sorted({1, args.workers}):
            yield kbtools_case(dump, mb, folder / f"kb-{workers}", workers)
        for peer in PEERS if args.peers else ():
            if version_of(args.peers, peer) and (peer != "wikipedia2vec" or dump.suffix == ".bz2"):
                yield peer_case(peer, args.peers, dump, mb, folder / f"out-{peer}")


def table(records: list[Record]) -> Iterator[str]:
    """Yield the lines of the report, in Markdown; ratios are those of MB/cpu-s and of the largest process."""
    yield "| case | file | s | MB/s | MB/cpu-s | peak MB | tree MB | x slower | finish |"
    yield "|---|---|---|---|---|---|---|---|---|"
    base = {r.file: r for r in records if r.case == "kbtools, 1 worker" and not r.failed}
    for r in records:
        if r.failed:
            continue
        first = base.get(r.file)
        slower = f"{r.cpu / first.cpu:.1f}" if first else "-"
        share = "" if r.finish_share is None else f"{r.finish_share:.0%}"
        memory = [f"{r.largest_mb:.0f}", f"{r.tree_mb:.0f}"]
        speed = [f"{r.wall:.1f}", f"{r.speed:.1f}", f"{r.mb / max(r.cpu, 0.01):.1f}"]
        yield f"| {' | '.join([r.case, r.file, *speed, *memory, slower, share])} |"
    yield from (f"FAILED {r.case} {r.file}: {r.failed}" for r in records if r.failed)


def main() -> int:
    """Read the command line; return 1 if a case failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--from", dest="source", metavar="ARTICLES", help="make the dump of these pages")
    given.add_argument("--dump", type=Path, help="measure this dump")
    parser.add_argument("--mb", type=int, default=100, help="MB of XML in the dump that is made")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", metavar="PYTHON", help="the Python that has the peers")
    parser.add_argument("--keep", type=Path, help="work here, keep the files, reuse the dumps")
    parser.add_argument("--json", action="store_true", help="print the records as one JSON document")
    args = parser.parse_args()
    about = header()
    with ExitStack() as stack:
        folder = args.keep or Path(stack.enter_context(TemporaryDirectory(prefix="kbtools-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        for peer in PEERS:
            found = version_of(args.peers, peer) if args.peers else None
            about[peer] = found or "not there"
        dumps = [args.dump] if args.dump else [folder / f"{args.mb}.xml", folder / f"{args.mb}.xml.bz2"]
        if args.source and not all(dump.exists() for dump in dumps):
            print(f"making {' and '.join(dump.name for dump in dumps)} ...", file=sys.stderr)
            make(args.source, args.mb * 1_000_000, *dumps)
        with open_stream(str(dumps[0])) as stream:
            mb = sum(map(len, stream.chunks())) / 1e6
        records = []
        for record in cases(dumps, mb, folder, args):
            records.append(record)
            print(f"{record.case} {record.file}: {record.failed or f'{record.wall:.1f} s'}", file=sys.stderr)
    if args.json:
        rows = [{**asdict(r), "mb_per_s": r.speed, "finish_share": r.finish_share} for r in records]
        print(json.dumps({**about, "records": rows}))
    else:
        print("; ".join(f"{name} {value}" for name, value in about.items()), *table(records), sep="\n")
    return any(r.failed for r in records)


if __name__ == "__main__":
    sys.exit(main())
