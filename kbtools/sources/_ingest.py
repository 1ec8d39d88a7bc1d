"""From a dump to a knowledge base: plan, read in parallel, finish, publish. The same for every source."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from kbtools import config
from kbtools.artefact import (
    Done,
    Input,
    Manifest,
    Staging,
    Task,
    begin,
    digest,
    finished,
    manifest,
    unite,
)
from kbtools.errors import ConfigError
from kbtools.executors import Pool, pool
from kbtools.io import Dump, Piece
from kbtools.io.inputs import Input as Opened
from kbtools.io.inputs import is_url, local
from kbtools.kb import finish, predecessor
from kbtools.kb.numbering import KEEP
from kbtools.kb.parts import Part, Parts
from kbtools.progress import Progress
from kbtools.sources.base import Source

SMALLEST, LARGEST = 16 << 20, 256 << 20  # bytes of JSON in a piece
PIECES = 256  # that a dump is cut into, within these bounds
DEFAULT_MEMORY = 512 << 20  # a worker: DuckDB and Arrow need about as much again
EXTRA = "work/parts/extra.part"
PRELOAD = ("numpy", "pyarrow", "pyarrow.compute", "kbtools.kb.finish")
CONTAINERS = {".gz", ".bz2", ".zst", ".xz"}
_NAME = re.compile("[a-z0-9-]+")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to build, as opposed to what: none of this changes the result."""

    workers: int = 1
    engine: str = "local"
    memory: int | None = None  # bytes that all workers together may use for sorting
    overwrite: bool = False
    restart: bool = False
    quiet: bool = False


@dataclass
class Build:
    """One run: what has been learnt on the way to the manifest."""

    source: Source
    name: str
    settings: Any
    dumps: Sequence[str]
    ids_from: Path | None
    options: Options
    counts: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)
    damage: list[list[object]] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)

    def run(self, out: Path) -> Manifest:
        """Make the knowledge base at `out`."""
        # what makes no sense or is not there is refused before anything is written
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"--name {self.name!r}: use only a-z, 0-9 and hyphens")
        self.source.options(self.settings)
        named = self.source.files(self.settings)
        for path in named:
            Opened(path).close()
        dumps = [Dump(path, source=place, layout=self.source.layout) for place, path in enumerate(self.dumps)]
        inputs = [Input(path=path, kind="dump", content=identity(path)) for path in self.dumps]
        others = [Input(path=path, kind="file", content=identity(path)) for path in named]
        old = predecessor.read(self.ids_from) if self.ids_from else None
        if old is not None:
            others.append(Input(path=str(self.ids_from), kind="kb", content=old.content))
        inputs += others
        plan = manifest.plan(
            f"ingest {self.name}", config.plain(self.settings), [one.content for one in inputs]
        )
        staging = Staging(out, plan, overwrite=self.options.overwrite, restart=self.options.restart)
        with staging:
            if staging.whole is not None:
                return staging.whole
            return staging.commit(self._build(staging.folder, dumps, inputs, old))

    def _build(
        self, folder: Path, dumps: Sequence[Dump], inputs: list[Input], old: Manifest | None
    ) -> Manifest:
        options = self.options
        preload = [*PRELOAD, self.source.decode.partition(":")[0]]
        with pool(folder, workers=options.workers, engine=options.engine, preload=preload) as workers:
            self._read(folder, dumps, workers)
            tables = self._finish(folder, workers)
            chain = list(old.id_space) if old else []
            ids = self.facts.pop("id space")
            chain += [ids] if ids not in chain else []
            return begin(
                "kb",
                name=self.name,
                settings=config.plain(self.settings),
                inputs=inputs,
                id_space=chain,
                tables=tables,
                counts={**self.counts, **self.facts},
                licences=unite([self.source.licence, *(old.licences if old else ())]),
                incomplete=bool(self.damage),
                resources={"stages": self.stages, "peak worker MB": round(workers.peak_mb)},
            )

    def _read(self, folder: Path, dumps: Sequence[Dump], workers: Pool) -> None:
        """Decode all pieces of all dumps into parts, and say in what order the parts stand."""
        begun = time.perf_counter()
        sizes = [dump.size_in for dump in dumps]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        done: dict[tuple[int, int], Done] = {}
        with Progress("read", total=total, quiet=self.options.quiet) as progress:
            reading = Reading(folder, dumps, self.source.decode, self.source.options(self.settings))
            for one in workers.run(reading.tasks(progress.advance)):
                piece = msgspec.convert(one.task.args["piece"], Piece)
                done[piece.source, piece.number] = one
                progress.advance(0, records=one.facts["counts"].get("read", 0))
        parts = self._in_order(dumps, done)
        if (extra := self.source.further(self.settings, EXTRA)) is not None:
            (one,) = workers.run([extra])
            self.facts |= one.facts
            parts.append(Part(path=EXTRA, file="", row=sum(part.rows for part in parts)))
        Parts.save(folder, parts)
        for dump in dumps:
            if dump.damage:
                self.damage.append([base_name(dump.path), dump.damage.byte, dump.damage.reason])
        if (choose := self.source.choose(self.settings, KEEP)) is not None:
            (one,) = workers.run([choose])
            self.counts["skipped: not selected"] += one.facts.pop("not selected")
        self.stages["decode"] = round(time.perf_counter() - begun, 3)

    def _in_order(self, dumps: Sequence[Dump], done: dict[tuple[int, int], Done]) -> list[Part]:
        parts: list[Part] = []
        row = statement = 0
        for source, dump in enumerate(dumps):
            line = byte = 0
            for place in sorted(place for place in done if place[0] == source):
                one = done[place]
                numbered = one.task.args["piece"]["numbered"]
                part = Part(
                    path=one.task.args["part"],
                    file=base_name(dump.path),
                    row=row,
                    rows=one.facts["rows"],
                    statement=statement,
                    statements=one.facts["statements"],
                    line=line if numbered else None,
                    byte=byte,
                )
                parts.append(part)
                self.counts.update(one.facts["counts"])
                if one.facts["damage"]:
                    at, reason = one.facts["damage"]
                    self.damage.append([part.file, byte + at, reason])
                row, statement = row + part.rows, statement + part.statements
                line, byte = line + one.facts["lines"], byte + one.facts["bytes"]
        return parts

    def _finish(self, folder: Path, workers: Pool) -> dict[str, Any]:
        begun = time.perf_counter()
        memory = (self.options.memory or DEFAULT_MEMORY * self.options.workers) // self.options.workers
        done: list[Done] = []
        with Progress("finish", quiet=self.options.quiet, unit="tasks") as progress:

            def wave(tasks: Iterable[Task]) -> None:
                for one in workers.run(tasks):
                    done.append(one)
                    self.facts |= one.facts
                    progress.advance(1)

            old = str(self.ids_from.absolute()) if self.ids_from else None
            wave(finish.first_wave(prefixes=self.source.prefixes, old=old, memory=memory))
            without = self.source.without(self.settings)
            wave(finish.second_wave(folder, without=without, damage=self.damage, memory=memory))
            subclass_of = finish.rid_of(folder, self.source.subclass_of)
            workers_in_all = self.options.workers
            wave(finish.third_wave(subclass_of=subclass_of, memory=memory, workers=workers_in_all))
        self.facts["cycles"] = finish.ids_of(folder, self.facts["cycles"])
        self.counts["rejected"] += self.facts.pop("repeated") + len(self.damage)
        tables = finish.tables_of(folder, done)
        self.stages["finish"] = round(time.perf_counter() - begun, 3)
        return tables


