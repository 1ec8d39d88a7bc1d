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
from kbtools.kb import finish
from kbtools.kb.numbering import KEEP
from kbtools.kb.parts import Part, Parts
from kbtools.progress import Progress
from kbtools.sources.base import Source

SMALLEST, LARGEST = 16 << 20, 256 << 20  # bytes of JSON in a piece
PIECES = 256  # that a dump is cut into, within these bounds
EXTRA = "work/parts/extra.part"
CONTAINERS = {".gz", ".bz2", ".zst", ".xz"}


class Stages:
    """Runs the stages in one staging folder, and gathers what the manifest has to say of them."""

    def __init__(self, source: Source, settings: Any, folder: Path, workers: Pool, *, quiet: bool) -> None:
        self.source, self.settings = source, settings
        self.folder, self.workers, self.quiet = folder, workers, quiet
        self.counts: Counter[str] = Counter()
        self.facts: dict[str, Any] = {}
        self.damage: list[list[object]] = []
        self.seconds: dict[str, float] = {}

    def read(self, dumps: Sequence[Dump]) -> None:
        """Decode all pieces of all dumps into parts, and say in what order the parts stand."""
        begun = time.perf_counter()
        sizes = [dump.size_in for dump in dumps]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        done: dict[tuple[int, int], Done] = {}
        with Progress("read", total=total, quiet=self.quiet) as progress:
            reading = Reading(self.folder, dumps, self.source.decode, self.source.options(self.settings))
            for one in self.workers.run(reading.tasks(progress.advance)):
                piece = msgspec.convert(one.task.args["piece"], Piece)
                done[piece.source, piece.number] = one
                progress.advance(0, records=one.facts["counts"].get("read", 0))
        parts = self._in_order(dumps, done)
        if (extra := self.source.further(self.settings, EXTRA)) is not None:
            (one,) = self.workers.run([extra])
            self.facts |= one.facts
            parts.append(Part(path=EXTRA, file="", row=sum(part.rows for part in parts)))
        Parts.save(self.folder, parts)
        for dump in dumps:
            if dump.damage:
                self.damage.append([base_name(dump.path), dump.damage.byte, dump.damage.reason])
        if (choose := self.source.choose(self.settings, KEEP)) is not None:
            (one,) = self.workers.run([choose])
            self.counts["skipped: not selected"] += one.facts.pop("not selected")
        self.seconds["decode"] = round(time.perf_counter() - begun, 3)

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

    def finish(self, *, old: Path | None, memory: int, threads: int) -> dict[str, Table]:
        """Make the tables, and describe them; `memory` is what a worker may use for sorting."""
        begun = time.perf_counter()
        done: list[Done] = []
        with Progress("finish", quiet=self.quiet, unit="tasks") as progress:

            def wave(tasks: Iterable[Task]) -> None:
                for one in self.workers.run(tasks):
                    done.append(one)
                    self.facts |= one.facts
                    progress.advance(1)

            before = str(old.absolute()) if old else None
            wave(finish.first_wave(prefixes=self.source.prefixes, old=before, memory=memory))
            without = self.source.without(self.settings)
            wave(finish.second_wave(self.folder, without=without, damage=self.damage, memory=memory))
            subclass_of = finish.rid_of(self.folder, self.source.subclass_of)
            wave(finish.third_wave(subclass_of=subclass_of, memory=memory, workers=threads))
        self.facts["cycles"] = finish.ids_of(self.folder, self.facts["cycles"])
        self.counts["rejected"] += self.facts.pop("repeated") + len(self.damage)
        tables = finish.tables_of(self.folder, done)
        self.seconds["finish"] = round(time.perf_counter() - begun, 3)
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


def base_name(path: str) -> str:
    """Name a dump in `rejects`: without folder and container, for offsets count decompressed bytes."""
    name = Path(path).name
    return Path(name).stem if Path(name).suffix in CONTAINERS else name
