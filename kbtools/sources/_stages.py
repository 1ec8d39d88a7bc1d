"""The two stages of making a knowledge base: reading the dumps into parts, and finishing them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kbtools.artefact import Done, Table, Task, finished
from kbtools.executors import Pool
from kbtools.io import Dump, Piece
from kbtools.io.inputs import local
from kbtools.kb import finish
from kbtools.kb.parts import Part, Parts
from kbtools.progress import Progress
from kbtools.sources.base import EXTRA, WHOLE, Feed, Reading, Source

SMALLEST, LARGEST = 16 << 20, 256 << 20  # bytes of JSON in a piece
PIECES = 256  # that a dump is cut into, within these bounds
CONTAINERS = {".gz", ".bz2", ".zst", ".xz"}


class Stages:
    """Runs the stages in one staging folder, and gathers what the manifest has to say of them."""

    def __init__(self, source: Source, reading: Reading, folder: Path, workers: Pool, *, quiet: bool) -> None:
        self.source, self.reading = source, reading
        self.folder, self.workers, self.quiet = folder, workers, quiet
        self.counts: Counter[str] = Counter()
        self.facts: dict[str, Any] = {}
        self.notes: dict[str, Any] = dict(reading.notes)
        self.damage: list[list[object]] = []
        self.seconds: dict[str, float] = {}

    def read(self, dumps: Sequence[Dump | None]) -> None:
        """Read all feeds into parts, and say in what order these stand; `dumps` are the feeds in pieces."""
        begun = time.perf_counter()
        feeding = Feeding(self.folder, self.reading.feeds, dumps)
        sizes = [feeding.size(place) for place in range(len(dumps))]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        done: dict[str, Done] = {}
        with Progress("read", total=total, quiet=self.quiet) as progress:
            for one in self.workers.run(feeding.tasks(progress.advance)):
                done[one.task.name] = one
                size = 0 if "piece" in one.task.args else feeding.size(feed_of(one.task)) or 0
                progress.advance(size, records=one.facts["counts"].get("read", 0))
        parts = self._in_order([done[name] for name in sorted(done)])
        if self.reading.further is not None:
            (one,) = self.workers.run([self.reading.further])
            self.facts |= one.facts
            parts.append(Part(path=EXTRA, file="", row=sum(part.rows for part in parts)))
        Parts.save(self.folder, parts)
        for dump in dumps:
            if dump and dump.damage:
                self.damage.append([base_name(dump.path), dump.damage.byte, dump.damage.reason])
        if self.reading.choose is not None:
            (one,) = self.workers.run([self.reading.choose])
            self.counts["skipped: not selected"] += one.facts.pop("not selected")
        self.seconds["decode"] = round(time.perf_counter() - begun, 3)

    def _in_order(self, done: Sequence[Done]) -> list[Part]:
        """Say where each part begins: rows, statements and pages go on, lines and bytes in each file anew."""
        parts: list[Part] = []
        row = statement = page = line = byte = 0
        feed = None
        for one in done:
            piece = one.task.args.get("piece")
            path = self.reading.feeds[feed_of(one.task)].paths[0]
            if feed != feed_of(one.task):
                feed, line, byte = feed_of(one.task), 0, 0
            part = Part(
                path=one.task.args["part"],
                file=base_name(path),
                row=row,
                rows=one.facts["rows"],
                statement=statement,
                statements=one.facts["statements"],
                page=page,
                pages=one.facts.get("pages", 0),
                line=line if piece is None or piece["numbered"] else None,
                byte=byte,
            )
            parts.append(part)
            self._gather(part, one.facts)
            row, statement, page = row + part.rows, statement + part.statements, page + part.pages
            line, byte = line + one.facts["lines"], byte + one.facts["bytes"]
        return parts

    def _gather(self, part: Part, facts: dict[str, Any]) -> None:
        self.counts.update(facts["counts"])
        if facts["damage"]:
            at, reason = facts["damage"]
            self.damage.append([part.file, part.byte + at, reason])
        self.damage += facts.get("damaged", ())
        for name, note in facts.get("notes", {}).items():
            if isinstance(note, list):
                self.notes[name] = list(dict.fromkeys([*self.notes.get(name, ()), *note]))
            else:
                self.notes[name] = note

    def finish(self, *, old: Path | None, onto: Path | None, memory: int, threads: int) -> dict[str, Table]:
        """Make the tables, and describe them; `memory` is what a worker may use for sorting."""
        begun = time.perf_counter()
        done: list[Done] = []
        with Progress("finish", quiet=self.quiet, unit="tasks") as progress:

            def wave(tasks: Iterable[Task]) -> None:
                for one in self.workers.run(tasks):
                    done.append(one)
                    for what, rows in one.facts.pop("left out", {}).items():
                        self.counts[f"skipped: {what}"] += rows
                    self.facts |= one.facts
                    progress.advance(1)

            before, base = (str(path.absolute()) if path else None for path in (old, onto))
            reading = self.reading
            own_names = reading.own_names and onto is None  # what an overlay speaks of has names
            wave(
                finish.first_wave(
                    prefixes=list(self.source.prefixes),
                    old=before,
                    onto=base,
                    match=reading.names,
                    own_names=own_names,
                    lang=reading.lang,
                    memory=memory,
                )
            )
            wave(
                finish.second_wave(
                    self.folder,
                    without=reading.without,
                    damage=self.damage,
                    memory=memory,
                    own_names=own_names,
                    lang=reading.lang,
                    onto=base,
                )
            )
            if onto is None:
                subclass_of = finish.rid_of(self.folder, self.source.subclass_of)
                wave(finish.third_wave(self.folder, subclass_of=subclass_of, memory=memory, workers=threads))
                self.facts["cycles"] = finish.ids_of(self.folder, self.facts.get("cycles", []))
        late = self.facts.pop("repeated")  # they were read, and turned out to be of no use
        self.counts["read"] -= late if onto else 0
        self.counts["rejected"] += late + len(self.damage)
        tables = finish.tables_of(self.folder, done)
        self.seconds["finish"] = round(time.perf_counter() - begun, 3)
        return tables


class Feeding:
    """The tasks that read a row of feeds."""

    def __init__(self, folder: Path, feeds: Sequence[Feed], dumps: Sequence[Dump | None]) -> None:
        self.folder, self.feeds, self.dumps = folder, feeds, dumps

    def size(self, place: int) -> int | None:
        """Return how many bytes a feed has on disk, None if nobody knows."""
        dump = self.dumps[place]
        if dump is not None:
            return dump.size_in
        paths = [local(path) for path in self.feeds[place].paths]
        return None if None in paths else sum(Path(path or "").stat().st_size for path in paths)

    def tasks(self, advance: Callable[[int], None]) -> Iterator[Task]:
        """Yield a task for each piece, cut out when it is asked for, and one for files read as a whole."""
        for place, (feed, dump) in enumerate(zip(self.feeds, self.dumps, strict=True)):
            if dump is None:
                name = f"decode-{place:03}-{0:06}"
                args = {"files": list(feed.paths), "part": f"work/parts/{name}.part", **feed.args}
                yield Task(name=name, call=feed.call, args=args)
                continue
            size = min(max(SMALLEST, (dump.size_in or 0) // PIECES), LARGEST)
            position = 0
            for piece in dump.pieces(self.folder, size=size, skip=self._is_done):
                yield self._task(piece)
                advance(dump.position_in - position)
                position = dump.position_in

    def _is_done(self, piece: Piece) -> bool:
        return finished(self._task(piece), self.folder) is not None

    def _task(self, piece: Piece) -> Task:
        feed = self.feeds[piece.source]
        name = f"decode-{piece.source:03}-{piece.number:06}"
        args = {"piece": msgspec.to_builtins(piece), "part": f"work/parts/{name}.part", **feed.args}
        spool = [piece.path] if piece.reader == "spool" else []
        return Task(name=name, call=feed.call, args=args, consumes=spool)


def open_dumps(feeds: Sequence[Feed]) -> list[Dump | None]:
    """Open what is cut into pieces; None for what is read as a whole."""
    return [
        None if feed.layout == WHOLE else Dump(feed.paths[0], source=place, layout=feed.layout)
        for place, feed in enumerate(feeds)
    ]


def feed_of(task: Task) -> int:
    """Return the place of the feed that a task reads from."""
    return int(task.name.split("-")[1])


def base_name(path: str) -> str:
    """Name a dump in `rejects`: without folder and container, for offsets count decompressed bytes."""
    name = Path(path).name
    return Path(name).stem if Path(name).suffix in CONTAINERS else name