class Reading:
    """The tasks that decode a row of dumps."""

    def __init__(self, folder: Path, dumps: Sequence[Dump], decode: str, options: dict[str, Any]) -> None:
        self.folder, self.dumps, self.decode, self.options = folder, dumps, decode, options

    def tasks(self, advance: Callable[[int], None]) -> Iterator[Task]:
        """Yield a task for each piece, cut out when it is asked for."""
        for dump in self.dumps:
            size = min(max(SMALLEST, (dump.size_in or 0) // PIECES), LARGEST)
            position = 0
            for piece in dump.pieces(self.folder, size=size, skip=self._is_done):
                yield self._task(piece)
                advance(dump.position_in - position)
                position = dump.position_in

    def _is_done(self, piece: Piece) -> bool:
        return finished(self._task(piece), self.folder) is not None

    def _task(self, piece: Piece) -> Task:
        name = f"decode-{piece.source:03}-{piece.number:06}"
        args = {"piece": msgspec.to_builtins(piece), "part": f"work/parts/{name}.part", **self.options}
        spool = [piece.path] if piece.reader == "spool" else []
        return Task(name=name, call=self.decode, args=args, consumes=spool)


def identity(path: str) -> str:
    """Identify an input: a file by what it holds, a URL by what its server says, a stream not at all."""
    here = local(path)
    if here is not None:
        if not Path(here).is_file():
            return "unknown"  # opening it will say what is wrong
        return digest.of_dump(Path(here))
    return _of_url(path) if is_url(path) else f"stream {time.time_ns()}"


def _of_url(url: str) -> str:
    import fsspec  # noqa: PLC0415 - slow to import, and most dumps are local

    try:
        system, name = fsspec.core.url_to_fs(url)
        facts = system.info(name)
    except Exception:  # whatever it is, opening the address will meet it again and say so
        return f"url {url}"
    return f"url {url} {[facts.get(key) for key in ('size', 'ETag', 'etag', 'mtime', 'LastModified')]}"


def base_name(path: str) -> str:
    """Name a dump in `rejects`: without folder and container, for offsets count decompressed bytes."""
    name = Path(path).name
    return Path(name).stem if Path(name).suffix in CONTAINERS else name
