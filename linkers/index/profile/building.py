"""Building a profile: tasks over ranges of entities and pieces of pages; a build that was cut off goes on.

Memory of a worker: DuckDB's share; the words of one range of entities, some 40 bytes each, and those of one
piece of pages; 20 bytes a term of all when the terms are united, 4 bytes an entity while anchors are drawn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kbtools import artefact, config
from kbtools.artefact import Done, Manifest, Staging, Task, begin
from kbtools.errors import ArtefactError, ConfigError
from kbtools.executors import Pool, pool
from kbtools.linkers.index.given import Given, find
from kbtools.linkers.index.profile import choosing, files, gathering, labels, names, pages
from kbtools.linkers.index.profile.csr import SIXTEENTHS
from kbtools.linkers.index.profile.layout import Range, cut
from kbtools.linkers.index.profile.settings import SOURCES, Settings
from kbtools.progress import Progress

KIND = "profile"
DEFAULT_MEMORY = 512 << 20  # a worker
ENTITIES, PAGES = 1 << 15, 1 << 12  # of a range, of a piece
_ROOM = __name__.rpartition(".")[0]


def build(
    source: Path | Sequence[Path],
    out: Path,
    *,
    settings: Settings | None = None,
    base: Path | None = None,
    workers: int = 1,
    memory: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
) -> Manifest:
    """Gather what knowledge bases (with overlays) tell of their entities; return the manifest."""
    settings = settings or Settings()
    if base is not None:
        raise ConfigError("a profile is made from nothing; leave out --base")
    given = find(source)
    told = {"kind": KIND, **config.plain(settings)}
    plan = artefact.plan("index", told, [one.content for one in given.inputs])
    with (
        Staging(Path(out), plan, overwrite=overwrite, restart=restart) as staging,
        pool(staging.folder, workers=workers) as crew,
    ):
        if staging.whole is not None:
            return staging.whole
        stages = Stages(
            staging.folder, crew, given, settings, (memory or DEFAULT_MEMORY * workers) // workers
        )
        with Progress("profile", unit="tasks", quiet=quiet) as progress:
            stages.progress = progress
            counts = stages.all()
        made = begin(
            "index",
            settings=told,
            tables=files.tables(staging.new),
            counts=counts,
            notes={"entities": stages.sizes},
            resources={"stages": stages.seconds, "peak worker MB": round(crew.peak_mb)},
            **given.fields,
        )
        return staging.commit(made)


class Stages:
    """The stages of one build, each a list of tasks."""

    def __init__(self, folder: Path, crew: Pool, given: Given, settings: Settings, memory: int) -> None:
        self.folder, self.crew, self.given, self.settings = folder, crew, given, settings
        self.paths, self.memory = given.paths, memory
        self.sizes = [base.kb.rows("entities") for base in given.bases]
        if sum(self.sizes) >= 1 << 32:
            raise ArtefactError(f"{sum(self.sizes):,} entities are too many for one profile; make several")
        self.firsts = [0, *np.cumsum(self.sizes).tolist()]
        self.ranges = cut(self.sizes, ENTITIES)
        self.seconds: dict[str, float] = {}
        self.progress: Progress | None = None

    def all(self) -> dict[str, int]:
        """Do everything; return what was counted."""
        with self._timed("labels"):
            self._each("labels", "labels:read", paths=self.paths, memory=self.memory)
            self._one("labels-join", "labels:join", stems=[labels.stem(one) for one in self.ranges])
        with self._timed("names and pages"):
            named, read = self._names(), self._pages()
        stems = {"names": named, "pages": [f"{one}.words" for one in read]}
        with self._timed("words"):
            self._words(stems)
        with self._timed("neighbours"):
            self._neighbours([f"{one}.links" for one in read])
        with self._timed("classes"):
            self._classes()
        with self._timed("parts of names"):
            self._parts()
        return self._counts()

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[stage] = round(time.perf_counter() - begun, 3)

    def _do(self, tasks: Sequence[Task]) -> list[Done]:
        def seen(_: Done) -> None:
            if self.progress is not None:
                self.progress.advance(1)

        done = list(self.crew.run(tasks, on_done=seen))
        return sorted(done, key=lambda one: one.task.name)

    def _one(self, name: str, call: str, **args: Any) -> Done:
        return self._do([Task(name=name, call=f"{_ROOM}.{call}", args=args)])[0]

    def _each(self, name: str, call: str, **args: Any) -> None:
        """Do a task for each range of entities."""
        self._do(
            [
                Task(
                    name=f"{name}/{one.stem}",
                    call=f"{_ROOM}.{call}",
                    args={"mine": msgspec.to_builtins(one), **args},
                )
                for one in self.ranges
            ]
        )

    def _names(self) -> list[str]:
        return self._of_names("names") if self.settings.names else []

    def _of_names(self, module: str) -> list[str]:
        """Read the names of all knowledge bases; return where what was found is."""
        tasks: list[Task] = []
        for base, first in zip(self.given.bases, self.firsts[:-1], strict=True):
            for file, group in names.pieces(base.parts):
                stem = f"work/{module}/{len(tasks):06}"
                args = {"file": file, "group": group, "first": first, "stem": stem}
                tasks.append(Task(name=stem.removeprefix("work/"), call=f"{_ROOM}.{module}:read", args=args))
        self._do(tasks)
        return [task.args["stem"] for task in tasks]

    def _pages(self) -> list[str]:
        if not any("pages" in base.tables for base in self.given.bases):
            return []
        self._one("anchors", "pages:count", paths=self.paths, firsts=self.firsts, memory=self.memory)
        how = pages.How(
            self._worth("opening"),
            self._worth("context"),
            self.settings.opening_words,
            self.settings.context_words,
            self.settings.contexts,
        )
        args: dict[str, Any] = {"paths": self.paths, "how": list(how), "memory": self.memory}
        tasks: list[Task] = []
        for kb, (base, first) in enumerate(zip(self.given.bases, self.firsts[:-1], strict=True)):
            for part, some in pages.pieces(base.parts, PAGES):
                stem = f"work/pages/{len(tasks):06}"
                mine = {"kb": kb, "part": part, "first": first, "pages": some, "stem": stem}
                tasks.append(
                    Task(name=stem.removeprefix("work/"), call=f"{_ROOM}.pages:read", args=args | mine)
                )
        self._do(tasks)
        return [task.args["stem"] for task in tasks]

    def _worth(self, what: str) -> int:
        worth: float = getattr(self.settings, what)
        return round(worth * SIXTEENTHS)

    def _words(self, stems: dict[str, list[str]]) -> None:
        told = ("label", "names", *SOURCES, "object", "type")
        self._each(
            "gathered",
            "gathering:gather",
            paths=self.paths,
            weights={name: self._worth(name) for name in told},
            objects=self.settings.objects,
            stems=stems,
            memory=self.memory,
        )
        self._one("terms", "gathering:terms", stems=[gathering.stem(one) for one in self.ranges])
        self._each("words", "choosing:words", entities=sum(self.sizes), most=self.settings.most_words)
        self._join("words", {"values": "<u4", "weights": "<u2", "lengths": "<u4"})

    def _neighbours(self, stems: list[str]) -> None:
        if self.settings.triples != "none":
            ways = self.settings.triples
            self._each("links", "choosing:links", paths=self.paths, ways=ways, memory=self.memory)
            stems = stems + [choosing.links_stem(one) for one in self.ranges]
        self._each("neighbours", "choosing:neighbours", stems=stems, most=self.settings.most_neighbours)
        self._join("neighbours", {"values": "<u4", "degrees": "<u4"})

    def _classes(self) -> None:
        for kb in range(len(self.sizes)):
            args = {"paths": self.paths, "kb": kb, "depth": self.settings.depth, "memory": self.memory}
            self._one(f"closure-{kb:03}", "choosing:closure", **args)
        self._each("classes", "choosing:classes", paths=self.paths, memory=self.memory)
        for name in ("types", "classes"):
            self._join(name, {"values": "<u4"})

    def _parts(self) -> None:
        self._each("known", "parts:known", paths=self.paths, memory=self.memory)
        stems = self._of_names("parts") if self.settings.parts else []
        one = [some.stem for some in self.ranges]
        told = {"stems": stems, "ranges_": one, "firsts": self.firsts[1:-1], "most": self.settings.parts}
        self._one("parts-chosen", "parts:choose", **told)

    def _join(self, name: str, columns: dict[str, str]) -> None:
        stems = [f"work/{name}/{one.stem}" for one in self.ranges]
        self._one(f"{name}-join", "choosing:join", to=name, stems=stems, columns=columns)

    def _counts(self) -> dict[str, int]:
        arrays = {name: np.load(self.folder / f"new/{name}.npy", mmap_mode="r") for name in _COUNTED}
        return {
            "entities": sum(self.sizes),
            "terms": len(arrays["words.sums"]),
            "with words": int(np.count_nonzero(arrays["words.lengths"])),
            "words": int(arrays["words.offsets"][-1]),
            "words in sixteenths": int(arrays["words.sums"].sum()),
            "with neighbours": int(np.count_nonzero(arrays["neighbours.degrees"])),
            "neighbours": int(arrays["neighbours.offsets"][-1]),
            "with types": int(np.count_nonzero(np.diff(arrays["types.offsets"]))),
            "classes": int(arrays["classes.offsets"][-1]),
            "parts of names": len(arrays["parts.offsets"]) - 1,
        }


_COUNTED = (
    "words.sums", "words.lengths", "words.offsets", "neighbours.degrees", "neighbours.offsets",
    "types.offsets", "classes.offsets", "parts.offsets",
)  # fmt: skip

__all__ = ["Range", "Settings", "Stages", "build"]
