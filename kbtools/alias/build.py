"""Building an alias artefact: names are staged, counted and weighed range by range, and compiled.

1. The row groups of all `surfaces` tables, and prior files, become staged files, parted by ranges of norms.
2. Each range by itself is counted and weighed; its rows are the files of the tables, in order.
3. The pieces of all ranges become the compiled look-up.
4. If there is text, all of it is scanned with that look-up, for the link probabilities.

Every step is a list of tasks: a build that was cut off goes on. Memory: what a worker may use for one range
(`memory` / workers), and 16 bytes a norm when the hash index is built.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools import artefact, config
from kbtools.alias import entities, text
from kbtools.alias.names import Rules, choose_bounds, normal_forms
from kbtools.alias.ranges import How, Names
from kbtools.alias.schema import KIND, LOOKUP, SOURCES, TABLES
from kbtools.alias.settings import Settings, Weights
from kbtools.alias.settings import weights as load_weights
from kbtools.artefact import (
    Done,
    FileEntry,
    Input,
    KbRef,
    Manifest,
    Staging,
    Table,
    Task,
    begin,
    digest,
    unite,
)
from kbtools.errors import ArtefactError, ConfigError
from kbtools.executors import Pool, pool
from kbtools.kb.reader import Base, gather
from kbtools.kb.schema import STR
from kbtools.kb.schema import TABLES as KB_TABLES
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.writer import write_rows
from kbtools.progress import Progress

DEFAULT_MEMORY = 512 << 20  # a worker
ROWS_IN_RANGE = 1 << 19
FILTERS = ("langs", "min_length", "max_length", "deny_classes", "stop_aliases", "numbers")


class Sources(NamedTuple):
    """All that names come from."""

    bases: list[Base]
    prior_files: Sequence[str]
    corpora: Sequence[str]
    old: Path | None


class Build:
    """One build; `run` makes the artefact."""

    def __init__(self, sources: Sources, settings: Settings, weights: Weights, compat: str | None) -> None:
        self.sources, self.settings, self.weights, self.compat = sources, settings, weights, compat
        self.bases = sources.bases
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.rejects: list[dict[str, Any]] = []
        if not any(part.rows("surfaces") for base in self.bases for part in base.parts):
            where = ", ".join(str(base.kb.path) for base in self.bases)
            raise ArtefactError(f"{where}: no names to look up (no rows in its table surfaces)")

    def run(
        self,
        out: Path,
        *,
        workers: int,
        memory: int | None,
        overwrite: bool,
        restart: bool,
        quiet: bool,
    ) -> Manifest:
        """Make the artefact at `out`."""
        self.memory, self.threads, self.quiet = (
            (memory or DEFAULT_MEMORY * workers) // workers,
            workers,
            quiet,
        )
        inputs = self._inputs()
        told = {**config.plain(self.settings), "weights": config.plain(self.weights), "compat": self.compat}
        told |= {"stop_aliases": self._stop()} if self.settings.stop_aliases else {}
        plan = artefact.plan(KIND, told, [one.content for one in inputs])
        with (
            Staging(out, plan, overwrite=overwrite, restart=restart) as staging,
            pool(staging.folder, workers=workers) as crew,
        ):
            if staging.whole is not None:
                return staging.whole
            self.folder = staging.folder
            made = self._tables(crew)
            return staging.commit(
                begin(
                    KIND,
                    settings=told,
                    inputs=inputs,
                    kbs=[
                        KbRef(
                            name=base.name,
                            content=base.kb.manifest.content,
                            id_space=base.kb.manifest.id_space,
                        )
                        for base in self.bases
                    ],
                    tables=made,
                    counts=self.counts,
                    notes={"parts": parts_of(self.bases)},
                    licences=unite(
                        one for base in self.bases for part in base.parts for one in part.manifest.licences
                    ),
                    incomplete=any(part.manifest.incomplete for base in self.bases for part in base.parts),
                    resources={"stages": self.seconds, "peak worker MB": round(crew.peak_mb)},
                )
            )

    def _inputs(self) -> list[Input]:
        found = [
            Input(path=str(part.path), kind="kb", content=part.manifest.content)
            for base in self.bases
            for part in base.parts
        ]
        for file in self.sources.prior_files:
            found.append(Input(path=str(file), kind="file", content=digest.of_dump(Path(file))))
        return found + text.inputs(self.sources.corpora)

    def _stop(self) -> list[str]:
        path = self.settings.stop_aliases
        if path is None:
            return []
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error
        _, norms = normal_forms(pa.array([line for line in lines if line.strip()], STR))
        return sorted(set(norms.to_pylist()))

    def _tables(self, crew: Pool) -> dict[str, Table]:
        for place, base in enumerate(self.bases):
            entities.write_popularity(self.folder, place, base, self.settings.beta, self.settings.gamma)
            entities.write_denied(self.folder, place, base, self.settings.deny_classes, self.memory)
        known = self._known()
        surfaces = [
            file
            for base in self.bases
            for part in base.parts
            if part.rows("surfaces")
            for file in part.files("surfaces")
        ]
        bounds = choose_bounds(
            surfaces, sum(pq.read_metadata(file).num_rows for file in surfaces), ROWS_IN_RANGE
        )
        names = self._stage(crew, bounds, known)
        weighed = self._weigh(crew, bounds, names)
        pieces = [f"work/pieces/{number:05}.npz" for number in range(len(bounds) + 1)]
        compiled = Task(
            name="compile",
            call="kbtools.alias.compiling:compile_pieces",
            args={"pieces": pieces, "several_kbs": len(self.bases) > 1},
        )
        lookup = self._do(crew, "compile", [compiled])[0]
        counted = text.count(self, crew, [f"{piece}.forms" for piece in pieces]) if self.counting else []
        self.counts["norms"] = lookup.facts["norms"]
        made = {name: self._table(name, weighed + counted) for name in TABLES}
        made[LOOKUP] = self._lookup(lookup, counted)
        if self.rejects:
            made["rejects"] = self._rejected()
        return made

    @property
    def counting(self) -> bool:
        """Whether there is text to count names in."""
        return bool(self.sources.corpora) or any(base_pages(base) for base in self.bases)

    def _known(self) -> dict[int, Names]:
        """Return the knowledge bases whose counts an earlier artefact holds, under the same rules."""
        if self.sources.old is None:
            return {}
        old = artefact.read(self.sources.old, KIND)
        now = {**config.plain(self.settings), "stop_aliases": self._stop() or None}
        if any(old.settings.get(name) != now[name] for name in FILTERS):
            return {}
        files = [str(self.sources.old / file.path) for file in old.tables["counts"].files]
        before, after = old.notes["parts"], parts_of(self.bases)
        was = {ref.name: place for place, ref in enumerate(old.kbs)}
        return {
            place: Names(place, counts=files, was=was[base.name])
            for place, base in enumerate(self.bases)
            if base.name in was and before[base.name] == after[base.name]
        }

    def _stage(self, crew: Pool, bounds: list[str], known: dict[int, Names]) -> list[Names]:
        """Stage the names of all knowledge bases whose counts are not known, and the prior files."""
        rules = Rules(
            self.settings.langs, self.settings.min_length, self.settings.max_length, self.settings.numbers,
            self._stop(),
        )._asdict()  # fmt: skip
        tasks: list[Task] = []
        places: dict[str, int] = {}
        for place, base in enumerate(self.bases):
            files = [f for part in base.parts if part.rows("surfaces") for f in part.files("surfaces")]
            groups = [(f, group) for f in files for group in range(pq.read_metadata(f).num_row_groups)]
            for number, (file, group) in enumerate(groups if place not in known else ()):
                part = f"work/names/{place:03}-{number:06}.arrow"
                args = {
                    "part": part,
                    "file": str(file),
                    "group": group,
                    "kb": place,
                    "rules": rules,
                    "bounds": bounds,
                }
                tasks.append(
                    Task(name=f"names/{place:03}-{number:06}", call="kbtools.alias.names:stage", args=args)
                )
                places[part] = place
        done = self._do(crew, "names", tasks)
        for one in done:
            for what, n in one.facts["counts"].items():
                self.counts[what] = self.counts.get(what, 0) + n
            self.rejects += one.facts["rejects"]
        staged = {
            place: [part for part, mine in places.items() if mine == place]
            for place in range(len(self.bases))
        }
        found = [known.get(place, Names(place, staged=staged[place])) for place in range(len(self.bases))]
        return found + text.stage_priors(self, crew, rules, bounds)

    def _weigh(self, crew: Pool, bounds: list[str], names: list[Names]) -> list[Done]:
        settings = self.settings
        how = How(
            weights=[getattr(self.weights, word) for word in SOURCES],
            alpha=settings.alpha,
            kappa=settings.kappa,
            most=settings.most,
            min_count=settings.min_count,
            kbs=len(self.bases),
            counting=self.counting,
            compat=self.compat,
        )
        tasks = [
            Task(
                name=f"weigh/{number:05}",
                call="kbtools.alias.ranges:weigh",
                args={
                    "part": f"work/pieces/{number:05}.npz",
                    "number": number,
                    "bounds": bounds,
                    "names": msgspec.to_builtins(names),
                    "how": msgspec.to_builtins(how),
                    "memory": self.memory,
                },
            )
            for number in range(len(bounds) + 1)
        ]
        return self._do(crew, "weigh", tasks)

    def _do(self, crew: Pool, stage: str, tasks: Sequence[Task]) -> list[Done]:
        """Do the tasks of a stage; return their records in the order of the tasks."""
        begun = time.perf_counter()
        with Progress(f"alias: {stage}", len(tasks), "tasks", quiet=self.quiet) as progress:
            done = {one.task.name: one for one in crew.run(tasks, on_done=lambda _: progress.advance(1))}
        self.seconds[stage] = round(time.perf_counter() - begun, 3)
        return [done[task.name] for task in tasks]

    do = _do

    def _table(self, name: str, done: Iterable[Done]) -> Table:
        files = [_below(file) for one in done for file in one.files if file.path.startswith(f"new/{name}/")]
        rows = sum(one.facts[name] for one in done if name in one.facts and one.files)
        return Table(rows=rows, files=files, schema=schema_digest(TABLES[name].schema))

    def _lookup(self, done: Done, counted: Sequence[Done]) -> Table:
        files = [
            _below(file) for one in (done, *counted) for file in one.files if f"new/{LOOKUP}/" in file.path
        ]
        return Table(
            rows=done.facts["norms"],
            files=sorted(files, key=lambda file: file.path),
            schema=digest.of_json(["numpy", *sorted(file.path for file in files)]),
        )

    def _rejected(self) -> Table:
        schema = KB_TABLES["rejects"].schema
        batch = pa.RecordBatch.from_pylist(self.rejects, schema)
        files = write_rows(self.folder / "new", "rejects", [batch])
        listed = [_below(artefact.entry(self.folder, f"new/{file}")) for file in files]
        return Table(rows=len(self.rejects), files=listed, schema=schema_digest(schema))


def parts_of(bases: Sequence[Base]) -> dict[str, list[str]]:
    """Say what each knowledge base consists of: its content, and those of its overlays."""
    return {base.name: [part.manifest.content for part in base.parts] for base in bases}


def base_pages(base: Base) -> int:
    """Count the pages of text that came with a knowledge base."""
    return sum(part.rows("pages") for part in base.parts)


def _below(file: FileEntry) -> FileEntry:
    return msgspec.structs.replace(file, path=file.path.removeprefix("new/"))


def build(
    kbs: Sequence[str | Path],
    out: str | Path,
    *,
    weights: str | Path | None = None,
    prior_files: Sequence[str | Path] = (),
    corpora: Sequence[str] = (),
    base: str | Path | None = None,
    compat: str | None = None,
    workers: int = 1,
    memory: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
    overrides: Iterable[str] = (),
    **settings: Any,
) -> Manifest:
    """Count who is called what in knowledge bases (with their overlays) and write an alias artefact.

    `base` is an earlier one: its knowledge bases are taken too, and what has not changed is not read again.
    """
    given = config.build(Settings, settings, where="alias", overrides=overrides)
    old = Path(base) if base else None
    paths = [*_earlier(old, kbs), *kbs] if old else list(kbs)
    if not paths:
        raise ConfigError("no knowledge base to take names from")
    sources = Sources(gather(paths), [str(file) for file in prior_files], corpora, old)
    known = load_weights(Path(weights) if weights else None)
    made = Build(sources, given, known, compat)
    return made.run(
        Path(out), workers=workers, memory=memory, overwrite=overwrite, restart=restart, quiet=quiet
    )


def _earlier(old: Path, kbs: Sequence[str | Path]) -> list[Path]:
    """Return where the knowledge bases of an earlier artefact lie, but those that are given anew."""
    manifest = artefact.read(old, KIND)
    given = [artefact.read(Path(path), "kb") for path in kbs]
    anew = {one.base.name if one.base else one.name for one in given}
    found = []
    for one in manifest.inputs:
        if one.kind != "kb":
            continue
        if not (Path(one.path) / manifests.NAME).exists():
            raise ArtefactError(
                f"{old} was made from {one.path}, which is gone: give all knowledge bases instead"
            )
        there = artefact.read(Path(one.path), "kb")
        if (there.base.name if there.base else there.name) in anew:
            continue
        if there.content != one.content:
            raise ArtefactError(
                f"{old} was made from {one.path}, which has changed since; name it on the command line to take it anew"
            )
        found.append(Path(one.path))
    return found
