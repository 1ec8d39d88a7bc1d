"""The stages of a build, each a list of tasks: names, ranges, compiling."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence, Sized
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from kbtools.alias.building.names import Rules, choose_bounds
from kbtools.alias.building.ranges import How, Names
from kbtools.artefact import Done, Task
from kbtools.executors import Pool
from kbtools.kb.reader import Base
from kbtools.progress import Progress

ROWS_IN_RANGE = 1 << 19


class Stages:
    """The stages of one build, and what they told."""

    def __init__(self, folder: Path, crew: Pool, *, memory: int, quiet: bool) -> None:
        self.folder, self.crew, self.memory, self.quiet = folder, crew, memory, quiet
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.rejects: list[dict[str, Any]] = []
        self.damage: list[Any] = []  # containers that end early: what was made is incomplete

    def do(self, stage: str, tasks: Iterable[Task]) -> list[Done]:
        """Do tasks; return their records in the order of their names."""
        begun = time.perf_counter()
        total = len(tasks) if isinstance(tasks, Sized) else None
        with Progress(f"alias: {stage}", total, "tasks", quiet=self.quiet) as progress:
            done = list(self.crew.run(tasks, on_done=lambda _: progress.advance(1)))
        self.seconds[stage] = round(self.seconds.get(stage, 0) + time.perf_counter() - begun, 3)
        return sorted(done, key=lambda one: one.task.name)

    def note(self, done: Sequence[Done]) -> None:
        """Add up what readers counted, and keep what they rejected."""
        for one in done:
            for what, n in one.facts["counts"].items():
                self.counts[what] = self.counts.get(what, 0) + n
            self.rejects += one.facts["rejects"]
            self.damage += one.facts.get("damage", ())

    def names(self, bases: Sequence[Base], rules: Rules, known: set[int]) -> list[str]:
        """Stage the names of all knowledge bases but those whose counts are known; return the files."""
        tasks: list[Task] = []
        parts: list[str] = []
        for place, base in enumerate(bases):
            if place in known:
                continue
            for file in surfaces([base]):
                for group in range(pq.read_metadata(file).num_row_groups):
                    name = f"names/{place:03}-{len(parts):06}"
                    parts.append(f"work/{name}.arrow")
                    args = {
                        "part": parts[-1], "file": str(file), "group": group, "kb": place,
                        "rules": rules._asdict(),
                    }  # fmt: skip
                    tasks.append(Task(name=name, call="kbtools.alias.building.names:stage", args=args))
        self.note(self.do("names", tasks))
        return parts

    def weigh(self, names: Names, bounds: list[str], how: How) -> list[Done]:
        """Count and weigh range by range."""
        edges = [None, *bounds, None]
        tasks = [
            Task(
                name=f"weigh/{number:05}",
                call="kbtools.alias.building.ranges:weigh",
                args={
                    "part": piece, "number": number, "low": edges[number], "high": edges[number + 1],
                    "names": msgspec.to_builtins(names), "how": msgspec.to_builtins(how),
                    "memory": self.memory,
                },
            )
            for number, piece in enumerate(pieces(bounds))
        ]  # fmt: skip
        return self.do("weigh", tasks)

    def compile(self, bounds: list[str], *, several_kbs: bool) -> Done:
        """Compile the look-up from the pieces of the ranges."""
        args = {"pieces": pieces(bounds), "several_kbs": several_kbs}
        task = Task(name="compile", call="kbtools.alias.building.compiling:compile_pieces", args=args)
        return self.do("compile", [task])[0]


def surfaces(bases: Sequence[Base]) -> list[Path]:
    """List the files of names."""
    return [
        file
        for base in bases
        for part in base.parts
        if part.rows("surfaces")
        for file in part.files("surfaces")
    ]


def pieces(bounds: Sequence[str]) -> list[str]:
    """Return where the piece of each range is kept."""
    return [f"work/pieces/{number:05}.npz" for number in range(len(bounds) + 1)]


def cut(bases: Sequence[Base]) -> list[str]:
    """Choose where the ranges of norms end."""
    files = surfaces(bases)
    return choose_bounds(files, sum(pq.read_metadata(file).num_rows for file in files), ROWS_IN_RANGE)
